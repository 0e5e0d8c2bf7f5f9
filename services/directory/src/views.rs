//! What clients send and see of businesses.

use contracts::StaffRole;
use kernel::{BusinessId, CategoryId, ClaimId, GeoPosition, Rating, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Settings;
use crate::business::{Business, Status};
use crate::category::{Category, Tree};
use crate::claim::{self, Claim};
use crate::hours::{self, OpenState};
use crate::json_ld;
use crate::profile::{Address, Photo, Profile};

/// What a business shall say of itself.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileInput {
    #[schema(min_length = 1, max_length = 120)]
    pub name: String,
    /// The last part of the page's address. Follows the name if absent; earlier ones lead here.
    #[schema(max_length = 100, pattern = "^[a-z0-9]+(-[a-z0-9]+)*$")]
    pub slug: Option<String>,
    /// Plain text.
    #[serde(default)]
    #[schema(max_length = 5_000)]
    pub description: String,
    #[serde(default)]
    #[schema(max_items = 5)]
    pub categories: Vec<CategoryId>,
    #[serde(default)]
    #[schema(max_items = 20)]
    pub tags: Vec<String>,
    pub address: Option<Address>,
    pub position: Option<GeoPosition>,
    /// An IANA name such as Europe/Berlin; that of the position if absent, else the shop's.
    #[schema(max_length = 200)]
    pub time_zone: Option<String>,
    #[schema(max_length = 200)]
    pub phone: Option<String>,
    #[schema(max_length = 200)]
    pub email: Option<String>,
    #[schema(max_length = 500)]
    pub website: Option<String>,
    /// OpenStreetMap's syntax: `Mo-Fr 09:00-18:00; PH off`.
    #[schema(max_length = 1_000)]
    pub opening_hours: Option<String>,
    #[serde(default)]
    #[schema(max_items = 20)]
    pub photos: Vec<Photo>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReasonInput {
    #[schema(min_length = 1, max_length = 500)]
    pub reason: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StaffInput {
    pub role: StaffRole,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClaimInput {
    /// How an admin can see that the business is yours.
    #[schema(min_length = 1, max_length = 2_000)]
    pub proof: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BusinessCategoryInput)]
pub struct CategoryInput {
    #[schema(min_length = 1, max_length = 80)]
    pub name: String,
    /// Made from the name if absent; kept if absent in an edit.
    #[schema(max_length = 100, pattern = "^[a-z0-9]+(-[a-z0-9]+)*$")]
    pub slug: Option<String>,
    pub parent_id: Option<CategoryId>,
    /// Among its siblings, ascending.
    #[serde(default)]
    pub position: u32,
}

impl ProfileInput {
    pub fn into_profile(self) -> Profile {
        Profile {
            name: self.name,
            description: self.description,
            categories: self.categories,
            tags: self.tags,
            address: self.address,
            position: self.position,
            time_zone: self.time_zone,
            phone: self.phone,
            email: self.email,
            website: self.website,
            opening_hours: self.opening_hours,
            photos: self.photos,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BusinessCategoryRef)]
pub struct CategoryRef {
    pub id: CategoryId,
    pub slug: String,
    pub name: String,
    /// The names from the root of the tree to the category itself.
    pub path: Vec<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct HoursView {
    /// As the business wrote them.
    pub text: String,
    /// False for a text that is not understood: there is no state then.
    pub understood: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<OpenState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Absent where the state lasts for more than a year.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_change: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct RatingView {
    /// 1 to 5, two decimals.
    pub mean: f64,
    pub count: u64,
}

/// The public page of a business.
#[derive(Debug, Serialize, ToSchema)]
pub struct BusinessView {
    pub id: BusinessId,
    pub slug: String,
    pub name: String,
    /// Plain text.
    pub description: String,
    pub categories: Vec<CategoryRef>,
    pub tags: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<GeoPosition>,
    pub time_zone: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub website: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opening_hours: Option<HoursView>,
    pub photos: Vec<Photo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rating: Option<RatingView>,
    /// Whether somebody acts for it; otherwise it can be claimed.
    pub claimed: bool,
    /// Whether enquiries can be sent to it here.
    pub takes_enquiries: bool,
    /// Whom to name for what is shown, where that must be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attribution: Option<&'static str>,
    pub updated_at: Timestamp,
    /// The same for machines: a LocalBusiness of schema.org.
    #[schema(value_type = Object)]
    pub json_ld: serde_json::Value,
}

/// A business in a listing.
#[derive(Debug, Serialize, ToSchema)]
pub struct BusinessCard {
    pub id: BusinessId,
    pub slug: String,
    pub name: String,
    pub categories: Vec<CategoryRef>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<GeoPosition>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<OpenState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_url: Option<String>,
    /// Metres from the point that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distance_m: Option<u32>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct MemberView {
    pub user_id: UserId,
    pub role: StaffRole,
    pub since: Timestamp,
}

/// A business as its own people and the staff of the shop see it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ManagedBusiness {
    pub id: BusinessId,
    pub slug: String,
    pub status: Status,
    /// Why moderation rejected or suspended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moderation_reason: Option<String>,
    pub name: String,
    pub description: String,
    pub categories: Vec<CategoryId>,
    pub tags: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<GeoPosition>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub website: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opening_hours: Option<String>,
    pub photos: Vec<Photo>,
    pub staff: Vec<MemberView>,
    /// Where it was imported from: `osm:node/123`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    pub lead_terms: LeadTermsView,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// What the business pays for leads.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LeadTermsView {
    /// Minor units; the shop's price if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 100_000_000)]
    pub price: Option<i64>,
    /// Leads per calendar month (UTC); no limit if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monthly_cap: Option<u32>,
    /// The plan pays: every lead is free.
    #[serde(default)]
    pub covered_by_plan: bool,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ClaimView {
    pub id: ClaimId,
    pub business_id: BusinessId,
    pub business_name: String,
    pub user_id: UserId,
    pub proof: String,
    pub status: claim::Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub requested_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<Timestamp>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BusinessCategoryView)]
pub struct CategoryView {
    pub id: CategoryId,
    pub slug: String,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<CategoryId>,
    /// Among its siblings, ascending; equals are ordered by name.
    pub position: u32,
    /// 1 at the root of the tree.
    pub level: usize,
    /// Published businesses in the category itself.
    pub businesses: i64,
    /// Places of published businesses in the category and all below it; a business in two of them counts twice.
    pub businesses_below: i64,
}

/// All categories: a tree by `parent_id`, in the order in which siblings are shown.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BusinessCategoriesView)]
pub struct CategoriesView {
    pub items: Vec<CategoryView>,
}

pub fn category_refs(business: &Business, tree: &Tree) -> Vec<CategoryRef> {
    let name = |id: &CategoryId| tree.get(*id).map(|category| category.name.clone());
    let refer = |category: &Category| CategoryRef {
        id: category.id,
        slug: category.slug.clone(),
        name: category.name.clone(),
        path: tree.path(category.id).iter().filter_map(name).collect(),
    };
    business.profile.categories.iter().filter_map(|id| tree.get(*id)).map(refer).collect()
}

impl HoursView {
    fn of(text: &str, business: &Business, settings: &Settings, at: Timestamp) -> Self {
        let now = hours::now(text, business.profile.country(), zone(business, settings), at);
        Self {
            text: text.to_owned(),
            understood: now.is_some(),
            state: now.as_ref().map(|now| now.state),
            comment: now.as_ref().map(|now| now.comment.clone()).filter(|comment| !comment.is_empty()),
            next_change: now.and_then(|now| now.next_change),
        }
    }
}

pub fn zone<'a>(business: &'a Business, settings: &'a Settings) -> &'a str {
    business.profile.time_zone.as_deref().unwrap_or(&settings.time_zone)
}

impl BusinessView {
    pub fn of(business: &Business, tree: &Tree, rating: Rating, settings: &Settings, at: Timestamp) -> Self {
        let profile = &business.profile;
        let rating = rating.mean().map(|mean| RatingView { mean: (mean * 100.0).round() / 100.0, count: rating.count });
        let from_osm = business.source.as_ref().is_some_and(|source| source.id.starts_with("osm:"));
        Self {
            id: business.id,
            slug: business.slug.clone(),
            name: profile.name.clone(),
            description: profile.description.clone(),
            categories: category_refs(business, tree),
            tags: profile.tags.clone(),
            address: profile.address.clone(),
            position: profile.position,
            time_zone: zone(business, settings).to_owned(),
            phone: profile.phone.clone(),
            email: profile.email.clone(),
            website: profile.website.clone(),
            opening_hours: profile.opening_hours.as_deref().map(|text| HoursView::of(text, business, settings, at)),
            photos: profile.photos.clone(),
            rating,
            claimed: !business.members.is_empty(),
            takes_enquiries: !business.members.is_empty(),
            attribution: from_osm.then_some("© OpenStreetMap contributors, ODbL"),
            updated_at: business.updated_at,
            json_ld: json_ld::business(business, rating, settings, at),
        }
    }
}

impl BusinessCard {
    pub fn of(business: &Business, tree: &Tree, from: Option<GeoPosition>, settings: &Settings, at: Timestamp) -> Self {
        let profile = &business.profile;
        let state = |text: &str| hours::now(text, profile.country(), zone(business, settings), at).map(|now| now.state);
        // Half the way around the Earth is twenty million metres.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let metres = |(from, to): (GeoPosition, GeoPosition)| from.distance_m(to).round() as u32;
        Self {
            id: business.id,
            slug: business.slug.clone(),
            name: profile.name.clone(),
            categories: category_refs(business, tree),
            address: profile.address.clone(),
            position: profile.position,
            state: profile.opening_hours.as_deref().and_then(state),
            image_url: profile.photos.first().map(|photo| photo.url.clone()),
            distance_m: from.zip(profile.position).map(metres),
        }
    }
}

impl From<Business> for ManagedBusiness {
    fn from(business: Business) -> Self {
        let profile = business.profile;
        let member = |member: crate::business::Member| MemberView { user_id: member.user_id, role: member.role, since: member.since };
        let terms = business.lead_terms;
        Self {
            id: business.id,
            slug: business.slug,
            status: business.status,
            moderation_reason: business.moderation_reason,
            name: profile.name,
            description: profile.description,
            categories: profile.categories,
            tags: profile.tags,
            address: profile.address,
            position: profile.position,
            time_zone: profile.time_zone,
            phone: profile.phone,
            email: profile.email,
            website: profile.website,
            opening_hours: profile.opening_hours,
            photos: profile.photos,
            staff: business.members.into_iter().map(member).collect(),
            source: business.source.map(|source| source.id),
            lead_terms: LeadTermsView { price: terms.price, monthly_cap: terms.monthly_cap, covered_by_plan: terms.covered_by_plan },
            created_at: business.created_at,
            updated_at: business.updated_at,
        }
    }
}

impl From<Claim> for ClaimView {
    fn from(claim: Claim) -> Self {
        Self {
            id: claim.id,
            business_id: claim.business_id,
            business_name: claim.business_name,
            user_id: claim.user_id,
            proof: claim.proof,
            status: claim.status,
            reason: claim.reason,
            requested_at: claim.requested_at,
            decided_at: claim.decided_at,
        }
    }
}

impl CategoryView {
    pub fn of(category: &Category, tree: &Tree, counts: &std::collections::HashMap<CategoryId, i64>) -> Self {
        let count = |id: &CategoryId| counts.get(id).copied().unwrap_or(0);
        Self {
            id: category.id,
            slug: category.slug.clone(),
            name: category.name.clone(),
            parent_id: category.parent_id,
            position: category.position,
            level: tree.path(category.id).len(),
            businesses: count(&category.id),
            businesses_below: tree.subtree(category.id).iter().map(count).sum(),
        }
    }
}
