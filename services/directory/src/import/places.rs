//! Files of places: GeoJSON, the JSON of Overpass, and CSV.

use std::collections::HashSet;
use std::path::Path;

use kernel::{GeoPosition, is_unseen};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::mapping::Mapping;
use super::osm::{self, Tags};
use crate::business::profile::Profile;
use crate::category::check_path;

pub const PLACES_MAX: usize = 1_000_000;
const SOURCE_CHARS_MAX: usize = 200;
/// What to do with a file of another encoding, or with other separators.
const SAVE_AS: &str = "save it as UTF-8, and CSV with commas";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    GeoJson,
    Overpass,
    Csv,
}

/// A place of a file, ready to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// Of the feature, the element or the line in the file, from 1.
    pub row: usize,
    /// The same in every file: `osm:node/123`.
    pub source_id: String,
    /// Without its categories.
    pub profile: Profile,
    /// Each as the names from the root of the tree.
    pub categories: Vec<Vec<String>>,
    /// What could not be taken as it is.
    pub warnings: Vec<String>,
}

/// A place that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedRow {
    pub row: usize,
    pub name: String,
    pub reason: String,
}

impl FileKind {
    /// By the name, and for JSON by what stands in it.
    pub fn of(file: &Path, text: &str) -> Self {
        let extension = file.extension().and_then(|extension| extension.to_str()).unwrap_or_default().to_ascii_lowercase();
        match extension.as_str() {
            "csv" => Self::Csv,
            "geojson" => Self::GeoJson,
            _ if !text.trim_start_matches('\u{feff}').trim_start().starts_with('{') => Self::Csv,
            _ if text.contains("\"FeatureCollection\"") => Self::GeoJson,
            _ => Self::Overpass,
        }
    }
}

/// The text of a file. `Err` names another encoding.
pub fn text_of(bytes: Vec<u8>) -> Result<String, String> {
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        return Err(format!("the file is UTF-16: {SAVE_AS}"));
    }
    String::from_utf8(bytes).map_err(|error| format!("the file is not UTF-8, {}: {SAVE_AS}", error.utf8_error()))
}

/// Every place of a file. `Err` where the file as a whole cannot be read.
pub fn parse(text: &str, kind: FileKind, mapping: &Mapping) -> Result<Vec<Result<Place, RefusedRow>>, String> {
    // Some editors put a mark of the byte order first.
    let text = text.trim_start_matches('\u{feff}');
    let raw = match kind {
        FileKind::GeoJson => geojson(text)?,
        FileKind::Overpass => overpass(text)?,
        FileKind::Csv => csv(text)?,
    };
    if raw.len() > PLACES_MAX {
        return Err(format!("the file has more than {PLACES_MAX} places"));
    }
    let mut seen = HashSet::with_capacity(raw.len());
    Ok(raw.into_iter().map(|raw| raw.checked(mapping, &mut seen)).collect())
}

struct Raw {
    row: usize,
    source_id: Option<String>,
    tags: Tags,
    /// Or why it has none.
    position: Result<GeoPosition, String>,
    categories: Vec<Vec<String>>,
}

/// Nowhere, also where latitude and longitude are both zero: there is water, and programs write zeros for nothing.
fn position(point: Option<(f64, f64)>) -> Result<GeoPosition, String> {
    let (lat, lon) = point.ok_or("has no position")?;
    match GeoPosition::new(lat, lon) {
        _ if lat == 0.0 && lon == 0.0 => Err("has no position but 0, 0".into()),
        Some(position) => Ok(position),
        None if (-90.0..=90.0).contains(&lat) => Err(format!("has no position: {lon} is no longitude")),
        None => Err(format!("has no position: {lat} is no latitude")),
    }
}

impl Raw {
    fn checked(mut self, mapping: &Mapping, seen: &mut HashSet<String>) -> Result<Place, RefusedRow> {
        // What came along unseen when somebody copied a name or a number.
        self.tags.values_mut().for_each(|value| value.retain(|character| character.is_control() || !is_unseen(character)));
        let name = self.tags.get("name").cloned().unwrap_or_default();
        let refuse = |reason: String| RefusedRow { row: self.row, name: name.clone(), reason };
        let source_id = self.source_id.as_deref().map(str::trim).filter(|id| !id.is_empty() && id.chars().count() <= SOURCE_CHARS_MAX);
        let source_id = source_id.ok_or_else(|| refuse("has no id by which it could be found again".into()))?.to_owned();
        if osm::is_nameless(name.trim()) {
            return Err(refuse(format!("has no name: {} stands for a missing one", name.trim())));
        }
        let categories = if self.categories.is_empty() { mapping.categories(&self.tags) } else { self.categories };
        if let Some((path, error)) = categories.iter().find_map(|path| Some((path, check_path(path).err()?))) {
            return Err(refuse(format!("the category {}: {error}", path.join(" > "))));
        }
        let (profile, mut warnings) = osm::profile(&self.tags, self.position.clone().ok(), mapping);
        let profile = profile.checked_import().map_err(|error| refuse(error.to_string()))?;
        if !seen.insert(source_id.clone()) {
            return Err(refuse(format!("{source_id} is in the file before")));
        }
        warnings.extend(self.position.err());
        Ok(Place { row: self.row, source_id, profile, categories, warnings })
    }
}

#[derive(Deserialize)]
struct Collection {
    #[serde(rename = "type")]
    kind: String,
    features: Vec<Feature>,
}

#[derive(Deserialize)]
struct Feature {
    id: Option<Value>,
    geometry: Option<Geometry>,
    properties: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
struct Geometry {
    #[serde(default)]
    coordinates: Value,
}

fn geojson(text: &str) -> Result<Vec<Raw>, String> {
    let collection: Collection = serde_json::from_str(text).map_err(|error| format!("not a GeoJSON FeatureCollection: {error}"))?;
    if collection.kind != "FeatureCollection" {
        return Err(format!("not a GeoJSON FeatureCollection but a {}", collection.kind));
    }
    let raw = |(place, feature): (usize, Feature)| {
        let properties = feature.properties.unwrap_or_default();
        let source_id = feature_id(feature.id.as_ref(), &properties);
        let position = position(feature.geometry.and_then(|geometry| middle(&geometry.coordinates)));
        Raw { row: place + 1, source_id, tags: tags_of(properties), position, categories: Vec::new() }
    };
    Ok(collection.features.into_iter().enumerate().map(raw).collect())
}

/// `node/123` of the feature or of its `@id`; else its number, with its type if the file tells it.
fn feature_id(id: Option<&Value>, properties: &Map<String, Value>) -> Option<String> {
    let named = [id, properties.get("@id")].into_iter().flatten().filter_map(Value::as_str).find(|id| !id.is_empty());
    if let Some(id) = named {
        let (kind, number) = id.split_once('/').unwrap_or(("", id));
        return Some(if is_osm(kind) && is_number(number) { format!("osm:{id}") } else { format!("geojson:{id}") });
    }
    let number = [properties.get("id"), id].into_iter().flatten().find_map(plain)?;
    let kind = properties.get("type").and_then(Value::as_str).unwrap_or_default();
    // The tag `type` of a place may hide the type of its element.
    Some(if is_osm(kind) && is_number(&number) { format!("osm:{kind}/{number}") } else { format!("geojson:{number}") })
}

fn is_osm(kind: &str) -> bool {
    matches!(kind, "node" | "way" | "relation")
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(yes) => Some(if *yes { "yes" } else { "no" }.to_owned()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn tags_of(properties: Map<String, Value>) -> Tags {
    properties.into_iter().filter_map(|(key, value)| Some((key, plain(&value)?))).collect()
}

/// A point itself; the middle of what a line or an area spans.
fn middle(coordinates: &Value) -> Option<(f64, f64)> {
    let mut span: Option<[f64; 4]> = None;
    stretch(coordinates, &mut span);
    let [west, south, east, north] = span?;
    Some((f64::midpoint(south, north), f64::midpoint(west, east)))
}

fn stretch(coordinates: &Value, span: &mut Option<[f64; 4]>) {
    let Some(parts) = coordinates.as_array() else { return };
    match (parts.first().and_then(Value::as_f64), parts.get(1).and_then(Value::as_f64)) {
        (Some(lon), Some(lat)) => {
            let [west, south, east, north] = span.unwrap_or([lon, lat, lon, lat]);
            *span = Some([west.min(lon), south.min(lat), east.max(lon), north.max(lat)]);
        }
        _ => parts.iter().for_each(|part| stretch(part, span)),
    }
}

#[derive(Deserialize)]
struct Overpass {
    elements: Vec<Element>,
}

#[derive(Deserialize)]
struct Element {
    #[serde(rename = "type")]
    kind: String,
    id: u64,
    lat: Option<f64>,
    lon: Option<f64>,
    center: Option<Center>,
    #[serde(default)]
    tags: Tags,
}

#[derive(Deserialize)]
struct Center {
    lat: f64,
    lon: f64,
}

fn overpass(text: &str) -> Result<Vec<Raw>, String> {
    let file: Overpass = serde_json::from_str(text).map_err(|error| format!("not the JSON of Overpass: {error}"))?;
    let raw = |(place, element): (usize, Element)| {
        let point = element.lat.zip(element.lon).or(element.center.map(|center| (center.lat, center.lon)));
        let position = position(point);
        let source_id = Some(format!("osm:{}/{}", element.kind, element.id));
        Raw { row: place + 1, source_id, tags: element.tags, position, categories: Vec::new() }
    };
    // The corners of areas come along without tags: they are no places.
    Ok(file.elements.into_iter().enumerate().filter(|(_, element)| !element.tags.is_empty()).map(raw).collect())
}

/// Columns that people name, and the tags that they stand for. Others are tags by their own name.
const COLUMNS: [(&str, &str); 7] = [
    ("street_address", "addr:street"),
    ("postal_code", "addr:postcode"),
    ("address_locality", "addr:city"),
    ("city", "addr:city"),
    ("address_region", "addr:state"),
    ("address_country", "addr:country"),
    ("country", "addr:country"),
];

fn csv(text: &str) -> Result<Vec<Raw>, String> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(text.as_bytes());
    let columns: Vec<String> = reader.headers().map_err(|error| error.to_string())?.iter().map(str::to_lowercase).collect();
    if !["id", "name"].iter().all(|needed| columns.iter().any(|column| column == needed)) {
        let separator = [(';', "semicolons"), ('\t', "tabs")]
            .into_iter()
            .find(|(separator, _)| columns.iter().any(|column| column.contains(*separator)));
        return Err(match separator {
            Some((_, separator)) => format!("the columns are separated by {separator}: {SAVE_AS}"),
            None => "a CSV file of businesses has at least the columns id and name".into(),
        });
    }
    let mut all = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| error.to_string())?;
        let row = record.position().map_or(0, |position| usize::try_from(position.line()).unwrap_or(0));
        let mut raw = Raw { row, source_id: None, tags: Tags::new(), position: position(None), categories: Vec::new() };
        let (mut lat, mut lon) = (None, None);
        for (column, value) in columns.iter().zip(&record).filter(|(_, value)| !value.is_empty()) {
            match column.as_str() {
                "id" => raw.source_id = Some(if value.contains(':') { value.to_owned() } else { format!("csv:{value}") }),
                "lat" | "latitude" => lat = Some(value),
                "lon" | "longitude" => lon = Some(value),
                "categories" => raw.categories = category_paths(value),
                other => {
                    let tag = COLUMNS.iter().find(|(name, _)| *name == other).map_or(other, |(_, tag)| tag);
                    raw.tags.insert(tag.to_owned(), value.to_owned());
                }
            }
        }
        raw.position = match lat.zip(lon) {
            None => position(None),
            Some((lat, lon)) => match (lat.parse(), lon.parse()) {
                (Ok(lat), Ok(lon)) => position(Some((lat, lon))),
                (Err(_), _) => Err(format!("has no position: {lat:.40?} is no latitude")),
                (_, Err(_)) => Err(format!("has no position: {lon:.40?} is no longitude")),
            },
        };
        all.push(raw);
    }
    Ok(all)
}

/// `Shops > Bakeries; Food & drink > Cafés`.
fn category_paths(value: &str) -> Vec<Vec<String>> {
    let names = |path: &str| path.split('>').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect::<Vec<_>>();
    value.split(';').map(names).filter(|path| !path.is_empty()).collect()
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
