//! What other services may read of the directory.

use async_trait::async_trait;
use kernel::{BusinessId, CategoryId, Cursor, Email, GeoPosition, LeadId, Page, PostalAddress, Problem, Timestamp, UserId};

/// A category as a business stands in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CategoryListing {
    pub id: CategoryId,
    pub name: String,
    /// The ids from the root of the tree to the category itself.
    pub path: Vec<CategoryId>,
    /// The names of the categories above it, from the root: who looks for restaurants means those in
    /// `Restaurants / Italian` too.
    pub above: Vec<String>,
}

/// A business as its public page shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct BusinessListing {
    pub id: BusinessId,
    pub slug: String,
    pub name: String,
    /// Plain text.
    pub description: String,
    pub categories: Vec<CategoryListing>,
    pub tags: Vec<String>,
    /// Imported addresses may lack parts, which are empty then.
    pub address: Option<PostalAddress>,
    /// The part of the town; empty where it is not known.
    pub district: String,
    pub position: Option<GeoPosition>,
    /// In OpenStreetMap's syntax; what could not be understood is kept as it was written.
    pub opening_hours: Option<String>,
    /// An IANA name such as `Europe/Berlin`.
    pub time_zone: Option<String>,
    /// Whose holidays count: `DE`, `DE-BY`, `DE-Bayern`.
    pub region: String,
    pub phone: Option<String>,
    pub website: Option<String>,
    pub image_url: Option<String>,
    pub published: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// What a business has answered to somebody who asked it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnquiryReply {
    pub email: Email,
    pub name: String,
    /// What they had asked.
    pub message: String,
    pub reply: String,
}

#[async_trait]
pub trait DirectoryReads: Send + Sync {
    /// In the order of the ids (at most 100), `None` where there is no such business. Also those that
    /// are not published.
    async fn businesses(&self, ids: &[BusinessId]) -> Result<Vec<Option<BusinessListing>>, Problem>;

    /// All published businesses, page by page: to build an index anew.
    async fn page(&self, cursor: Option<Cursor>) -> Result<Page<BusinessListing>, Problem>;

    /// The category that has this id or slug.
    async fn category(&self, reference: &str) -> Result<Option<CategoryId>, Problem>;

    /// Who may be written to about the business; empty for one that nobody has claimed.
    async fn owners(&self, id: BusinessId) -> Result<Vec<UserId>, Problem>;

    /// Who looks after its enquiries: owners and managers. Empty for one that nobody has claimed.
    async fn managers(&self, id: BusinessId) -> Result<Vec<UserId>, Problem>;

    /// One of the answers to an enquiry (0 is the first); `None` once who asked is erased.
    async fn enquiry_reply(&self, lead: LeadId, reply: u32) -> Result<Option<EnquiryReply>, Problem>;
}
