//! What a business says of itself, checked.

use std::collections::BTreeSet;

use kernel::{CategoryId, GeoPosition, Line, Paragraph, PostalAddress};
use serde::{Deserialize, Serialize};

use super::error::{BusinessError, bad_text};

pub type Name = Line<1, 120>;
pub type Description = Paragraph<0, 5_000>;
pub type ShortLine = Line<0, 200>;
pub type Url = Line<0, 500>;
pub type Hours = Line<0, 1_000>;
pub type Tag = Line<1, 40>;

pub const CATEGORIES_MAX: usize = 5;
pub const TAGS_MAX: usize = 20;
pub const PHOTOS_MAX: usize = 20;

/// A place that people go to. Imported addresses lack parts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Address {
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(max_length = 200, example = "Lindenstraße 4")]
    pub street_address: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(max_length = 200)]
    pub extended_address: String,
    /// The part of the town.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(max_length = 200, example = "Au")]
    pub district: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(max_length = 200)]
    pub postal_code: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(max_length = 200)]
    pub address_locality: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(max_length = 200)]
    pub address_region: String,
    /// ISO 3166-1 alpha-2.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(max_length = 2, example = "DE")]
    pub address_country: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Photo {
    /// `https://...`, or `/files/...` of an upload.
    #[schema(max_length = 500)]
    pub url: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schema(max_length = 200)]
    pub alt: String,
}

/// Everything that the owner edits.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
#[schema(as = BusinessProfile)]
pub struct Profile {
    #[schema(required)]
    pub name: String,
    /// Plain text.
    #[schema(required)]
    pub description: String,
    #[schema(required)]
    pub categories: Vec<CategoryId>,
    #[schema(required)]
    pub tags: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<GeoPosition>,
    /// An IANA name, stated or found by the position; the shop's where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub website: Option<String>,
    /// OpenStreetMap's syntax; an import may bring a text that is not understood.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opening_hours: Option<String>,
    #[schema(required)]
    pub photos: Vec<Photo>,
}

/// What follows from the list of the parts, which is stated once.
macro_rules! fields {
    ($($field:ident: $name:ident),* $(,)?) => {
        /// A part of the profile that its owner may take over from an import.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, strum::EnumIter)]
        #[serde(rename_all = "snake_case")]
        pub enum Field {
            $($field,)*
        }

        impl Profile {
            /// What differs.
            pub fn differences(&self, other: &Self) -> BTreeSet<Field> {
                let parts = [$((Field::$field, self.$name != other.$name)),*];
                parts.into_iter().filter_map(|(field, differs)| differs.then_some(field)).collect()
            }

            /// This profile with all but `kept` taken from a file.
            pub fn refreshed(self, file: &Self, kept: &BTreeSet<Field>) -> Self {
                let mut fresh = file.clone();
                for field in kept {
                    match field {
                        $(Field::$field => fresh.$name.clone_from(&self.$name),)*
                    }
                }
                fresh
            }
        }
    };
}

fields! {
    Name: name, Description: description, Categories: categories, Tags: tags, Address: address, Position: position,
    TimeZone: time_zone, Phone: phone, Email: email, Website: website, OpeningHours: opening_hours, Photos: photos,
}

impl Profile {
    /// Trims everything and refuses what does not fit. Opening hours must be understood.
    pub fn checked(self) -> Result<Self, BusinessError> {
        let understood = self.opening_hours.as_deref().map_or(Ok(()), |hours| check_hours(hours.trim()));
        understood.map_err(|reason| refuse("opening_hours", reason))?;
        self.checked_import()
    }

    /// The same for a file, whose opening hours are kept as they are.
    pub fn checked_import(self) -> Result<Self, BusinessError> {
        let name = Name::new(&self.name).map_err(bad_text("name"))?;
        let description = Description::new(&self.description).map_err(bad_text("description"))?;
        Ok(Self {
            name: name.into_string(),
            description: description.into_string(),
            categories: distinct("categories", self.categories, CATEGORIES_MAX)?,
            tags: checked_tags(self.tags)?,
            address: self.address.map(Address::checked).transpose()?.filter(|address| *address != Address::default()),
            position: self.position,
            time_zone: optional_line::<{ ShortLine::MAX }>("time_zone", self.time_zone)?.map(checked_zone).transpose()?,
            phone: optional_line::<{ ShortLine::MAX }>("phone", self.phone)?,
            email: optional_line::<{ ShortLine::MAX }>("email", self.email)?.map(checked_email).transpose()?,
            website: optional_line::<{ Url::MAX }>("website", self.website)?.map(|url| checked_url("website", url, false)).transpose()?,
            opening_hours: optional_line::<{ Hours::MAX }>("opening_hours", self.opening_hours)?,
            photos: checked_photos(self.photos)?,
        })
    }

    pub fn postal_address(&self) -> Option<PostalAddress> {
        let address = self.address.clone()?;
        Some(PostalAddress {
            name: self.name.clone(),
            street_address: address.street_address,
            extended_address: address.extended_address,
            postal_code: address.postal_code,
            address_locality: address.address_locality,
            address_region: address.address_region,
            address_country: address.address_country,
            telephone: String::new(),
        })
    }

    /// Whose holidays count: `DE`, `DE-Bayern`; those of `home`, the shop's region, for an address that does not say.
    pub fn region(&self, home: &str) -> String {
        let (country, region) = self.address.as_ref().map_or(("", ""), |address| (&address.address_country, &address.address_region));
        match (country, region) {
            ("", _) => home.to_owned(),
            (country, "") if home.split('-').next() == Some(country) => home.to_owned(),
            (country, "") => country.to_owned(),
            (country, region) => format!("{country}-{region}"),
        }
    }

    /// Checks only where it is.
    pub fn checked_place(self) -> Result<Self, BusinessError> {
        Ok(Self {
            address: self.address.map(Address::checked).transpose()?,
            time_zone: optional_line::<{ ShortLine::MAX }>("time_zone", self.time_zone)?.map(checked_zone).transpose()?,
            ..self
        })
    }
}

impl Address {
    fn checked(self) -> Result<Self, BusinessError> {
        let address = Self {
            street_address: short_line("address.street_address", self.street_address)?,
            extended_address: short_line("address.extended_address", self.extended_address)?,
            district: short_line("address.district", self.district)?,
            postal_code: short_line("address.postal_code", self.postal_code)?,
            address_locality: short_line("address.address_locality", self.address_locality)?,
            address_region: short_line("address.address_region", self.address_region)?,
            address_country: short_line("address.address_country", self.address_country)?,
        };
        let country = &address.address_country;
        if !country.is_empty() && (country.len() != 2 || !country.bytes().all(|byte| byte.is_ascii_uppercase())) {
            return Err(refuse("address.address_country", "must be an ISO 3166-1 alpha-2 code such as DE".into()));
        }
        Ok(address)
    }
}

fn short_line(field: &'static str, text: String) -> Result<String, BusinessError> {
    ShortLine::new(&text).map(Line::into_string).map_err(bad_text(field))
}

/// An empty text is none.
fn optional_line<const MAX: usize>(field: &'static str, text: Option<String>) -> Result<Option<String>, BusinessError> {
    let text = text.filter(|text| !text.trim().is_empty());
    text.map(|text| Line::<1, MAX>::new(&text).map(Line::into_string).map_err(bad_text(field))).transpose()
}

fn refuse(field: &'static str, reason: String) -> BusinessError {
    BusinessError::Field { field, reason }
}

fn distinct<T: PartialEq>(field: &'static str, all: Vec<T>, most: usize) -> Result<Vec<T>, BusinessError> {
    let mut distinct: Vec<T> = Vec::with_capacity(all.len().min(most));
    for one in all {
        if !distinct.contains(&one) {
            distinct.push(one);
        }
    }
    if distinct.len() > most { Err(refuse(field, format!("must be at most {most}"))) } else { Ok(distinct) }
}

fn checked_tags(tags: Vec<String>) -> Result<Vec<String>, BusinessError> {
    let clean = |tag: String| Tag::new(&tag).map(|tag| tag.to_lowercase()).map_err(bad_text("tags"));
    let tags = tags.into_iter().map(clean).collect::<Result<_, _>>()?;
    distinct("tags", tags, TAGS_MAX)
}

fn checked_photos(photos: Vec<Photo>) -> Result<Vec<Photo>, BusinessError> {
    let photo = |photo: Photo| Ok(Photo { url: checked_url("photos", photo.url, true)?, alt: short_line("photos", photo.alt)? });
    let photos = photos.into_iter().map(photo).collect::<Result<_, BusinessError>>()?;
    distinct("photos", photos, PHOTOS_MAX)
}

fn checked_zone(name: String) -> Result<String, BusinessError> {
    if ::hours::is_time_zone(&name) { Ok(name) } else { Err(refuse("time_zone", "must be an IANA name such as Europe/Berlin".into())) }
}

fn checked_email(text: String) -> Result<String, BusinessError> {
    match text.parse::<kernel::Email>() {
        Ok(email) => Ok(email.to_string()),
        Err(error) => Err(refuse("email", error.to_string())),
    }
}

fn checked_url(field: &'static str, url: String, upload: bool) -> Result<String, BusinessError> {
    let url = url.trim().to_owned();
    let web = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let is_web = web.is_some_and(|rest| {
        !rest.is_empty() && !rest.starts_with('/') && !rest.contains(|letter: char| letter.is_whitespace() || letter.is_control())
    });
    let is_upload = upload && url.strip_prefix("/files/").is_some_and(|name| !name.is_empty() && !name.contains(['/', ' ', '?', '#']));
    if (is_web || is_upload) && url.chars().count() <= Url::MAX {
        Ok(url)
    } else {
        Err(refuse(field, format!("must be an address of the web of at most {} characters", Url::MAX)))
    }
}

/// Why opening hours are not understood.
pub fn check_hours(text: &str) -> Result<(), String> {
    text.parse::<::hours::OpeningHours>().map(drop).map_err(|misread| format!("is not understood: {misread}"))
}
