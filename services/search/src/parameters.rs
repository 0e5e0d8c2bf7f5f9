//! The parameters of a search, checked.

use kernel::{GeoPosition, Problem, Timestamp};
use ports::search::{Area, FacetName, HITS_MAX, Kind, PriceRange, SUGGESTIONS_MAX, SearchQuery, Sort, SuggestQuery};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::Config;

pub const TEXT_CHARS_MAX: usize = 200;
/// Values of one filter.
const VALUES_MAX: usize = 20;
const VALUE_CHARS_MAX: usize = 100;
const CURSOR_CHARS_MAX: usize = 400;
const RADIUS_METERS_MAX: f64 = 1_000_000.0;
const PRICE_MAX: i64 = 1_000_000_000_000;
const HITS_DEFAULT: usize = 20;
const SUGGESTIONS_DEFAULT: usize = 8;

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// What to find; everything if it is empty.
    #[param(max_length = 200)]
    q: Option<String>,
    /// `business`, `service`, `product`, separated by commas.
    #[param(example = "business,product")]
    kind: Option<String>,
    /// Ids or slugs of categories, separated by commas: what is in one of them or below it.
    category: Option<String>,
    /// Tags, separated by commas: what has all of them.
    tag: Option<String>,
    /// Minor units of the shop's currency; included.
    #[param(minimum = 0)]
    price_min: Option<i64>,
    /// Minor units of the shop's currency; included.
    #[param(minimum = 0)]
    price_max: Option<i64>,
    /// Average of the stars, at least.
    #[param(minimum = 1, maximum = 5)]
    rating_min: Option<f64>,
    open_now: Option<bool>,
    /// Where the searcher is, with `lon`.
    #[param(minimum = -90, maximum = 90)]
    lat: Option<f64>,
    #[param(minimum = -180, maximum = 180)]
    lon: Option<f64>,
    /// Metres around `lat` and `lon`.
    #[param(minimum = 1, maximum = 1000000)]
    radius_m: Option<f64>,
    /// `south,west,north,east` in degrees, instead of a radius.
    #[param(example = "48.06,11.36,48.25,11.72")]
    bounds: Option<String>,
    #[param(inline)]
    sort: Option<Sort>,
    /// What to count: `kind`, `category`, `tag`, `rating`, separated by commas.
    #[param(example = "category,rating")]
    facets: Option<String>,
    /// Page size, 1–100 (default 20).
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u32>,
    /// The `next` of the page before.
    cursor: Option<String>,
    /// 1 shows how the query was understood.
    #[param(minimum = 0, maximum = 1)]
    explain: Option<u8>,
}

impl Parameters {
    pub fn query(self, config: Config, now: Timestamp) -> Result<SearchQuery, Problem> {
        let position = position(self.lat, self.lon)?;
        let area = area(self.radius_m, self.bounds.as_deref(), position)?;
        let sort = self.sort.unwrap_or_default();
        if sort == Sort::Distance && position.is_none() {
            return Err(Problem::field("sort", "by distance needs lat and lon"));
        }
        if self.rating_min.is_some_and(|rating| !(1.0..=5.0).contains(&rating)) {
            return Err(Problem::field("rating_min", "must be 1 to 5"));
        }
        if self.cursor.as_ref().is_some_and(|cursor| cursor.len() > CURSOR_CHARS_MAX) {
            return Err(Problem::field("cursor", format!("must be at most {CURSOR_CHARS_MAX} characters")));
        }
        let explain = match self.explain {
            None | Some(0) => false,
            Some(1) => true,
            Some(_) => return Err(Problem::field("explain", "must be 0 or 1")),
        };
        Ok(SearchQuery {
            text: text("q", self.q.unwrap_or_default())?,
            kinds: kinds(self.kind.as_deref())?,
            categories: values("category", self.category.as_deref())?,
            tags: values("tag", self.tag.as_deref())?,
            price: price(self.price_min, self.price_max, config)?,
            rating_min: self.rating_min,
            open_now: self.open_now.unwrap_or(false),
            position,
            area,
            sort,
            facets: facets(self.facets.as_deref())?,
            limit: limit(self.limit, HITS_DEFAULT, HITS_MAX)?,
            cursor: self.cursor,
            explain,
            now,
        })
    }
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct SuggestParameters {
    /// What has been typed so far.
    #[param(max_length = 200)]
    q: String,
    /// `business`, `service`, `product`, separated by commas; without it categories are suggested too.
    kind: Option<String>,
    /// Where the searcher is, with `lon`: what is near comes first.
    #[param(minimum = -90, maximum = 90)]
    lat: Option<f64>,
    #[param(minimum = -180, maximum = 180)]
    lon: Option<f64>,
    /// How many, 1–20 (default 8).
    #[param(minimum = 1, maximum = 20, default = 8)]
    limit: Option<u32>,
}

impl SuggestParameters {
    pub fn query(self) -> Result<SuggestQuery, Problem> {
        Ok(SuggestQuery {
            prefix: text("q", self.q)?,
            kinds: kinds(self.kind.as_deref())?,
            position: position(self.lat, self.lon)?,
            limit: limit(self.limit, SUGGESTIONS_DEFAULT, SUGGESTIONS_MAX)?,
        })
    }
}

fn text(field: &'static str, text: String) -> Result<String, Problem> {
    if text.chars().count() > TEXT_CHARS_MAX {
        return Err(Problem::field(field, format!("must be at most {TEXT_CHARS_MAX} characters")));
    }
    Ok(text)
}

fn limit(limit: Option<u32>, default: usize, max: usize) -> Result<usize, Problem> {
    let limit = limit.map_or(default, |limit| limit as usize);
    if (1..=max).contains(&limit) { Ok(limit) } else { Err(Problem::field("limit", format!("must be 1 to {max}"))) }
}

fn values(field: &'static str, list: Option<&str>) -> Result<Vec<String>, Problem> {
    let values: Vec<String> = list.unwrap_or("").split(',').map(str::trim).filter(|value| !value.is_empty()).map(str::to_owned).collect();
    if values.len() > VALUES_MAX || values.iter().any(|value| value.chars().count() > VALUE_CHARS_MAX) {
        return Err(Problem::field(field, format!("must be at most {VALUES_MAX} values of at most {VALUE_CHARS_MAX} characters")));
    }
    Ok(values)
}

fn kinds(list: Option<&str>) -> Result<Vec<Kind>, Problem> {
    let kind = |value: String| Kind::ALL.into_iter().find(|kind| kind.as_str() == value);
    let kinds: Option<Vec<Kind>> = values("kind", list)?.into_iter().map(kind).collect();
    kinds.ok_or_else(|| Problem::field("kind", "must be business, service or product"))
}

fn facets(list: Option<&str>) -> Result<Vec<FacetName>, Problem> {
    let mut facets = Vec::new();
    for value in values("facets", list)? {
        let facet = match value.as_str() {
            "kind" => FacetName::Kind,
            "category" => FacetName::Category,
            "tag" => FacetName::Tag,
            "rating" => FacetName::Rating,
            _ => return Err(Problem::field("facets", "must be kind, category, tag or rating")),
        };
        if !facets.contains(&facet) {
            facets.push(facet);
        }
    }
    Ok(facets)
}

fn price(min: Option<i64>, max: Option<i64>, config: Config) -> Result<Option<PriceRange>, Problem> {
    for (field, value) in [("price_min", min), ("price_max", max)] {
        if value.is_some_and(|value| !(0..=PRICE_MAX).contains(&value)) {
            return Err(Problem::field(field, format!("must be 0 to {PRICE_MAX} minor units")));
        }
    }
    if let (Some(min), Some(max)) = (min, max)
        && min > max
    {
        return Err(Problem::field("price_min", "must not be above price_max"));
    }
    Ok((min.is_some() || max.is_some()).then_some(PriceRange { currency: config.currency, min, max }))
}

fn position(lat: Option<f64>, lon: Option<f64>) -> Result<Option<GeoPosition>, Problem> {
    match (lat, lon) {
        (None, None) => Ok(None),
        (Some(lat), Some(lon)) => match GeoPosition::new(lat, lon) {
            Some(position) => Ok(Some(position)),
            None => Err(Problem::field("lat", "a latitude is from -90 to 90 degrees, a longitude from -180 to 180")),
        },
        (Some(_), None) => Err(Problem::field("lon", "comes with lat")),
        (None, Some(_)) => Err(Problem::field("lat", "comes with lon")),
    }
}

fn area(radius: Option<f64>, bounds: Option<&str>, position: Option<GeoPosition>) -> Result<Option<Area>, Problem> {
    match (radius, bounds) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(Problem::field("bounds", "give a radius or bounds")),
        (Some(_), None) if position.is_none() => Err(Problem::field("radius_m", "needs lat and lon")),
        (Some(radius), None) if (1.0..=RADIUS_METERS_MAX).contains(&radius) => Ok(Some(Area::Radius(radius))),
        (Some(_), None) => Err(Problem::field("radius_m", format!("must be 1 to {RADIUS_METERS_MAX} metres"))),
        (None, Some(bounds)) => {
            let wrong = || Problem::field("bounds", "must be south,west,north,east in degrees, south below north");
            let degrees: Vec<f64> = bounds.split(',').map(|part| part.trim().parse()).collect::<Result<_, _>>().map_err(|_| wrong())?;
            let [south, west, north, east] = degrees.try_into().map_err(|_| wrong())?;
            let fits = GeoPosition::new(south, west).is_some() && GeoPosition::new(north, east).is_some() && south <= north;
            if fits { Ok(Some(Area::Bounds { south, west, north, east })) } else { Err(wrong()) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(parameters: Parameters) -> Result<SearchQuery, String> {
        let config = Config { currency: kernel::Currency::EUR };
        parameters
            .query(config, Timestamp::MIN)
            .map_err(|problem| problem.fields.first().map_or(String::new(), |field| field.field.clone()))
    }

    #[test]
    fn what_cannot_be_searched_for_is_named() {
        let p = Parameters::default;
        let text = |text: &str| Some(text.to_owned());
        for (parameters, field) in [
            (Parameters { q: Some("x".repeat(201)), ..p() }, "q"),
            (Parameters { kind: text("car"), ..p() }, "kind"),
            (Parameters { tag: Some("a,".repeat(21)), ..p() }, "tag"),
            (Parameters { price_min: Some(-1), ..p() }, "price_min"),
            (Parameters { price_min: Some(5), price_max: Some(4), ..p() }, "price_min"),
            (Parameters { rating_min: Some(0.5), ..p() }, "rating_min"),
            (Parameters { lat: Some(48.0), ..p() }, "lon"),
            (Parameters { lon: Some(11.0), ..p() }, "lat"),
            (Parameters { lat: Some(91.0), lon: Some(11.0), ..p() }, "lat"),
            (Parameters { radius_m: Some(100.0), ..p() }, "radius_m"),
            (Parameters { radius_m: Some(f64::NAN), lat: Some(48.0), lon: Some(11.0), ..p() }, "radius_m"),
            (Parameters { bounds: text("1,2,3"), ..p() }, "bounds"),
            (Parameters { bounds: text("3,0,1,1"), ..p() }, "bounds"),
            (Parameters { bounds: text("NaN,0,1,1"), ..p() }, "bounds"),
            (Parameters { sort: Some(Sort::Distance), ..p() }, "sort"),
            (Parameters { facets: text("colour"), ..p() }, "facets"),
            (Parameters { limit: Some(0), ..p() }, "limit"),
            (Parameters { limit: Some(101), ..p() }, "limit"),
            (Parameters { explain: Some(2), ..p() }, "explain"),
            (Parameters { cursor: Some("x".repeat(401)), ..p() }, "cursor"),
        ] {
            assert_eq!(query(parameters).unwrap_err(), field);
        }
    }

    #[test]
    fn lists_are_separated_by_commas() {
        let text = |text: &str| Some(text.to_owned());
        let parameters = Parameters {
            kind: text("business, product"),
            facets: text("tag,tag,kind"),
            bounds: text("-10, 170, 10, -170"),
            price_max: Some(5),
            ..Parameters::default()
        };
        let query = query(parameters).unwrap();
        assert_eq!(query.kinds, [Kind::Business, Kind::Product]);
        assert_eq!(query.facets, [FacetName::Tag, FacetName::Kind]);
        assert_eq!(query.area, Some(Area::Bounds { south: -10.0, west: 170.0, north: 10.0, east: -170.0 }));
        assert_eq!(query.price.map(|price| (price.min, price.max)), Some((None, Some(5))));
    }
}
