//! Stock held for an order: what was promised, and how it ended. It is held until the order is shipped or cancelled,
//! and ends of itself never: an order that nobody pays is cancelled at its deadline. So stock cannot be gone when
//! the money arrives, and inventory need not hear that an order was paid.
//!
//! ```text
//! (none) -> held -> shipped        refused: some line was short, nothing was held
//!             |                    forestalled: cancelled before it was placed here
//!             +---> released
//! ```

mod error;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use contracts::{Decision, ORDER_LINES_MAX, OrderLine, ShortLine, StockRefused, StockReserved};
use kernel::{OrderId, Timestamp, VariantId};
use serde::{Deserialize, Serialize};

use crate::stock::{MovementKind, Shift, Short, StockItem};

pub use error::ReservationError;

/// A variant of the order, its lines summed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldLine {
    pub variant_id: VariantId,
    pub sku: String,
    pub quantity: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Held,
    Shipped,
    Refused,
    /// Given back because the order was cancelled.
    Released,
    /// The cancellation arrived before the order: the order will hold nothing.
    Forestalled,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    pub order_id: OrderId,
    pub lines: Vec<HeldLine>,
    pub status: Status,
    pub changed_at: Timestamp,
}

/// What a rule wants to happen in one commit: the reservation's next state and events, and the shifts
/// of the stock. The events of the shifts are emitted as well.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Plan {
    pub reservation: Decision<Reservation>,
    /// What the ledger says of the shifts; nothing if they leave what is on hand as it is.
    pub kind: Option<MovementKind>,
    pub shifts: Vec<Shift>,
}

/// The order's lines per variant, in the order of the ids.
pub fn summed(lines: &[OrderLine]) -> Result<Vec<HeldLine>, ReservationError> {
    let mut held: BTreeMap<VariantId, HeldLine> = BTreeMap::new();
    for line in lines {
        let entry = held.entry(line.variant_id);
        let entry = entry.or_insert_with(|| HeldLine { variant_id: line.variant_id, sku: line.sku.clone(), quantity: 0 });
        entry.quantity += i64::from(line.quantity);
    }
    if held.len() > ORDER_LINES_MAX { Err(ReservationError::TooManyLines) } else { Ok(held.into_values().collect()) }
}

/// The order was placed: holds every line, or none. `reserved` is emitted in the first case.
pub fn place(existing: Option<Reservation>, reserved: StockReserved, lines: Vec<HeldLine>, stock: &[StockItem], now: Timestamp) -> Plan {
    let order_id = reserved.order.order_id;
    match existing {
        None => Reservation { order_id, lines, status: Status::Held, changed_at: now }.claim(stock, reserved, now),
        Some(reservation) => match reservation.status {
            Status::Forestalled => {
                let reservation = Reservation { lines, status: Status::Released, changed_at: now, ..reservation };
                Plan::only(Decision::changed(reservation))
            }
            Status::Held | Status::Shipped | Status::Refused | Status::Released => Plan::only(Decision::unchanged(reservation)),
        },
    }
}

/// The order was cancelled: gives back what it holds.
pub fn cancel(existing: Option<Reservation>, order_id: OrderId, stock: &[StockItem], now: Timestamp) -> Result<Plan, ReservationError> {
    let Some(reservation) = existing else {
        let tombstone = Reservation { order_id, lines: Vec::new(), status: Status::Forestalled, changed_at: now };
        return Ok(Plan::only(Decision::changed(tombstone)));
    };
    match reservation.status {
        Status::Held => {
            let shifts = reservation.shifts(stock, StockItem::release)?;
            Ok(Plan { reservation: reservation.moved(Status::Released, now), kind: None, shifts })
        }
        Status::Shipped | Status::Refused | Status::Released | Status::Forestalled => Ok(Plan::only(Decision::unchanged(reservation))),
    }
}

impl Reservation {
    /// The goods left.
    pub fn ship(self, stock: &[StockItem], now: Timestamp) -> Result<Plan, ReservationError> {
        match self.status {
            Status::Held => {
                let shifts = self.shifts(stock, StockItem::ship)?;
                Ok(Plan { reservation: self.moved(Status::Shipped, now), kind: Some(MovementKind::Shipped), shifts })
            }
            Status::Shipped => Ok(Plan::only(Decision::unchanged(self))),
            Status::Refused | Status::Released | Status::Forestalled => Err(ReservationError::ShippedUnheld),
        }
    }

    /// Whether its lines are promised. If not, nothing can happen to it any more.
    pub fn holds(&self) -> bool {
        match self.status {
            Status::Held => true,
            Status::Shipped | Status::Refused | Status::Released | Status::Forestalled => false,
        }
    }

    fn moved(self, status: Status, now: Timestamp) -> Decision<Self> {
        Decision::changed(Self { status, changed_at: now, ..self })
    }

    /// All lines or none. A refusal is kept, so that it is emitted once.
    fn claim(self, stock: &[StockItem], reserved: StockReserved, now: Timestamp) -> Plan {
        let order_id = self.order_id;
        let (mut shifts, mut short) = (Vec::with_capacity(self.lines.len()), Vec::new());
        for line in &self.lines {
            let item = stock.iter().find(|item| item.variant_id == line.variant_id);
            // A variant without a stock record has nothing to sell.
            match item.map_or(Err(Short { available: 0 }), |item| item.reserve(line.quantity)) {
                Ok(shift) => shifts.push(shift),
                Err(Short { available }) => short.push(ShortLine {
                    variant_id: line.variant_id,
                    sku: line.sku.clone(),
                    wanted: u32::try_from(line.quantity).unwrap_or(u32::MAX),
                    available: u32::try_from(available.max(0)).unwrap_or(u32::MAX),
                }),
            }
        }
        if short.is_empty() {
            return Plan { reservation: Decision::changed(self).emit(reserved), kind: None, shifts };
        }
        Plan::only(self.moved(Status::Refused, now).emit(StockRefused { order_id, short }))
    }

    fn shifts(&self, stock: &[StockItem], shift: impl Fn(&StockItem, i64) -> Shift) -> Result<Vec<Shift>, ReservationError> {
        let shift_line = |line: &HeldLine| {
            let item = stock.iter().find(|item| item.variant_id == line.variant_id);
            item.map(|item| shift(item, line.quantity)).ok_or(ReservationError::StockMissing)
        };
        self.lines.iter().map(shift_line).collect()
    }
}

impl Plan {
    /// The stock stays as it is.
    fn only(reservation: Decision<Reservation>) -> Self {
        Self { reservation, kind: None, shifts: Vec::new() }
    }
}
