//! A cart: what somebody wants to buy, and the prices they were shown.
//!
//! ```text
//! open -> ordered     an order was placed for it
//!      -> merged      a guest's cart whose lines went to the cart of the customer who signed in
//! ```

use contracts::{Decision, ORDER_LINES_MAX};
use kernel::{Actor, CartId, Code, Currency, Duration, Money, MoneyError, OrderId, Problem, ProductId, Timestamp, UserId, VariantId};
use ports::reads::Offer;
use serde::{Deserialize, Serialize};

/// All lines of a full cart fit one order.
pub const LINES_MAX: usize = ORDER_LINES_MAX;
pub const QUANTITY_MAX: u32 = 999;
/// How long a cart that nobody touches is kept.
pub const GUEST_KEPT: Duration = Duration::from_secs(30 * 24 * 3600);
pub const CUSTOMER_KEPT: Duration = Duration::from_secs(180 * 24 * 3600);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cart {
    pub id: CartId,
    /// Absent for a guest, who shows by the unguessable id that the cart is theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<UserId>,
    pub currency: Currency,
    pub lines: Vec<Line>,
    pub status: Status,
    pub updated_at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    pub product_id: ProductId,
    pub variant_id: VariantId,
    pub quantity: u32,
    /// What one piece cost when the customer last agreed; an order at another price is refused.
    pub price_seen: Money,
    /// As they were when the line was added, for showing only.
    pub title: String,
    pub sku: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_url: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Status {
    Open,
    Ordered { order_id: OrderId },
    Merged { into: CartId },
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CartError {
    /// Also for those who may not know that there is one.
    #[error("there is no such cart")]
    Missing,
    #[error("this is a customer's cart")]
    NotYours,
    #[error("the cart has been ordered")]
    Ordered,
    #[error("the cart was merged into another one")]
    Merged,
    #[error("there is no such variant for sale")]
    NotForSale,
    #[error("a quantity is between 1 and {QUANTITY_MAX}, together with what is in the cart already")]
    Quantity,
    #[error("a cart has at most {LINES_MAX} lines")]
    Full,
    #[error("the cart is in {0}")]
    Currency(&'static str),
    #[error("the variant is not in the cart")]
    NoLine,
    #[error(transparent)]
    Money(#[from] MoneyError),
}

impl From<CartError> for Problem {
    fn from(error: CartError) -> Self {
        let code = match error {
            CartError::Ordered | CartError::Merged => Code::CartClosed,
            CartError::NotForSale => Code::NotForSale,
            CartError::Quantity => return Self::field("quantity", error.to_string()),
            CartError::Full | CartError::Currency(_) => Code::Conflict,
            CartError::Missing | CartError::NoLine => Code::NotFound,
            CartError::NotYours => Code::Forbidden,
            CartError::Money(error) => return error.into(),
        };
        Self::new(code, error.to_string())
    }
}

impl Cart {
    pub fn new(id: CartId, customer_id: Option<UserId>, currency: Currency, now: Timestamp) -> Self {
        Self { id, customer_id, currency, lines: Vec::new(), status: Status::Open, updated_at: now }
    }

    /// A guest's cart is for whoever knows its id; a customer's for the customer, and for staff to look at.
    pub fn check_reader(&self, actor: &Actor) -> Result<(), CartError> {
        if self.is_of(actor) || actor.is_staff() { Ok(()) } else { Err(CartError::Missing) }
    }

    pub fn check_owner(&self, actor: &Actor) -> Result<(), CartError> {
        self.check_reader(actor)?;
        if self.is_of(actor) { Ok(()) } else { Err(CartError::NotYours) }
    }

    fn is_of(&self, actor: &Actor) -> bool {
        self.customer_id.is_none_or(|owner| actor.user_id() == Some(owner))
    }

    /// Puts so many more pieces into the cart; `offer` is absent if the catalog does not know them. A line that is there
    /// keeps the price that was agreed to.
    pub fn add(mut self, offer: Option<Offer>, quantity: u32, now: Timestamp) -> Result<Decision<Self>, CartError> {
        self.check_open()?;
        let offer = offer.filter(|offer| offer.for_sale).ok_or(CartError::NotForSale)?;
        if offer.unit_price.currency != self.currency {
            return Err(CartError::Currency(self.currency.code()));
        }
        let Offer { product_id, variant_id, unit_price, title, sku, image_url, .. } = offer;
        match self.line_mut(variant_id) {
            Some(line) => {
                line.quantity = quantity_of(line.quantity.checked_add(checked(quantity)?))?;
                (line.title, line.sku, line.image_url) = (title, sku, image_url);
            }
            None => {
                let line = Line { product_id, variant_id, quantity: checked(quantity)?, price_seen: unit_price, title, sku, image_url };
                self.push(line)?;
            }
        }
        self.changed(now)
    }

    pub fn set_quantity(mut self, variant: VariantId, quantity: u32, now: Timestamp) -> Result<Decision<Self>, CartError> {
        self.check_open()?;
        let line = self.line_mut(variant).ok_or(CartError::NoLine)?;
        if line.quantity == checked(quantity)? {
            return Ok(Decision::unchanged(self));
        }
        line.quantity = quantity;
        self.changed(now)
    }

    /// Without such a line there is nothing to do.
    pub fn remove(mut self, variant: VariantId, now: Timestamp) -> Result<Decision<Self>, CartError> {
        self.check_open()?;
        let before = self.lines.len();
        self.lines.retain(|line| line.variant_id != variant);
        if self.lines.len() == before { Ok(Decision::unchanged(self)) } else { self.changed(now) }
    }

    /// The customer agrees to what the lines cost now. Lines that are not for sale stay as they are.
    pub fn accept_prices(mut self, offers: &[Offer], now: Timestamp) -> Result<Decision<Self>, CartError> {
        self.check_open()?;
        let mut news = false;
        for line in &mut self.lines {
            let current = offers.iter().find(|offer| offer.variant_id == line.variant_id && offer.for_sale);
            let price = current.map_or(line.price_seen, |offer| offer.unit_price);
            if price.currency != self.currency {
                return Err(CartError::Currency(self.currency.code()));
            }
            news |= price != line.price_seen;
            line.price_seen = price;
        }
        if news { self.changed(now) } else { Ok(Decision::unchanged(self)) }
    }

    /// An order was placed for it. Only the first order counts; a cart that is closed stays as it is.
    pub fn ordered(self, order_id: OrderId, now: Timestamp) -> Decision<Self> {
        match self.status {
            Status::Open => Decision::changed(Self { status: Status::Ordered { order_id }, updated_at: now, ..self }),
            Status::Ordered { .. } | Status::Merged { .. } => Decision::unchanged(self),
        }
    }

    /// Takes over the lines of a guest's cart, which is closed. Quantities of one variant are summed, up
    /// to the most that a line may have; this cart's prices count. A closed guest cart has nothing to give.
    pub fn merge(mut self, guest: Self, now: Timestamp) -> Result<(Decision<Self>, Decision<Self>), CartError> {
        self.check_open()?;
        match guest.status {
            Status::Open => {}
            Status::Ordered { .. } | Status::Merged { .. } => return Ok((Decision::unchanged(self), Decision::unchanged(guest))),
        }
        if guest.currency != self.currency && !guest.lines.is_empty() {
            return Err(CartError::Currency(self.currency.code()));
        }
        let news = !guest.lines.is_empty();
        for line in &guest.lines {
            match self.line_mut(line.variant_id) {
                Some(mine) => mine.quantity = (mine.quantity + line.quantity).min(QUANTITY_MAX),
                None => self.push(line.clone())?,
            }
        }
        let merged = Self { status: Status::Merged { into: self.id }, updated_at: now, ..guest };
        let own = if news { self.changed(now)? } else { Decision::unchanged(self) };
        Ok((own, Decision::changed(merged)))
    }

    pub fn is_open(&self) -> bool {
        match self.status {
            Status::Open => true,
            Status::Ordered { .. } | Status::Merged { .. } => false,
        }
    }

    pub fn variants(&self) -> Vec<(ProductId, VariantId)> {
        self.lines.iter().map(|line| (line.product_id, line.variant_id)).collect()
    }

    /// What the lines cost at the prices that the customer agreed to.
    pub fn subtotal(&self) -> Result<Money, MoneyError> {
        self.lines.iter().try_fold(Money::zero(self.currency), |sum, line| sum.plus(line.price_seen.times(line.quantity)?))
    }

    /// When the cart is forgotten, unless it is touched before.
    pub fn expires_at(&self) -> Timestamp {
        self.updated_at.plus(if self.customer_id.is_some() { CUSTOMER_KEPT } else { GUEST_KEPT })
    }

    fn check_open(&self) -> Result<(), CartError> {
        match self.status {
            Status::Open => Ok(()),
            Status::Ordered { .. } => Err(CartError::Ordered),
            Status::Merged { .. } => Err(CartError::Merged),
        }
    }

    fn line_mut(&mut self, variant: VariantId) -> Option<&mut Line> {
        self.lines.iter_mut().find(|line| line.variant_id == variant)
    }

    fn push(&mut self, line: Line) -> Result<(), CartError> {
        if self.lines.len() >= LINES_MAX {
            return Err(CartError::Full);
        }
        self.lines.push(line);
        Ok(())
    }

    /// A cart whose subtotal cannot be written is refused here, not when it is shown.
    fn changed(self, now: Timestamp) -> Result<Decision<Self>, CartError> {
        self.subtotal()?;
        Ok(Decision::changed(Self { updated_at: now, ..self }))
    }
}

fn checked(quantity: u32) -> Result<u32, CartError> {
    quantity_of(Some(quantity))
}

fn quantity_of(quantity: Option<u32>) -> Result<u32, CartError> {
    quantity.filter(|quantity| (1..=QUANTITY_MAX).contains(quantity)).ok_or(CartError::Quantity)
}

#[cfg(test)]
mod tests;
