//! What clients send and see of businesses.

use kernel::{BusinessId, CategoryId, GeoPosition, Line, Paragraph, Rating, StaffRole, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::hours::{self, HoursView};
use super::pending::PendingChange;
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
#[schema(example = json!({ "name": "Bakery Lee", "categories": ["cat_01J8Z3T4M7Q2C9V5N6X8B0D1FK"], "address": { "street_address": "Marienplatz 8", "postal_code": "80331", "address_locality": "München", "address_country": "DE" }, "opening_hours": "Mo-Sa 07:00-18:00" }))]
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
#[schema(example = json!({ "reason": "The address is that of another business." }))]
pub struct ReasonInput {
    #[schema(inline)]
    pub reason: Reason,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "role": "manager" }))]
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
    /// Absent where the hours are not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_now: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rating: Option<RatingView>,
    /// Metres from the point that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distance_m: Option<u32>,
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
    /// What a published business wants to change and an admin has not looked at yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending: Option<PendingChange>,
    #[serde(flatten)]
    pub profile: Profile,
    pub staff: Vec<Member>,
    /// Where it was imported from: `osm:node/123`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    pub lead_terms: LeadTerms,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
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
            opening_hours: profile
                .opening_hours
                .as_deref()
                .zip(settings.place_of(profile))
                .map(|(text, place)| HoursView::of(text, &place, at)),
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
            open_now: profile
                .opening_hours
                .as_deref()
                .zip(settings.place_of(profile))
                .and_then(|(text, place)| hours::is_open(text, &place, at)),
            image_url: profile.photos.first().map(|photo| photo.url.clone()),
            rating: RatingView::of(rating),
            distance_m: from.zip(profile.position).map(metres),
        }
    }
}

impl From<Business> for ManagedBusiness {
    fn from(business: Business) -> Self {
        Self {
            id: business.id,
            slug: business.slug,
            status: business.status,
            moderation_reason: business.moderation_reason,
            pending: business.pending,
            profile: business.profile,
            staff: business.members,
            source: business.source.map(|source| source.id),
            lead_terms: business.lead_terms,
            created_at: business.created_at,
            updated_at: business.updated_at,
        }
    }
}
