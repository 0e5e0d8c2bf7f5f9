//! What a search answers.

use kernel::{GeoPosition, Money, Stars, Timestamp};
use ports::reads::ProductCard;
use ports::search::{Explanation, Facet, Hit, IndexStatus, Kind, SearchResults, Suggestion};
use serde::Serialize;
use utoipa::ToSchema;

use crate::rebuild::Rebuild;

const DESCRIPTION_CHARS_MAX: usize = 300;

#[derive(Serialize, ToSchema)]
pub struct SearchView {
    pub items: Vec<HitView>,
    /// The text with its misspelt words corrected, where the hits are about these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub did_you_mean: Option<String>,
    /// All hits, on this page and others.
    pub total: u64,
    /// As asked for, counted over all hits.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub facets: Vec<Facet>,
    /// Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Explanation>,
}

#[derive(Serialize, ToSchema)]
pub struct HitView {
    pub kind: Kind,
    pub id: String,
    pub slug: String,
    pub name: String,
    /// The beginning, as plain text.
    pub description: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub address: String,
    /// The part of the town.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub district: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub website: Option<String>,
    pub categories: Vec<HitCategory>,
    pub tags: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<Money>,
    /// Absent without a review.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rating: Option<Stars>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<GeoPosition>,
    /// Metres from the searcher.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distance_m: Option<f64>,
    /// Absent where the hours are not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_now: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_url: Option<String>,
    /// Of a product: what a list of products shows of it, as it is now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product: Option<ProductCard>,
    pub created_at: Timestamp,
    pub score: f64,
    pub highlights: Highlights,
}

#[derive(Serialize, ToSchema)]
pub struct HitCategory {
    pub id: String,
    pub name: String,
}

/// Harmless HTML with the words that were found in `<mark>`; absent where none was.
#[derive(Serialize, ToSchema)]
pub struct Highlights {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct SuggestionsView {
    pub items: Vec<Suggestion>,
}

/// The index and its latest rebuild.
#[derive(Serialize, ToSchema)]
pub struct IndexView {
    pub index: IndexStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rebuild: Option<Rebuild>,
}

impl From<SearchResults> for SearchView {
    fn from(results: SearchResults) -> Self {
        Self {
            did_you_mean: results.did_you_mean,
            items: results.hits.into_iter().map(HitView::from).collect(),
            total: results.total,
            facets: results.facets,
            next: results.next,
            explanation: results.explanation,
        }
    }
}

impl From<Hit> for HitView {
    fn from(hit: Hit) -> Self {
        let document = hit.document;
        Self {
            kind: document.kind,
            id: document.id,
            slug: document.slug,
            name: document.name,
            description: document.description.chars().take(DESCRIPTION_CHARS_MAX).collect(),
            address: document.address,
            district: document.district,
            phone: document.phone,
            website: document.website,
            categories: document.categories.into_iter().map(|category| HitCategory { id: category.id, name: category.name }).collect(),
            tags: document.tags,
            price: document.price,
            rating: Stars::of(document.rating),
            product: None,
            position: document.position,
            distance_m: hit.distance.map(f64::round),
            open_now: hit.open_now,
            image_url: document.image_url,
            created_at: document.created_at,
            score: (hit.score * 10_000.0).round() / 10_000.0,
            highlights: Highlights { name: hit.name_html, description: hit.description_html },
        }
    }
}
