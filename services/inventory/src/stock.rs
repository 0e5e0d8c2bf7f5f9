//! The stock of one variant: what is on the shelf, what of it is promised, what can be sold.
//!
//! What always holds (`StockItem::check`):
//! - `on_hand = available + reserved`;
//! - `on_hand` and `reserved` are never negative;
//! - `available` is negative only by orders that were accepted while back-orders were allowed; it
//!   then says how many pieces are owed;
//! - `in_stock` is 1 exactly while something is available; a change of what customers are told emits one event;
//! - `low_alerted` is 1 exactly while `available <= threshold`, so that falling to the threshold emits one
//!   event, however many orders arrive at that moment; taking the last piece emits one as well.
//!
//! A rule does not write the item. It returns a `Shift`: by how much the counters move, and the bounds
//! within which that is right. Two orders for one variant therefore do not disturb each other, unless
//! one of them changes what is right for the other.

mod error;
#[cfg(test)]
pub(crate) mod tests;

use contracts::{Event, StockLow, StockStateChanged};
use kernel::{Actor, BusinessId, Line, ProductId, StockState, VariantId};
use serde::{Deserialize, Serialize};

pub use error::StockError;

/// The most that a counter may reach; far from overflow, and exact in JavaScript.
pub const QUANTITY_MAX: i64 = 1_000_000_000;
pub const THRESHOLD_MAX: i64 = 1_000_000;

/// Why a person corrects the stock.
pub type Reason = Line<1, 200>;

/// The flags are integers too, 0 or 1, because only integers can be bounds of a shift.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockItem {
    pub variant_id: VariantId,
    pub product_id: ProductId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seller_id: Option<BusinessId>,
    pub sku: String,
    pub title: String,
    pub on_hand: i64,
    pub available: i64,
    pub reserved: i64,
    pub threshold: i64,
    pub low_alerted: i64,
    pub in_stock: i64,
    pub backorder: i64,
    /// Grows when what customers are told changes.
    pub state_revision: i64,
    /// Whether a person or an import ever said how many there are.
    pub counted: i64,
    /// Grows when a person edits the item. Sales leave it alone, so that a bestseller can be edited too.
    pub revision: i64,
    /// The latest `product.changed` that was heeded; an older one that arrives late is not.
    pub catalog_sequence: u64,
}

/// What the catalog says about a variant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    pub variant_id: VariantId,
    pub product_id: ProductId,
    pub seller_id: Option<BusinessId>,
    pub sku: String,
    pub title: String,
}

/// The integers of the item, named as serde names its fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Counter {
    OnHand,
    Available,
    Reserved,
    Threshold,
    LowAlerted,
    InStock,
    Backorder,
    StateRevision,
    Counted,
    Revision,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    AtLeast(Counter, i64),
    AtMost(Counter, i64),
}

/// Why what is on hand moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MovementKind {
    /// Sent to the customer.
    Shipped,
    /// Corrected by a person.
    Adjusted,
    /// Counted by an import.
    Counted,
}

/// Moves of counters that happen together or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shift {
    pub variant_id: VariantId,
    /// Counters that stay as they are do not appear.
    pub deltas: Vec<(Counter, i64)>,
    pub bounds: Vec<Bound>,
    /// Emitted when the shift is committed.
    pub events: Vec<Event>,
}

/// Too few pieces are for sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Short {
    pub available: i64,
}

/// A correction by a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adjustment {
    /// So many more, or fewer.
    Delta(i64),
    /// Counted: so many there are.
    OnHand(i64),
}

/// What a person may set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Settings {
    pub threshold: Option<i64>,
    pub backorder: Option<bool>,
}

impl StockItem {
    /// A variant of which nobody has said yet how many there are. It counts as low already: stock that
    /// never was above the threshold cannot fall to it.
    pub fn new(described: Described, threshold: i64, catalog_sequence: u64) -> Self {
        let Described { variant_id, product_id, seller_id, sku, title } = described;
        Self {
            variant_id,
            product_id,
            seller_id,
            sku,
            title,
            on_hand: 0,
            available: 0,
            reserved: 0,
            threshold,
            low_alerted: 1,
            in_stock: 0,
            backorder: 0,
            state_revision: 0,
            counted: 0,
            revision: 0,
            catalog_sequence,
        }
    }

    /// Staff and the seller may look. To anyone else it is as if there were no such stock.
    pub fn check_readable(&self, by: &Actor) -> Result<(), StockError> {
        if by.is_staff() || self.is_of(by) { Ok(()) } else { Err(StockError::Unknown) }
    }

    /// Who manages the seller and admins may change it; its staff and support may only look.
    pub fn check_writable(&self, by: &Actor) -> Result<(), StockError> {
        self.check_readable(by)?;
        if by.is_admin() || self.seller_id.is_some_and(|seller| by.manages(seller)) { Ok(()) } else { Err(StockError::NotSeller) }
    }

    fn is_of(&self, actor: &Actor) -> bool {
        self.seller_id.is_some_and(|seller| actor.acts_for(seller))
    }

    /// Takes over what a newer `product.changed` says; `None` if there is nothing new in it.
    pub fn described(&self, described: &Described, catalog_sequence: u64) -> Option<Self> {
        let same = self.sku == described.sku && self.title == described.title && self.seller_id == described.seller_id;
        if same || catalog_sequence <= self.catalog_sequence {
            return None;
        }
        let Described { sku, title, seller_id, .. } = described.clone();
        Some(Self { sku, title, seller_id, catalog_sequence, ..self.clone() })
    }

    /// Promises pieces to an order.
    pub fn reserve(&self, quantity: i64) -> Result<Shift, Short> {
        let mut shift = self.shift_available(-quantity);
        if self.available >= quantity {
            shift.bounds.push(Bound::AtLeast(Counter::Available, quantity));
        } else if self.backorder == 1 {
            shift.must_be(Counter::Backorder, 1);
        } else {
            return Err(Short { available: self.available });
        }
        shift.add(Counter::Reserved, quantity);
        Ok(shift)
    }

    /// Takes pieces back from an order.
    pub fn release(&self, quantity: i64) -> Shift {
        let mut shift = self.shift_available(quantity);
        shift.add(Counter::Reserved, -quantity);
        shift.bounds.push(Bound::AtLeast(Counter::Reserved, quantity));
        shift
    }

    /// The pieces of an order leave. If it were back-ordered and more leave than were ever counted, the
    /// difference was there all the same: the shelf is empty then, not less than empty.
    pub fn ship(&self, quantity: i64) -> Shift {
        let uncounted = (quantity - self.on_hand).max(0);
        let mut shift = if uncounted == 0 {
            let mut shift = Shift::nothing(self.variant_id);
            shift.bounds.push(Bound::AtLeast(Counter::OnHand, quantity));
            shift
        } else {
            let mut shift = self.shift_available(uncounted);
            shift.must_be(Counter::OnHand, self.on_hand);
            shift
        };
        shift.add(Counter::OnHand, uncounted - quantity);
        shift.add(Counter::Reserved, -quantity);
        shift.bounds.push(Bound::AtLeast(Counter::Reserved, quantity));
        shift
    }

    /// Corrects what is on hand, never below what is promised.
    pub fn adjust(&self, adjustment: Adjustment) -> Result<Shift, StockError> {
        self.adjusted(adjustment, self.backorder)
    }

    /// A count that also says whether the variant may be sold although there is none.
    pub fn count(&self, on_hand: i64, backorder: bool) -> Result<Shift, StockError> {
        self.adjusted(Adjustment::OnHand(on_hand), backorder.into())
    }

    fn adjusted(&self, adjustment: Adjustment, backorder: i64) -> Result<Shift, StockError> {
        let delta = match adjustment {
            Adjustment::Delta(delta) => delta,
            Adjustment::OnHand(on_hand) if (0..=QUANTITY_MAX).contains(&on_hand) => on_hand - self.on_hand,
            Adjustment::OnHand(_) => return Err(StockError::Quantity),
        };
        if delta.unsigned_abs() > QUANTITY_MAX.unsigned_abs() || self.on_hand + delta > QUANTITY_MAX {
            return Err(StockError::Quantity);
        }
        if delta < 0 && self.available + delta < 0 {
            return Err(StockError::BelowReserved { reserved: self.reserved, removable: self.available.max(0) });
        }
        let mut shift = self.shift_to(self.threshold, backorder, delta);
        shift.add(Counter::Available, delta);
        if backorder != self.backorder {
            shift.must_be(Counter::Backorder, self.backorder);
            shift.add(Counter::Backorder, backorder - self.backorder);
        }
        match adjustment {
            Adjustment::OnHand(_) => shift.must_be(Counter::OnHand, self.on_hand),
            Adjustment::Delta(_) => shift.bounds.push(Bound::AtMost(Counter::OnHand, QUANTITY_MAX - delta)),
        }
        if delta < 0 {
            shift.bounds.push(Bound::AtLeast(Counter::Available, -delta));
        }
        shift.add(Counter::OnHand, delta);
        shift.add(Counter::Revision, 1);
        shift.add(Counter::Counted, 1 - self.counted);
        shift.must_be(Counter::Counted, self.counted);
        Ok(shift)
    }

    /// Changes what a person may set; `None` if it is so already.
    pub fn set(&self, settings: Settings) -> Result<Option<Shift>, StockError> {
        let threshold = settings.threshold.unwrap_or(self.threshold);
        let backorder = settings.backorder.map_or(self.backorder, i64::from);
        if !(0..=THRESHOLD_MAX).contains(&threshold) {
            return Err(StockError::Threshold);
        }
        if threshold == self.threshold && backorder == self.backorder {
            return Ok(None);
        }
        let mut shift = self.shift_to(threshold, backorder, 0);
        shift.must_be(Counter::Backorder, self.backorder);
        shift.must_be(Counter::Revision, self.revision);
        shift.add(Counter::Threshold, threshold - self.threshold);
        shift.add(Counter::Backorder, backorder - self.backorder);
        shift.add(Counter::Revision, 1);
        Ok(Some(shift))
    }

    pub fn is_low(&self) -> bool {
        self.low_alerted == 1
    }

    /// What customers are told.
    pub fn state(&self) -> StockState {
        StockState::of(self.in_stock == 1, self.is_low(), self.backorder == 1)
    }

    /// The item after the shift; `None` if a bound does not hold, as the store would find.
    pub fn after(&self, shift: &Shift) -> Option<Self> {
        let mut item = self.clone();
        let holds = shift.bounds.iter().all(|bound| match *bound {
            Bound::AtLeast(counter, least) => *item.counter(counter) >= least,
            Bound::AtMost(counter, most) => *item.counter(counter) <= most,
        });
        for (counter, delta) in &shift.deltas {
            *item.counter(*counter) += delta;
        }
        debug_assert!(!holds || item.check(), "the books do not add up: {item:?}");
        holds.then_some(item)
    }

    /// The sentences at the top of this file.
    pub fn check(&self) -> bool {
        self.on_hand == self.available + self.reserved
            && self.on_hand >= 0
            && self.reserved >= 0
            && (self.low_alerted == 1) == (self.available <= self.threshold)
            && (self.in_stock == 1) == (self.available > 0)
            && [self.low_alerted, self.in_stock, self.backorder, self.counted].iter().all(|flag| (0..=1).contains(flag))
    }

    fn counter(&mut self, counter: Counter) -> &mut i64 {
        match counter {
            Counter::OnHand => &mut self.on_hand,
            Counter::Available => &mut self.available,
            Counter::Reserved => &mut self.reserved,
            Counter::Threshold => &mut self.threshold,
            Counter::LowAlerted => &mut self.low_alerted,
            Counter::InStock => &mut self.in_stock,
            Counter::StateRevision => &mut self.state_revision,
            Counter::Backorder => &mut self.backorder,
            Counter::Counted => &mut self.counted,
            Counter::Revision => &mut self.revision,
        }
    }

    fn shift_available(&self, delta: i64) -> Shift {
        let mut shift = self.shift_to(self.threshold, self.backorder, delta);
        shift.add(Counter::Available, delta);
        shift
    }

    /// Keeps `low_alerted` and `in_stock` right while what is available moves by `delta` and the settings become
    /// these. The bounds let the shift happen only where it ends on the side of the threshold, and of zero, that
    /// was foreseen here: one order of many crosses it, and that one emits the event. So does the one that takes the last piece.
    fn shift_to(&self, threshold: i64, backorder: i64, delta: i64) -> Shift {
        let mut shift = Shift::nothing(self.variant_id);
        shift.must_be(Counter::Threshold, self.threshold);
        shift.must_be(Counter::LowAlerted, self.low_alerted);
        let available = self.available + delta;
        let (low, in_stock) = (available <= threshold, available > 0);
        shift.bounds.push(match low {
            true => Bound::AtMost(Counter::Available, threshold - delta),
            false => Bound::AtLeast(Counter::Available, threshold + 1 - delta),
        });
        shift.add(Counter::LowAlerted, i64::from(low) - self.low_alerted);
        // What is above its threshold is in stock, since no threshold is below zero.
        if low || self.is_low() {
            shift.must_be(Counter::InStock, self.in_stock);
            shift.bounds.push(match in_stock {
                true => Bound::AtLeast(Counter::Available, 1 - delta),
                false => Bound::AtMost(Counter::Available, -delta),
            });
            shift.add(Counter::InStock, i64::from(in_stock) - self.in_stock);
        }
        let gone = !in_stock && self.in_stock == 1;
        if low && (self.low_alerted == 0 || gone) {
            let (seller_id, sku, title) = (self.seller_id, self.sku.clone(), self.title.clone());
            shift.emit(StockLow { variant_id: self.variant_id, seller_id, sku, title, available, threshold });
        }
        let state = StockState::of(in_stock, low, backorder == 1);
        if state != self.state() {
            shift.must_be(Counter::Backorder, self.backorder);
            shift.must_be(Counter::StateRevision, self.state_revision);
            shift.add(Counter::StateRevision, 1);
            let (variant_id, product_id, revision) = (self.variant_id, self.product_id, self.state_revision + 1);
            shift.emit(StockStateChanged { variant_id, product_id, state, revision });
        }
        shift
    }
}

impl Shift {
    fn nothing(variant_id: VariantId) -> Self {
        Self { variant_id, deltas: Vec::with_capacity(3), bounds: Vec::with_capacity(6), events: Vec::new() }
    }

    /// By how much the counter moves.
    pub fn delta(&self, counter: Counter) -> i64 {
        self.deltas.iter().filter(|(moved, _)| *moved == counter).map(|(_, delta)| delta).sum()
    }

    fn add(&mut self, counter: Counter, delta: i64) {
        if delta != 0 {
            self.deltas.push((counter, delta));
        }
    }

    fn must_be(&mut self, counter: Counter, value: i64) {
        self.bounds.extend([Bound::AtLeast(counter, value), Bound::AtMost(counter, value)]);
    }

    fn emit(&mut self, event: impl Into<Event>) {
        self.events.push(event.into());
    }
}
