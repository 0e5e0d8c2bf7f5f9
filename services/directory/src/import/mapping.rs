//! From the tags of OpenStreetMap to categories: a file that an operator can edit.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::business::profile::CATEGORIES_MAX;
use crate::category::{DEPTH_MAX, Name};

/// The mapping in force unless another file is given.
pub const DEFAULT_MAPPING: &str = include_str!("mapping.toml");

/// Values that say nothing without their key.
const MEANINGLESS: [&str; 3] = ["yes", "no", "multi"];

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the mapping: {0}")]
pub struct MappingError(String);

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// ISO 3166-1 alpha-2, for addresses that name no country.
    #[serde(default)]
    pub country: Option<String>,
    /// The IANA time zone of the places; where absent that of their positions.
    #[serde(default)]
    pub time_zone: Option<String>,
    /// Tags whose values become tags of the business.
    #[serde(default)]
    pub tags: Vec<String>,
    /// What a place has, as tags of the business.
    #[serde(default, rename = "attribute")]
    pub attributes: Vec<Attribute>,
    /// For places that no rule fits.
    pub otherwise: Vec<String>,
    #[serde(default, rename = "rule")]
    pub rules: Vec<Rule>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// `key=value`, `key=one|other` or `key=*`; all of them must hold. A tag may have several values: `yoga;pilates`.
    pub when: Vec<String>,
    /// Names from the root of the tree.
    pub category: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attribute {
    /// As in a rule.
    pub when: Vec<String>,
    pub tag: String,
}

impl Mapping {
    pub fn parse(text: &str) -> Result<Self, MappingError> {
        let mapping: Self = toml::from_str(text).map_err(|error| MappingError(error.to_string()))?;
        for path in mapping.rules.iter().map(|rule| &rule.category).chain([&mapping.otherwise]) {
            let fits = |name: &String| !name.trim().is_empty() && name.chars().count() <= Name::MAX;
            if path.is_empty() || path.len() > DEPTH_MAX || !path.iter().all(fits) {
                return Err(MappingError(format!("a category is a list of 1 to {DEPTH_MAX} names, not {path:?}")));
            }
        }
        let conditions = mapping.rules.iter().map(|rule| &rule.when).chain(mapping.attributes.iter().map(|attribute| &attribute.when));
        for when in conditions {
            if when.is_empty() || when.iter().any(|condition| !condition.contains('=')) {
                return Err(MappingError(format!("a rule says key=value or key=*, not {when:?}")));
            }
        }
        if mapping.time_zone.as_deref().is_some_and(|zone| !hours::is_time_zone(zone)) {
            return Err(MappingError("time_zone must be an IANA name such as Europe/Berlin".into()));
        }
        if mapping.country.as_deref().is_some_and(|country| country.len() != 2 || !country.bytes().all(|byte| byte.is_ascii_uppercase())) {
            return Err(MappingError("country must be an ISO 3166-1 alpha-2 code such as DE".into()));
        }
        Ok(mapping)
    }

    /// The tags of a business: what the place has, and the values of its tags.
    pub fn tags<'a>(&'a self, tags: &'a BTreeMap<String, String>) -> impl Iterator<Item = String> + 'a {
        let has = self.attributes.iter().filter(|attribute| attribute.when.iter().all(|condition| holds(condition, tags)));
        let values = self.tags.iter().filter_map(|key| tags.get(key)).flat_map(|value| value.split(';'));
        let words = values.map(|value| value.trim().replace('_', " ").to_lowercase());
        words.filter(|word| !MEANINGLESS.contains(&word.as_str())).chain(has.map(|attribute| attribute.tag.clone()))
    }

    /// The categories of a place, in the order of the rules. One that leads to another is left out.
    pub fn categories(&self, tags: &BTreeMap<String, String>) -> Vec<Vec<String>> {
        let mut found: Vec<Vec<String>> = Vec::new();
        for rule in self.rules.iter().filter(|rule| rule.when.iter().all(|condition| holds(condition, tags))) {
            if !found.contains(&rule.category) {
                found.push(rule.category.clone());
            }
        }
        let all = found.clone();
        found.retain(|path| !all.iter().any(|other| other.len() > path.len() && other.starts_with(path)));
        found.truncate(CATEGORIES_MAX);
        if found.is_empty() { vec![self.otherwise.clone()] } else { found }
    }
}

fn holds(condition: &str, tags: &BTreeMap<String, String>) -> bool {
    let Some((key, wanted)) = condition.split_once('=') else { return false };
    let is_wanted = |one: &str| wanted.split('|').any(|wanted| one.trim().eq_ignore_ascii_case(wanted));
    let has = |value: &str| wanted == "*" || value.split(';').any(is_wanted);
    tags.get(key).is_some_and(|value| has(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_become_categories() {
        let mapping = Mapping::parse(DEFAULT_MAPPING).unwrap();
        for (tags, expect) in [
            (&[("amenity", "restaurant")][..], "Food & drink > Restaurants"),
            (
                &[("amenity", "restaurant"), ("cuisine", "italian;pizza")],
                "Food & drink > Restaurants > Italian | Food & drink > Restaurants > Pizza",
            ),
            (&[("leisure", "fitness_centre")], "Sports & fitness > Gyms"),
            (
                &[("leisure", "fitness_centre"), ("sport", "Yoga;fitness")],
                "Sports & fitness > Yoga & Pilates | Sports & fitness > Gyms > Yoga studios",
            ),
            (&[("shop", "bakery")], "Shops > Bakeries"),
            (&[("shop", "tea")], "Shops > Tea stores"),
            (
                &[("amenity", "doctors"), ("healthcare:speciality", "dermatology;allergology")],
                "Health > Doctors > Allergologists | Health > Doctors > Dermatologists",
            ),
            (&[("amenity", "music_school")], "Education > Music schools"),
            (&[("craft", "lamplighter")], "Crafts & repairs"),
            (&[("office", "lighthouse")], "Services"),
            (&[], "Other places"),
        ] {
            let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
            let found: Vec<String> = mapping.categories(&tags).iter().map(|path| path.join(" > ")).collect();
            assert_eq!(found.join(" | "), expect, "{tags:?}");
        }
    }

    #[test]
    fn details_become_tags() {
        let mapping = Mapping::parse(DEFAULT_MAPPING).unwrap();
        for (tags, expect) in [
            (
                &[("cuisine", "Coffee_Shop;cake"), ("outdoor_seating", "terrace"), ("wheelchair", "yes")][..],
                "coffee shop, cake, wheelchair accessible, outdoor seating",
            ),
            (&[("wheelchair", "limited"), ("internet_access", "no"), ("sport", "multi")], ""),
            (&[("healthcare:speciality", "dermatology"), ("diet:vegan", "only"), ("internet_access", "wlan")], "dermatology, wifi, vegan"),
            (&[("male", "no")], ""),
        ] {
            let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
            assert_eq!(mapping.tags(&tags).collect::<Vec<_>>().join(", "), expect, "{tags:?}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (text, expect) in [
            ("otherwise = []", "a list of 1 to"),
            ("otherwise = [\"Other\"]\n[[rule]]\nwhen = [\"amenity\"]\ncategory = [\"A\"]", "key=value"),
            ("otherwise = [\"Other\"]\ncountry = \"Germany\"", "alpha-2"),
            ("otherwise = [\"Other\"]\ntime_zone = \"Munich\"", "IANA"),
            ("otherwise = [\"Other\"]\nrules = 1", "unknown field"),
        ] {
            let error = Mapping::parse(text).unwrap_err().to_string();
            assert!(error.contains(expect), "{error}");
        }
    }
}
