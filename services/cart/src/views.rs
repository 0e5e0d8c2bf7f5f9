//! What clients see of a cart.

use kernel::{
    BusinessId, CartId, Money, MoneyError, Offer, OfferShown, OptionValue, OrderId, Problem, ProductId, SellerRef, Timestamp, VariantId,
};
use ports::reads::Availability;
use serde::Serialize;
use utoipa::ToSchema;

use crate::cart::{Cart, Line, Status};

/// A cart with current prices and stock hints.
#[derive(Serialize, ToSchema)]
pub struct CartView {
    id: CartId,
    status: CartStatus,
    /// The order that was placed for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<OrderId>,
    /// The cart that took over its lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    merged_into: Option<CartId>,
    lines: Vec<CartLineView>,
    /// Pieces in all.
    quantity: u32,
    /// Sum of the lines that can be had.
    subtotal: Money,
    /// Whether a price changed since the customer agreed to it; see accept-prices.
    price_changed: bool,
    updated_at: Timestamp,
    expires_at: Timestamp,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum CartStatus {
    Open,
    Ordered,
    Merged,
}

#[derive(Serialize, ToSchema)]
struct CartLineView {
    product_id: ProductId,
    variant_id: VariantId,
    /// The last part of the page of the product; like the seller and the options, absent once it is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    slug: Option<String>,
    sku: String,
    /// Product and option values.
    title: String,
    /// Without option values.
    #[serde(skip_serializing_if = "Option::is_none")]
    product_title: Option<String>,
    options: Vec<OptionValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seller_id: Option<BusinessId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seller: Option<SellerRef>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_url: Option<String>,
    quantity: u32,
    unit_price: Money,
    total: Money,
    /// The price that the customer agreed to, if it is another one now.
    #[serde(skip_serializing_if = "Option::is_none")]
    price_seen: Option<Money>,
    price_changed: bool,
    /// No longer for sale; not in the subtotal.
    unavailable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stock: Option<StockHint>,
}

/// Whether the wanted quantity can be had.
#[derive(Serialize, ToSchema)]
struct StockHint {
    state: StockState,
    /// How many there are, only when they are fewer than wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    available: Option<i64>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CartLineStock)]
enum StockState {
    InStock,
    /// Fewer than wanted.
    Short,
    Out,
    /// There are too few, but it can be ordered: it is made or bought when wanted.
    Backorder,
}

/// What the catalog and the inventory say of variants now.
#[derive(Default)]
pub struct Now {
    pub offers: Vec<Offer>,
    pub stock: Vec<Availability>,
}

impl Now {
    pub fn offer(&self, variant: VariantId) -> Option<&Offer> {
        self.offers.iter().find(|offer| offer.variant_id == variant)
    }
}

impl CartView {
    pub fn of(cart: Cart, now: &Now) -> Result<Self, Problem> {
        Self::build(cart, Some(now))
    }

    /// From the cart alone, at the prices that were agreed to.
    pub fn remembered(cart: Cart) -> Result<Self, Problem> {
        Self::build(cart, None)
    }

    fn build(cart: Cart, now: Option<&Now>) -> Result<Self, Problem> {
        let (updated_at, expires_at) = (cart.updated_at, cart.expires_at());
        let Cart { id, currency, lines, status, .. } = cart;
        let lines = lines.into_iter().map(|line| CartLineView::of(line, now)).collect::<Result<Vec<_>, _>>()?;
        let (status, order_id, merged_into) = match status {
            Status::Open => (CartStatus::Open, None, None),
            Status::Ordered { order_id } => (CartStatus::Ordered, Some(order_id), None),
            Status::Merged { into } => (CartStatus::Merged, None, Some(into)),
        };
        Ok(Self {
            id,
            status,
            order_id,
            merged_into,
            quantity: lines.iter().map(|line| line.quantity).sum(),
            subtotal: Money::sum(currency, lines.iter().filter(|line| !line.unavailable).map(|line| line.total))?,
            price_changed: lines.iter().any(|line| line.price_changed),
            lines,
            updated_at,
            expires_at,
        })
    }
}

impl CartLineView {
    fn of(line: Line, now: Option<&Now>) -> Result<Self, MoneyError> {
        let offer = now.and_then(|now| now.offer(line.variant_id));
        let sold = offer.filter(|offer| offer.for_sale && offer.unit_price.currency == line.price_seen.currency);
        let unit_price = sold.map_or(line.price_seen, |offer| offer.unit_price);
        let price_changed = unit_price != line.price_seen;
        let stock = sold.and(now).and_then(|now| now.stock.iter().find(|stock| stock.variant_id == line.variant_id));
        let shown = offer.map(|offer| &offer.shown);
        let OfferShown { options, seller, .. } = shown.cloned().unwrap_or_default();
        Ok(Self {
            product_id: line.product_id,
            variant_id: line.variant_id,
            slug: shown.map(|shown| shown.slug.clone()),
            product_title: shown.map(|shown| shown.product_title.clone()),
            seller_id: offer.map(|offer| offer.seller_id),
            sku: offer.map_or(line.sku, |offer| offer.sku.clone()),
            title: offer.map_or(line.title, |offer| offer.title.clone()),
            image_url: offer.map_or(line.image_url, |offer| offer.image_url.clone()),
            options,
            seller,
            quantity: line.quantity,
            unit_price,
            total: unit_price.times(line.quantity)?,
            price_seen: price_changed.then_some(line.price_seen),
            price_changed,
            unavailable: now.is_some() && sold.is_none(),
            stock: stock.map(|stock| StockHint::of(stock, line.quantity)),
        })
    }
}

impl StockHint {
    fn of(stock: &Availability, wanted: u32) -> Self {
        let (state, available) = match stock.available {
            available if available >= i64::from(wanted) => (StockState::InStock, None),
            _ if stock.backorder => (StockState::Backorder, None),
            available if available > 0 => (StockState::Short, Some(available)),
            _ => (StockState::Out, None),
        };
        Self { state, available }
    }
}
