//! The search index: one over businesses, services and products. A home without an index has none of
//! the routes that ask it.

use async_trait::async_trait;
use kernel::{Currency, GeoPosition, Money, Problem, Rating, Timestamp};
use serde::{Deserialize, Serialize};

use crate::Position;

/// Documents in one batch.
pub const BATCH_MAX: usize = 1000;
/// Hits on one page.
pub const HITS_MAX: usize = 100;
/// Suggestions at once.
pub const SUGGESTIONS_MAX: usize = 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Business,
    Service,
    Product,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::Business, Self::Service, Self::Product];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Business => "business",
            Self::Service => "service",
            Self::Product => "product",
        }
    }
}

/// A category of a document, with its place in the tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentCategory {
    pub id: String,
    pub name: String,
    /// Ids from the root of the tree to itself.
    pub path: Vec<String>,
    /// The names of the categories above it: who asks for them finds it too.
    #[serde(default)]
    pub above: Vec<String>,
}

/// When a document's business is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hours {
    /// OSM's `opening_hours` syntax. One that cannot be read is never open.
    pub expression: String,
    /// IANA name.
    pub time_zone: String,
    /// Whose public holidays count: `DE`, `DE-BY`, `DE-Bayern`.
    pub region: String,
}

/// What can be found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Document {
    pub kind: Kind,
    /// Unique over all kinds: ids carry their kind.
    pub id: String,
    pub slug: String,
    pub name: String,
    #[serde(default)]
    pub description: String,
    /// Street, postal code and place in one line.
    #[serde(default)]
    pub address: String,
    /// The part of the town, where it is known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub district: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub website: Option<String>,
    #[serde(default)]
    pub categories: Vec<DocumentCategory>,
    #[serde(default)]
    pub tags: Vec<String>,
    /// The cheapest price, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Money>,
    #[serde(default)]
    pub rating: Rating,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<GeoPosition>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<Hours>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_url: Option<String>,
    /// `de` or `en`; the words are read as both where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    pub created_at: Timestamp,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    Put(Box<Document>),
    /// The id of a document; one that is not there is no error.
    Remove(String),
}

impl Change {
    pub fn id(&self) -> &str {
        match self {
            Self::Put(document) => &document.id,
            Self::Remove(id) => id,
        }
    }
}

/// How far in the log of events an index has come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// All events up to here are in the index.
    pub position: Position,
    /// The id of the event at that position, if the log still held it: a log restored from a backup
    /// has another event there, or none.
    pub event: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = SearchSort)]
pub enum Sort {
    /// With a position, a blend of how well the words fit and how near it is.
    #[default]
    Relevance,
    Distance,
    /// Best first; few ratings count for less.
    Rating,
    /// Cheapest first.
    Price,
    Newest,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Area {
    /// Metres around the position of the query.
    Radius(f64),
    /// Degrees; `west` greater than `east` crosses the antimeridian.
    Bounds { south: f64, west: f64, north: f64, east: f64 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PriceRange {
    pub currency: Currency,
    /// Minor units; included.
    pub min: Option<i64>,
    /// Minor units; included.
    pub max: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum FacetName {
    Kind,
    Category,
    Tag,
    Rating,
}

#[derive(Debug, Clone, PartialEq)]
pub struct SearchQuery {
    pub text: String,
    /// None: all.
    pub kinds: Vec<Kind>,
    /// In one of these or below it.
    pub categories: Vec<String>,
    /// All of these, in any case.
    pub tags: Vec<String>,
    pub price: Option<PriceRange>,
    /// Mean of the stars, at least.
    pub rating_min: Option<f64>,
    pub open_now: bool,
    /// Where the searcher is.
    pub position: Option<GeoPosition>,
    pub area: Option<Area>,
    pub sort: Sort,
    pub facets: Vec<FacetName>,
    /// 1 to `HITS_MAX`.
    pub limit: usize,
    pub cursor: Option<String>,
    pub explain: bool,
    pub now: Timestamp,
}

impl SearchQuery {
    /// Asks for the words and nothing else.
    pub fn new(text: impl Into<String>, now: Timestamp) -> Self {
        Self {
            text: text.into(),
            kinds: Vec::new(),
            categories: Vec::new(),
            tags: Vec::new(),
            price: None,
            rating_min: None,
            open_now: false,
            position: None,
            area: None,
            sort: Sort::Relevance,
            facets: Vec::new(),
            limit: 20,
            cursor: None,
            explain: false,
            now,
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    pub document: Document,
    /// Metres from the position of the query.
    pub distance: Option<f64>,
    pub score: f64,
    /// Absent where the hours are not known.
    pub open_now: Option<bool>,
    /// Harmless HTML, the words that were found in `<mark>`.
    pub name_html: Option<String>,
    pub description_html: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FacetCount {
    /// What to filter by.
    pub value: String,
    /// What to show.
    pub label: String,
    pub count: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Facet {
    pub name: FacetName,
    /// Most frequent first.
    pub values: Vec<FacetCount>,
}

/// How a query was understood.
#[derive(Debug, Clone, Default, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Explanation {
    /// `name`, `category` or `all`.
    pub intent: String,
    pub words: Vec<ExplainedWord>,
    /// Phrases that were understood as something else than words to find: `near me`, `open now`, `sonntag`.
    pub phrases: Vec<String>,
    /// 0: as written; 1: with corrections of spelling; 2: more corrections; 3: some of the words suffice, and all but the
    /// kind of place may be missing.
    pub effort: u8,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ExplainedWord {
    pub word: String,
    /// Whether a hit must have it.
    pub required: bool,
    /// `field:term^quality`, best first.
    pub alternatives: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct SearchResults {
    pub hits: Vec<Hit>,
    /// The text with the words that were taken for others, where the hits are about these.
    pub did_you_mean: Option<String>,
    pub total: u64,
    pub facets: Vec<Facet>,
    pub next: Option<String>,
    pub explanation: Option<Explanation>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct SuggestQuery {
    pub prefix: String,
    pub kinds: Vec<Kind>,
    pub position: Option<GeoPosition>,
    /// 1 to `SUGGESTIONS_MAX`.
    pub limit: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Suggestion {
    pub text: String,
    /// Absent for a category.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// Of the document, or of the category.
    pub id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct IndexStatus {
    pub documents: u64,
    pub bytes: u64,
    pub segments: u64,
    /// All events of the log up to here are in it; absent if it was never filled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
    /// Documents in the index that is being built beside this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rebuilding: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SearchError {
    #[error("the cursor belongs to another query")]
    Cursor,
    #[error("{field}: {reason}")]
    Field { field: &'static str, reason: String },
    #[error("the index is being rebuilt already")]
    Rebuilding,
    #[error("{0}")]
    Failed(String),
}

impl From<SearchError> for Problem {
    fn from(error: SearchError) -> Self {
        match &error {
            SearchError::Cursor => Self::new(kernel::Code::InvalidCursor, error.to_string()),
            SearchError::Field { field, reason } => Self::field(*field, reason),
            SearchError::Rebuilding => Self::new(kernel::Code::Conflict, error.to_string()),
            SearchError::Failed(cause) => Self::internal(format!("the search index: {cause}")),
        }
    }
}

#[async_trait]
pub trait Search: Send + Sync {
    async fn search(&self, query: SearchQuery) -> Result<SearchResults, SearchError>;

    async fn suggest(&self, query: SuggestQuery) -> Result<Vec<Suggestion>, SearchError>;

    /// All of the batch (at most `BATCH_MAX`) and the mark, or nothing. When this returns, the batch is
    /// on disk and is found.
    async fn apply(&self, batch: Vec<Change>, mark: Option<Mark>) -> Result<(), SearchError>;

    /// The mark of the last batch that had one; none for an index that was never filled.
    async fn mark(&self) -> Result<Option<Mark>, SearchError>;

    /// Ids of documents in a category or below it, ascending, after `after`; at most `limit`.
    async fn in_category(&self, category: &str, after: Option<String>, limit: usize) -> Result<Vec<String>, SearchError>;

    async fn status(&self) -> Result<IndexStatus, SearchError>;

    /// Begins an empty index beside this one, which goes on answering. Batches go to both from now on.
    async fn rebuild(&self) -> Result<Box<dyn Rebuild>, SearchError>;
}

/// An index in the making. Dropping it throws it away.
#[async_trait]
pub trait Rebuild: Send + Sync {
    /// Adds documents (at most `BATCH_MAX`). Those that a batch has changed or removed since the
    /// beginning are left out, because what the batch knew is newer.
    async fn add(&mut self, documents: Vec<Document>) -> Result<(), SearchError>;

    /// Puts the new index in the place of the old. Returns how many documents it holds.
    async fn finish(self: Box<Self>, mark: Mark) -> Result<u64, SearchError>;
}
