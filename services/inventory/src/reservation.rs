//! Stock held for an order: what was promised, until when, and how it ended.
//!
//! ```text
//! (none) -> held -> firm -> shipped          refused: some line was short, nothing was held
//!            |        |                      forestalled: cancelled before it was placed here
//!            +--------+--> released
//!            +--> expired --> firm | refused (confirmed after all)
//! ```

use std::collections::BTreeMap;

use contracts::{Decision, ORDER_LINES_MAX, OrderLine, ShortLine, StockRefused, StockReleased, StockReserved};
use kernel::{Code, Duration, OrderId, Problem, Timestamp, VariantId};
use serde::{Deserialize, Serialize};

use crate::stock::{MovementKind, Shift, Short, StockItem};

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
    /// Until `expires_at`, or until the order is confirmed or cancelled.
    Held,
    /// Sold: held without a deadline.
    Firm,
    Shipped,
    Refused,
    /// Given back because the order was cancelled.
    Released,
    /// Given back because nobody paid in time. A payment that comes late may claim it again.
    Expired,
    /// The cancellation arrived before the order: the order will hold nothing.
    Forestalled,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    pub order_id: OrderId,
    pub lines: Vec<HeldLine>,
    pub status: Status,
    /// Only while held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    pub changed_at: Timestamp,
}

/// What a rule wants to happen in one commit: the reservation's next state and events, and the shifts
/// of the stock, all of one kind. The events of the shifts are told as well.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Plan {
    pub reservation: Decision<Reservation>,
    pub kind: MovementKind,
    pub shifts: Vec<Shift>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReservationError {
    #[error("the order holds no stock that could become firm or be shipped")]
    NothingHeld,
    #[error("the order was shipped although its stock had been given back")]
    ShippedUnheld,
    #[error("an order has at most {ORDER_LINES_MAX} different variants")]
    TooManyLines,
    #[error("a variant of the order has no stock record")]
    StockMissing,
}

impl From<ReservationError> for Problem {
    fn from(error: ReservationError) -> Self {
        match error {
            // Both may only be early: a later try finds what was missing, or the letter is parked for a person.
            ReservationError::NothingHeld | ReservationError::ShippedUnheld => Self::new(Code::IllegalTransition, error.to_string()),
            ReservationError::TooManyLines | ReservationError::StockMissing => Self::internal(error),
        }
    }
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

/// The order was placed: holds every line, or none.
pub fn place(
    existing: Option<Reservation>,
    order_id: OrderId,
    lines: Vec<HeldLine>,
    stock: &[StockItem],
    hold: Duration,
    now: Timestamp,
) -> Plan {
    if let Some(reservation) = existing {
        return match reservation.status {
            Status::Forestalled => {
                let reservation = Reservation { lines, status: Status::Released, changed_at: now, ..reservation };
                Plan::only(Decision::changed(reservation).tell(StockReleased { order_id, expired: false }))
            }
            Status::Held | Status::Firm | Status::Shipped | Status::Refused | Status::Released | Status::Expired => {
                Plan::only(Decision::unchanged(reservation))
            }
        };
    }
    let expires_at = now.plus(hold);
    let reservation = Reservation { order_id, lines, status: Status::Held, expires_at: Some(expires_at), changed_at: now };
    reservation.claim(stock, now, |reservation| Decision::changed(reservation).tell(StockReserved { order_id, expires_at }))
}

/// The order was cancelled: gives back what it holds.
pub fn cancel(existing: Option<Reservation>, order_id: OrderId, stock: &[StockItem], now: Timestamp) -> Result<Plan, ReservationError> {
    let Some(reservation) = existing else {
        let tombstone = Reservation { order_id, lines: Vec::new(), status: Status::Forestalled, expires_at: None, changed_at: now };
        return Ok(Plan::only(Decision::changed(tombstone)));
    };
    match reservation.status {
        Status::Held | Status::Firm => reservation.give_back(Status::Released, stock, now),
        // The stock is free already; from now on no late payment may claim it again.
        Status::Expired => Ok(Plan::only(Decision::changed(reservation.moved(Status::Released, now)))),
        Status::Shipped | Status::Refused | Status::Released | Status::Forestalled => Ok(Plan::only(Decision::unchanged(reservation))),
    }
}

impl Reservation {
    /// The order was confirmed: what it holds is sold. If the hold had run out, it is claimed again.
    pub fn confirm(self, stock: &[StockItem], now: Timestamp) -> Plan {
        match self.status {
            Status::Held => Plan::only(Decision::changed(self.moved(Status::Firm, now))),
            Status::Expired => self.claim(stock, now, |reservation| Decision::changed(reservation.moved(Status::Firm, now))),
            Status::Firm | Status::Shipped | Status::Refused | Status::Released | Status::Forestalled => {
                Plan::only(Decision::unchanged(self))
            }
        }
    }

    /// The deadline may have passed: if it has, gives back what is held.
    pub fn expire(self, stock: &[StockItem], now: Timestamp) -> Result<Plan, ReservationError> {
        match self.status {
            Status::Held if self.expires_at.is_some_and(|deadline| deadline <= now) => self.give_back(Status::Expired, stock, now),
            Status::Held | Status::Firm | Status::Shipped | Status::Refused | Status::Released | Status::Expired | Status::Forestalled => {
                Ok(Plan::only(Decision::unchanged(self)))
            }
        }
    }

    /// The goods left.
    pub fn ship(self, stock: &[StockItem], now: Timestamp) -> Result<Plan, ReservationError> {
        match self.status {
            Status::Held | Status::Firm => {
                let shifts = self.shifts(stock, StockItem::ship)?;
                Ok(Plan { reservation: Decision::changed(self.moved(Status::Shipped, now)), kind: MovementKind::Shipped, shifts })
            }
            Status::Shipped => Ok(Plan::only(Decision::unchanged(self))),
            Status::Expired | Status::Refused | Status::Released | Status::Forestalled => Err(ReservationError::ShippedUnheld),
        }
    }

    /// Whether a rule about it needs the stock of its lines.
    pub fn moves_stock(&self) -> bool {
        match self.status {
            Status::Held | Status::Firm | Status::Expired => true,
            Status::Shipped | Status::Refused | Status::Released | Status::Forestalled => false,
        }
    }

    /// Whether nothing can happen to it any more.
    pub fn has_ended(&self) -> bool {
        match self.status {
            Status::Held | Status::Firm => false,
            Status::Shipped | Status::Refused | Status::Released | Status::Expired | Status::Forestalled => true,
        }
    }

    fn moved(self, status: Status, now: Timestamp) -> Self {
        Self { status, expires_at: None, changed_at: now, ..self }
    }

    /// All lines or none. A refusal is kept, so that it is told once.
    fn claim(self, stock: &[StockItem], now: Timestamp, done: impl FnOnce(Self) -> Decision<Self>) -> Plan {
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
            return Plan { reservation: done(self), kind: MovementKind::Reserved, shifts };
        }
        let order_id = self.order_id;
        Plan::only(Decision::changed(self.moved(Status::Refused, now)).tell(StockRefused { order_id, short }))
    }

    fn give_back(self, status: Status, stock: &[StockItem], now: Timestamp) -> Result<Plan, ReservationError> {
        let shifts = self.shifts(stock, StockItem::release)?;
        let released = StockReleased { order_id: self.order_id, expired: status == Status::Expired };
        Ok(Plan { reservation: Decision::changed(self.moved(status, now)).tell(released), kind: MovementKind::Released, shifts })
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
        Self { reservation, kind: MovementKind::Reserved, shifts: Vec::new() }
    }
}

#[cfg(test)]
#[path = "reservation_tests.rs"]
mod tests;
