//! From the tags of OpenStreetMap to the profile of a business.

use std::collections::BTreeMap;

use kernel::GeoPosition;

use super::mapping::Mapping;
use crate::business::profile::{Address, Description, Hours, Profile, ShortLine, TAGS_MAX, Tag, Url, check_hours};

pub type Tags = BTreeMap<String, String>;

/// What people write where a name is missing.
const NAMELESS: [&str; 4] = ["unnamed", "unknown", "noname", "no name"];

/// Whether the name says that there is none.
pub fn is_nameless(name: &str) -> bool {
    NAMELESS.contains(&name.to_lowercase().as_str())
}

/// A profile without its categories, and what of the tags could not be taken as it is.
pub fn profile(tags: &Tags, position: Option<GeoPosition>, mapping: &Mapping) -> (Profile, Vec<String>) {
    let mut warnings = Vec::new();
    let name = tags.get("name").map(|name| name.trim().to_owned()).unwrap_or_default();
    let opening_hours = text(tags, &["opening_hours"], Hours::MAX, &mut warnings);
    if let Some(Err(reason)) = opening_hours.as_deref().map(check_hours) {
        warnings.push(format!("opening_hours {reason}: {}", opening_hours.as_deref().unwrap_or_default()));
    }
    let website = text(tags, &["website", "contact:website", "url"], Url::MAX, &mut warnings).and_then(|url| web(url, &mut warnings));
    let email = text(tags, &["email", "contact:email"], ShortLine::MAX, &mut warnings).and_then(|email| mail(email, &mut warnings));
    let mut description = tags.get("description").map(|text| text.trim().to_owned()).unwrap_or_default();
    if let Some((end, _)) = description.char_indices().nth(Description::MAX) {
        description.truncate(end);
        warnings.push("description: is cut".into());
    }
    let profile = Profile {
        name,
        description,
        categories: Vec::new(),
        tags: words(tags, mapping),
        address: address(tags, mapping, &mut warnings),
        position,
        time_zone: mapping.time_zone.clone(),
        phone: text(tags, &["phone", "contact:phone", "mobile", "contact:mobile"], ShortLine::MAX, &mut warnings).map(first),
        email,
        website,
        opening_hours,
        photos: Vec::new(),
    };
    (profile, warnings)
}

/// The first of the keys that has a value; one that is too long is left out.
fn text(tags: &Tags, keys: &[&str], most: usize, warnings: &mut Vec<String>) -> Option<String> {
    for key in keys {
        // People break long values into lines: opening hours above all.
        let words = |value: &String| value.split_whitespace().collect::<Vec<_>>().join(" ");
        let Some(value) = tags.get(*key).map(words).filter(|value| !value.is_empty()) else { continue };
        if value.chars().count() <= most && !value.chars().any(char::is_control) {
            return Some(value);
        }
        warnings.push(format!("{key}: is left out, longer than {most} characters or not plain text"));
    }
    None
}

/// Several values stand between semicolons.
fn first(value: String) -> String {
    value.split(';').map(str::trim).find(|one| !one.is_empty()).unwrap_or_default().to_owned()
}

fn web(value: String, warnings: &mut Vec<String>) -> Option<String> {
    let url = first(value);
    let url = if url.contains("://") { url } else { format!("https://{url}") };
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let fits = rest.is_some_and(|rest| rest.contains('.') && !rest.starts_with('/') && !rest.contains(char::is_whitespace));
    if !fits {
        warnings.push(format!("website: is left out, no address of the web: {url}"));
    }
    fits.then_some(url)
}

fn mail(value: String, warnings: &mut Vec<String>) -> Option<String> {
    let address = first(value);
    match address.parse::<kernel::Email>() {
        Ok(email) => Some(email.to_string()),
        Err(error) => {
            warnings.push(format!("email: is left out, {error}: {address}"));
            None
        }
    }
}

fn words(tags: &Tags, mapping: &Mapping) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in mapping.tags(tags) {
        let fits = !word.is_empty() && word.chars().count() <= Tag::MAX && !word.chars().any(char::is_control);
        if fits && !words.contains(&word) && words.len() < TAGS_MAX {
            words.push(word);
        }
    }
    words
}

fn address(tags: &Tags, mapping: &Mapping, warnings: &mut Vec<String>) -> Option<Address> {
    let mut part = |keys: &[&str]| text(tags, keys, ShortLine::MAX, warnings).unwrap_or_default();
    // A village may have numbers without streets.
    let street = part(&["addr:street", "addr:place"]);
    let number = part(&["addr:housenumber"]);
    let mut address = Address {
        street_address: format!("{street} {number}").trim().to_owned(),
        extended_address: part(&["addr:unit", "addr:floor"]),
        district: part(&["addr:suburb", "addr:district", "addr:quarter", "addr:neighbourhood"]),
        postal_code: part(&["addr:postcode"]),
        address_locality: part(&["addr:city"]),
        address_region: part(&["addr:state", "addr:province"]),
        address_country: String::new(),
    };
    if address.street_address.chars().count() > ShortLine::MAX {
        address.street_address = street;
    }
    let country = part(&["addr:country"]).to_uppercase();
    let known = country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase());
    if !country.is_empty() && !known {
        warnings.push(format!("addr:country: is left out, no code of two letters: {country}"));
    }
    if address == Address::default() && !known {
        return None;
    }
    address.address_country = if known { country } else { mapping.country.clone().unwrap_or_default() };
    Some(address)
}
