//! What services may read of one another: small traits, implemented by the owner of the data and
//! handed over by the wiring. All reads may be a moment behind.

mod directory;
mod products;
mod reviews;

use async_trait::async_trait;
use kernel::{BusinessId, CartId, Email, Membership, Money, Offer, OrderId, PostalAddress, Problem, ProductId, Role, UserId, VariantId};

use crate::Person;

pub use directory::{BusinessListing, CategoryListing, DirectoryReads, EnquiryReply};
pub use products::{DefaultVariant, ProductCard, ProductCategoryRef, ProductListing, ProductReads};
pub use reviews::{ReviewReads, ReviewTarget};

/// Whether a user may still act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub id: UserId,
    pub email: Email,
    /// Mails arrive: somebody followed a link.
    pub email_verified: bool,
    /// Whoever signs in is who reads the mails: what belongs to the address is theirs.
    pub email_proven: bool,
    pub name: String,
    pub roles: Vec<Role>,
    pub businesses: Vec<Membership>,
    pub disabled: bool,
    /// Access tokens made before this instant no longer count (sign out everywhere, new password).
    pub tokens_valid_from: kernel::Timestamp,
}

/// What a link in a mail is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkPurpose {
    VerifyEmail,
    ResetPassword,
}

#[async_trait]
pub trait IdentityReads: Send + Sync {
    async fn account(&self, user: UserId) -> Result<Option<Account>, Problem>;
}

/// The secrets of links in mails. They follow from a key: nothing is read.
pub trait LinkTokens: Send + Sync {
    /// Only the token of the latest serial is accepted.
    fn link_token(&self, user: UserId, purpose: LinkPurpose, serial: u32) -> String;
}

#[async_trait]
pub trait CatalogReads: Send + Sync {
    /// The offers in the order of the ids (at most 100), `None` where there is no such variant.
    async fn offers(&self, variants: &[(ProductId, VariantId)]) -> Result<Vec<Option<Offer>>, Problem>;
}

/// Stock of one variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Availability {
    pub variant_id: VariantId,
    pub available: i64,
    /// Sold although there is none: it is made or ordered when wanted.
    pub backorder: bool,
}

#[async_trait]
pub trait InventoryReads: Send + Sync {
    /// In the order of the ids (at most 100); a variant without a stock record has none available.
    async fn availability(&self, variants: &[VariantId]) -> Result<Vec<Availability>, Problem>;
}

/// A line of a cart with the price that the customer was shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CartLine {
    pub product_id: ProductId,
    pub variant_id: VariantId,
    pub quantity: u32,
    pub price_seen: Money,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CartContents {
    pub id: CartId,
    pub customer_id: Option<UserId>,
    pub closed: bool,
    pub lines: Vec<CartLine>,
}

#[async_trait]
pub trait CartReads: Send + Sync {
    async fn cart(&self, id: CartId) -> Result<Option<CartContents>, Problem>;
}

/// A line of an order as it was sold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderLineSummary {
    pub product_id: ProductId,
    pub seller_id: BusinessId,
    pub sku: String,
    pub title: String,
    pub quantity: u32,
    pub unit_price: Money,
    pub total: Money,
}

/// What one seller sells in an order. The sums of all parts are those of the order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderPartSummary {
    pub seller_id: BusinessId,
    pub subtotal: Money,
    pub shipping: Money,
    /// Included in the total.
    pub tax: Money,
    pub total: Money,
    /// Whether it ended before the goods left. Read a moment late, it may not say so yet.
    pub cancelled: bool,
}

/// An order as mails show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderSummary {
    pub id: OrderId,
    pub number: String,
    pub customer_id: Option<UserId>,
    pub email: Email,
    pub placed_at: kernel::Timestamp,
    pub lines: Vec<OrderLineSummary>,
    /// One for each seller.
    pub parts: Vec<OrderPartSummary>,
    pub subtotal: Money,
    pub shipping: Money,
    /// Included in the total.
    pub tax: Money,
    pub total: Money,
    pub shipping_address: Option<PostalAddress>,
    /// Until when it can be paid; absent once it is paid or has ended.
    pub pay_by: Option<kernel::Timestamp>,
}

#[async_trait]
pub trait OrderReads: Send + Sync {
    async fn order(&self, id: OrderId) -> Result<Option<OrderSummary>, Problem>;
}

/// What opens orders to guests. It follows from a key: nothing is read.
pub trait OrderTokens: Send + Sync {
    /// Counts while the order is a guest's.
    fn guest_token(&self, order: OrderId) -> String;
}

/// Which orders are a person's.
#[async_trait]
pub trait PersonOrderReads: Send + Sync {
    /// Those of the account, and those that a guest placed under the address.
    async fn orders_of(&self, person: &Person) -> Result<Vec<OrderId>, Problem>;
}
