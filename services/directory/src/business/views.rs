//! What clients send and see of businesses.

use contracts::StaffRole;
use kernel::{BusinessId, CategoryId, GeoPosition, Line, Paragraph, Rating, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::hours::{self, HoursView};
use super::profile::{Address, Description, Hours, Name, Photo, Profile, ShortLine, Url};
use super::rating::RatingView;
use super::{Business, Member, Reason, Status, json_ld};
use crate::Config;
use crate::category::Tree;
use crate::category::views::CategoryRef;
use crate::lead::LeadTerms;

/// What a business shall say of itself.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileInput {
    #[schema(inline)]
    pub name: Name,
    /// The last part of the page's address. Follows the name if absent; earlier ones lead here.
    #[schema(max_length = 100, pattern = "^[a-z0-9]+(-[a-z0-9]+)*$")]
    pub slug: Option<String>,
    /// Plain text.
    #[schema(inline)]
    pub description: Option<Description>,
    #[serde(default)]
    #[schema(max_items = 5)]
    pub categories: Vec<CategoryId>,
    #[serde(default)]
    #[schema(max_items = 20)]
    pub tags: Vec<String>,
    pub address: Option<Address>,
    pub position: Option<GeoPosition>,
    /// An IANA name such as Europe/Berlin; that of the position if absent, else the shop's.
    #[schema(inline)]
    pub time_zone: Option<ShortLine>,
    #[schema(inline)]
    pub phone: Option<ShortLine>,
    #[schema(inline)]
    pub email: Option<ShortLine>,
    #[schema(inline)]
    pub website: Option<Url>,
    /// OpenStreetMap's syntax: `Mo-Fr 09:00-18:00; PH off`.
    #[schema(inline)]
    pub opening_hours: Option<Hours>,
    #[serde(default)]
    #[schema(max_items = 20)]
    pub photos: Vec<Photo>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReasonInput {
    #[schema(inline)]
    pub reason: Reason,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StaffInput {
    pub role: StaffRole,
}

impl ProfileInput {
    pub fn into_profile(self) -> Profile {
        Profile {
            name: self.name.into_string(),
            description: self.description.map(Paragraph::into_string).unwrap_or_default(),
            categories: self.categories,
            tags: self.tags,
            address: self.address,
            position: self.position,
            time_zone: self.time_zone.map(Line::into_string),
            phone: self.phone.map(Line::into_string),
            email: self.email.map(Line::into_string),
            website: self.website.map(Line::into_string),
            opening_hours: self.opening_hours.map(Line::into_string),
            photos: self.photos,
        }
    }
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
    pub state: Option<::hours::State>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rating: Option<RatingView>,
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

impl BusinessView {
    pub fn of(business: &Business, tree: &Tree, rating: Rating, settings: &Config, at: Timestamp) -> Self {
        let profile = &business.profile;
        let rating = RatingView::of(rating);
        let from_osm = business.source.as_ref().is_some_and(|source| source.id.starts_with("osm:"));
        Self {
            id: business.id,
            slug: business.slug.clone(),
            name: profile.name.clone(),
            description: profile.description.clone(),
            categories: CategoryRef::all(&profile.categories, tree),
            tags: profile.tags.clone(),
            address: profile.address.clone(),
            position: profile.position,
            time_zone: settings.time_zone_of(profile).to_owned(),
            phone: profile.phone.clone(),
            email: profile.email.clone(),
            website: profile.website.clone(),
            opening_hours: profile.opening_hours.as_deref().zip(settings.place_of(profile)).map(|(text, place)| HoursView::of(text, &place, at)),
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
    pub fn of(business: &Business, tree: &Tree, rating: Rating, from: Option<GeoPosition>, settings: &Config, at: Timestamp) -> Self {
        let profile = &business.profile;
        // Half the way around the Earth is twenty million metres.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let metres = |(from, to): (GeoPosition, GeoPosition)| from.distance_m(to).round() as u32;
        Self {
            id: business.id,
            slug: business.slug.clone(),
            name: profile.name.clone(),
            categories: CategoryRef::all(&profile.categories, tree),
            address: profile.address.clone(),
            position: profile.position,
            state: profile.opening_hours.as_deref().zip(settings.place_of(profile)).and_then(|(text, place)| hours::state(text, &place, at)),
            image_url: profile.photos.first().map(|photo| photo.url.clone()),
            rating: RatingView::of(rating),
            distance_m: from.zip(profile.position).map(metres),
        }
    }
}

impl From<Business> for ManagedBusiness {
    fn from(business: Business) -> Self {
        let profile = business.profile;
        let member = |member: Member| MemberView { user_id: member.user_id, role: member.role, since: member.since };
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
            lead_terms: business.lead_terms.into(),
            created_at: business.created_at,
            updated_at: business.updated_at,
        }
    }
}

impl From<LeadTerms> for LeadTermsView {
    fn from(terms: LeadTerms) -> Self {
        Self { price: terms.price, monthly_cap: terms.monthly_cap, covered_by_plan: terms.covered_by_plan }
    }
}

impl From<LeadTermsView> for LeadTerms {
    fn from(view: LeadTermsView) -> Self {
        Self { price: view.price, monthly_cap: view.monthly_cap, covered_by_plan: view.covered_by_plan }
    }
}
