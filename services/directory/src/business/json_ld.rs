//! Pages for machines: a business in the words of schema.org, as JSON-LD.

use ::hours::Interval;
use kernel::Timestamp;
use serde_json::{Map, Value, json};

use super::Business;
use super::hours;
use super::rating::RatingView;
use crate::Config;

/// Since midnight.
const LAST_MINUTE: i16 = 1_439;

/// A LocalBusiness with its address, position, the hours of the coming week and its rating.
pub fn business(business: &Business, rating: Option<RatingView>, settings: &Config, at: Timestamp) -> Value {
    let profile = &business.profile;
    let url = format!("{}/businesses/{}", settings.public_url, business.slug);
    let mut data = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            data.insert(name.to_owned(), value);
        }
    };
    put("@context", Some("https://schema.org".into()));
    put("@type", Some("LocalBusiness".into()));
    put("@id", Some(url.as_str().into()));
    put("url", Some(url.as_str().into()));
    put("name", Some(profile.name.as_str().into()));
    put("description", (!profile.description.is_empty()).then(|| profile.description.as_str().into()));
    put("telephone", profile.phone.as_deref().map(Value::from));
    put("email", profile.email.as_deref().map(Value::from));
    put("sameAs", profile.website.as_deref().map(Value::from));
    put("keywords", (!profile.tags.is_empty()).then(|| profile.tags.join(", ").into()));
    let images: Vec<String> = profile.photos.iter().map(|photo| absolute(&photo.url, settings)).collect();
    put("image", (!images.is_empty()).then(|| images.into()));
    put("address", address(business));
    put("geo", profile.position.map(|position| json!({ "@type": "GeoCoordinates", "latitude": position.lat, "longitude": position.lon })));
    let week =
        profile.opening_hours.as_deref().zip(settings.place_of(profile)).and_then(|(text, place)| hours::open_week(text, &place, at));
    put("openingHoursSpecification", week.map(|week| week.iter().map(specification).collect()));
    let stars = |rating: RatingView| json!({ "@type": "AggregateRating", "ratingValue": rating.average, "reviewCount": rating.count, "bestRating": 5, "worstRating": 1 });
    put("aggregateRating", rating.map(stars));
    Value::Object(data)
}

fn address(business: &Business) -> Option<Value> {
    let address = business.profile.address.as_ref()?;
    let mut data = Map::from_iter([("@type".to_owned(), Value::from("PostalAddress"))]);
    for (name, text) in [
        ("streetAddress", &address.street_address),
        ("postalCode", &address.postal_code),
        ("addressLocality", &address.address_locality),
        ("addressRegion", &address.address_region),
        ("addressCountry", &address.address_country),
    ] {
        if !text.is_empty() {
            data.insert(name.to_owned(), text.as_str().into());
        }
    }
    Some(Value::Object(data))
}

/// Each day of the coming week separately, so that holidays and seasonal hours are right. Only what is surely open: the
/// vocabulary has no word for perhaps.
fn specification(interval: &Interval) -> Value {
    let date = interval.date.to_string();
    // Midnight as an end is written as the last minute, since 00:00 would read as the beginning.
    let closes = hours::clock(interval.to.min(LAST_MINUTE));
    json!({
        "@type": "OpeningHoursSpecification",
        "dayOfWeek": interval.date.strftime("https://schema.org/%A").to_string(),
        "opens": hours::clock(interval.from),
        "closes": closes,
        "validFrom": date,
        "validThrough": date,
    })
}

fn absolute(url: &str, settings: &Config) -> String {
    if url.starts_with('/') { format!("{}{url}", settings.public_url) } else { url.to_owned() }
}
