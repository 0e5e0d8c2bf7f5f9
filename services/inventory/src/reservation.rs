//! Stock held for an order: what was promised, and how it ended. It is held until the order is shipped or cancelled,
//! and ends of itself never: an order that nobody pays is cancelled at its deadline. So stock cannot be gone when
//! the money arrives, and inventory need not hear that an order was paid.
//!
//! ```text
//! (none) -> held -> shipped        refused: some line was short, nothing was held
//!             |                    forestalled: cancelled before it was placed here
//!             +---> released
//! ```
//!
//! The goods of one seller may leave, or be given back, before those of another: each line goes that way by itself, and the
//! reservation is held as long as one of its lines is.

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
    #[serde(default, skip_serializing_if = "LineState::is_held")]
    pub state: LineState,
}

/// What became of a line of which pieces were held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineState {
    #[default]
    Held,
    Shipped,
    Released,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Held,
    /// Nothing is held any more, and something has left.
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
        let entry =
            entry.or_insert_with(|| HeldLine { variant_id: line.variant_id, sku: line.sku.clone(), quantity: 0, state: LineState::Held });
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
        Status::Held => reservation.end(|_| true, LineState::Released, stock, now),
        Status::Shipped | Status::Refused | Status::Released | Status::Forestalled => Ok(Plan::only(Decision::unchanged(reservation))),
    }
}

impl Reservation {
    /// These goods left.
    pub fn ship(self, goods: &[OrderLine], stock: &[StockItem], now: Timestamp) -> Result<Plan, ReservationError> {
        let leaves = |line: &HeldLine| goods.iter().any(|left| left.variant_id == line.variant_id);
        let unheld = self.lines.iter().any(|line| leaves(line) && line.state == LineState::Released);
        match self.status {
            Status::Held | Status::Shipped if !unheld => self.end(leaves, LineState::Shipped, stock, now),
            Status::Held | Status::Shipped | Status::Refused | Status::Released | Status::Forestalled => {
                Err(ReservationError::ShippedUnheld)
            }
        }
    }

    /// These goods will not leave: gives back what is held of them.
    pub fn release(self, goods: &[OrderLine], stock: &[StockItem], now: Timestamp) -> Result<Plan, ReservationError> {
        self.end(|line| goods.iter().any(|given_up| given_up.variant_id == line.variant_id), LineState::Released, stock, now)
    }

    /// Whether its lines are promised. If not, nothing can happen to it any more.
    pub fn holds(&self) -> bool {
        match self.status {
            Status::Held => true,
            Status::Shipped | Status::Refused | Status::Released | Status::Forestalled => false,
        }
    }

    /// Of the lines that are meant, those that are still held end so.
    fn end(
        mut self,
        is_meant: impl Fn(&HeldLine) -> bool,
        state: LineState,
        stock: &[StockItem],
        now: Timestamp,
    ) -> Result<Plan, ReservationError> {
        let (kind, shift): (_, fn(&StockItem, i64) -> Shift) = match state {
            LineState::Shipped => (Some(MovementKind::Shipped), StockItem::ship),
            LineState::Held | LineState::Released => (None, StockItem::release),
        };
        if !self.holds() {
            return Ok(Plan::only(Decision::unchanged(self)));
        }
        let mut shifts = Vec::new();
        for line in self.lines.iter_mut().filter(|line| line.state.is_held() && is_meant(line)) {
            let item = stock.iter().find(|item| item.variant_id == line.variant_id).ok_or(ReservationError::StockMissing)?;
            shifts.push(shift(item, line.quantity));
            line.state = state;
        }
        if shifts.is_empty() {
            return Ok(Plan::only(Decision::unchanged(self)));
        }
        let status = self.status_of_lines();
        Ok(Plan { reservation: self.moved(status, now), kind, shifts })
    }

    fn status_of_lines(&self) -> Status {
        let any = |state| self.lines.iter().any(|line| line.state == state);
        if any(LineState::Held) {
            Status::Held
        } else if any(LineState::Shipped) {
            Status::Shipped
        } else {
            Status::Released
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
}

impl LineState {
    // Serde hands over what it asks about.
    #[allow(clippy::trivially_copy_pass_by_ref)]
    fn is_held(&self) -> bool {
        match self {
            Self::Held => true,
            Self::Shipped | Self::Released => false,
        }
    }
}

impl Plan {
    /// The stock stays as it is.
    fn only(reservation: Decision<Reservation>) -> Self {
        Self { reservation, kind: None, shifts: Vec::new() }
    }
}
