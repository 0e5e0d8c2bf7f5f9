//! Goes over everything that matches: filters by the columns, counts, ranks, and keeps the best.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;

use kernel::{GeoPosition, Timestamp};
use ports::search::{Area, FacetName, Kind, PriceRange, Sort};
use tantivy::collector::{Collector, SegmentCollector};
use tantivy::columnar::{Cardinality, Column, StrColumn};
use tantivy::{DocAddress, DocId, Score, SegmentOrdinal, SegmentReader};

use crate::geo;
use crate::hours::HoursBook;
use crate::plan::Intent;
use crate::schema::{SEPARATOR, column};
use crate::wish::Wish;

/// Distances within which a hit counts half, by what is wanted.
const HALF_NEAR_METERS: f64 = 800.0;
const HALF_CATEGORY_METERS: f64 = 2_000.0;
const HALF_NAME_METERS: f64 = 3_000.0;
/// What a hit by its name keeps however far it is.
const FAR_NAME_SHARE: f64 = 0.35;
/// How much a star more or less than the ordinary moves a hit.
const STAR_SHARE: f64 = 0.03;
const ORDINARY_RANK: f64 = 3.5;
/// More values than this are counted in a map.
const COUNTED_FLAT_MAX: usize = 65_536;
const COUNTED_TOGETHER: usize = 256;
const METERS_PER_DEGREE: f64 = 111_195.08;
/// Positions so near to one another, and so far from the poles, are as far apart as on a plane, but for this error.
const PLANE_DEGREES_MAX: f64 = 1.0;
const PLANE_LATITUDE_MAX: f64 = 70.0;
const PLANE_ERROR_MAX: f64 = 0.01;

pub struct Plan {
    pub now: Timestamp,
    pub position: Option<GeoPosition>,
    /// Of the place that the words name, instead of the position: what is near to it is best.
    pub centre: Option<GeoPosition>,
    pub area: Option<Area>,
    pub price: Option<PriceRange>,
    pub rating_min: Option<f64>,
    pub open_now: bool,
    pub wish: Option<Wish>,
    pub sort: Sort,
    pub facets: Vec<FacetName>,
    pub limit: usize,
    /// The last hit of the page before.
    pub after: Option<Place>,
    pub intent: Intent,
    pub near: bool,
    /// What a perfect match scores.
    pub weight: f32,
    pub hours: Arc<HoursBook>,
}

/// Where a hit stands in the order: the higher key first, then the lower tie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    pub key: f64,
    pub tie: u64,
}

impl Place {
    fn order(&self, other: &Self) -> Ordering {
        other.key.total_cmp(&self.key).then(self.tie.cmp(&other.tie))
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranked {
    pub place: Place,
    pub address: DocAddress,
}

impl Eq for Ranked {}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The least is first in the list, so that the greatest of a heap is the one to drop.
impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        self.place.order(&other.place).then(self.address.cmp(&other.address))
    }
}

#[derive(Default)]
pub struct Collected {
    pub total: u64,
    pub best: Vec<Ranked>,
    pub counts: HashMap<FacetName, HashMap<String, u64>>,
}

pub struct Ranking(pub Arc<Plan>);

impl Collector for Ranking {
    type Fruit = Collected;
    type Child = SegmentRanking;

    fn for_segment(&self, ordinal: SegmentOrdinal, segment: &SegmentReader) -> tantivy::Result<SegmentRanking> {
        SegmentRanking::open(self.0.clone(), ordinal, segment)
    }

    fn requires_scoring(&self) -> bool {
        self.0.sort == Sort::Relevance && self.0.intent != Intent::All
    }

    fn merge_fruits(&self, fruits: Vec<Collected>) -> tantivy::Result<Collected> {
        let mut all = Collected::default();
        for fruit in fruits {
            all.total += fruit.total;
            all.best.extend(fruit.best);
            for (name, counts) in fruit.counts {
                let sums = all.counts.entry(name).or_default();
                for (value, count) in counts {
                    *sums.entry(value).or_default() += count;
                }
            }
        }
        all.best.sort_unstable();
        all.best.truncate(self.0.limit);
        Ok(all)
    }
}

pub struct SegmentRanking {
    plan: Arc<Plan>,
    ordinal: SegmentOrdinal,
    total: u64,
    best: BinaryHeap<Ranked>,
    tie: Column<u64>,
    rank: Column<f64>,
    kind: Column<u64>,
    position: Option<Column<u64>>,
    rating: Option<Column<f64>>,
    price: Option<Column<i64>>,
    created: Column<i64>,
    hours: Option<StrColumn>,
    open: HashMap<u64, bool>,
    categories: Option<Counter>,
    tags: Option<Counter>,
    kinds: [u64; Kind::ALL.len()],
    stars: [u64; 4],
    counted: Counted,
    middle: Option<Middle>,
}

/// The position of the query, prepared for many distances.
struct Middle {
    at: GeoPosition,
    /// Whether distances decide the order, or only weigh.
    exact: bool,
    cosine: f64,
}

impl Middle {
    /// The distance in meters as on a plane, of positions that are near enough.
    fn on_a_plane(&self, position: GeoPosition) -> Option<f64> {
        let (north, east) = (position.lat - self.at.lat, position.lon - self.at.lon);
        let near = north.abs() <= PLANE_DEGREES_MAX && east.abs() <= PLANE_DEGREES_MAX && self.at.lat.abs() <= PLANE_LATITUDE_MAX;
        near.then(|| (north * north + east * east * self.cosine * self.cosine).sqrt() * METERS_PER_DEGREE)
    }
}

struct Counter {
    column: StrColumn,
    flat: Vec<u32>,
    sparse: HashMap<u64, u32>,
}

/// Hits that are counted together: columns are read faster that way.
#[derive(Default)]
struct Counted {
    docs: Vec<DocId>,
    values: Vec<u64>,
}

impl Counted {
    /// The values of a column with exactly one for each document; none if this column is not such.
    fn single(&mut self, column: &Column<u64>) -> Option<&[u64]> {
        if column.get_cardinality() != Cardinality::Full {
            return None;
        }
        self.values.resize(self.docs.len(), 0);
        column.values.get_vals(&self.docs, &mut self.values);
        Some(&self.values)
    }
}

impl Counter {
    fn new(column: Option<StrColumn>) -> Option<Self> {
        let column = column?;
        let values = column.num_terms();
        let flat = if values <= COUNTED_FLAT_MAX { vec![0; values] } else { Vec::new() };
        Some(Self { column, flat, sparse: HashMap::new() })
    }

    fn count(&mut self, counted: &mut Counted) {
        let ords = self.column.ords();
        let mut add = |value: u64| match usize::try_from(value).ok().and_then(|place| self.flat.get_mut(place)) {
            Some(count) => *count += 1,
            None => *self.sparse.entry(value).or_default() += 1,
        };
        match counted.single(ords) {
            Some(values) => values.iter().copied().for_each(add),
            None => counted.docs.iter().flat_map(|doc| ords.values_for_doc(*doc)).for_each(&mut add),
        }
    }

    fn harvest(self) -> HashMap<String, u64> {
        let flat = (0_u64..).zip(self.flat).filter(|(_, count)| *count > 0);
        let mut counts = HashMap::new();
        for (value, count) in flat.chain(self.sparse) {
            let mut text = String::new();
            if self.column.ord_to_str(value, &mut text).unwrap_or(false) {
                counts.insert(text, u64::from(count));
            }
        }
        counts
    }
}

impl SegmentRanking {
    fn open(plan: Arc<Plan>, ordinal: SegmentOrdinal, segment: &SegmentReader) -> tantivy::Result<Self> {
        let columns = segment.fast_fields();
        let wants = |name| plan.facets.contains(&name);
        let needs_price = plan.price.is_some() || plan.sort == Sort::Price;
        let needs_rating = plan.rating_min.is_some() || wants(FacetName::Rating);
        let from = if plan.sort == Sort::Relevance { plan.centre.or(plan.position) } else { plan.position };
        let needs_position = from.is_some() || plan.area.is_some();
        let needs_hours = plan.open_now || plan.wish.is_some();
        let exact = plan.sort == Sort::Distance;
        let middle = from.map(|at| Middle { at, exact, cosine: at.lat.to_radians().cos() });
        let categories = if wants(FacetName::Category) { Counter::new(columns.str(column::CATEGORY)?) } else { None };
        let tags = if wants(FacetName::Tag) { Counter::new(columns.str(column::TAG)?) } else { None };
        Ok(Self {
            ordinal,
            total: 0,
            best: BinaryHeap::with_capacity(plan.limit + 1),
            tie: columns.u64(column::TIE)?,
            rank: columns.f64(column::RANK)?,
            kind: columns.u64(column::KIND)?,
            position: if needs_position { columns.column_opt(column::POSITION)? } else { None },
            rating: if needs_rating { columns.column_opt(column::RATING)? } else { None },
            price: if needs_price { columns.column_opt(column::PRICE)? } else { None },
            created: columns.i64(column::CREATED)?,
            hours: if needs_hours { columns.str(column::HOURS)? } else { None },
            open: HashMap::new(),
            categories,
            tags,
            kinds: [0; Kind::ALL.len()],
            stars: [0; 4],
            counted: Counted::default(),
            middle,
            plan,
        })
    }

    fn passes(&mut self, doc: DocId, position: Option<GeoPosition>) -> bool {
        let plan = &self.plan;
        if let Some(price) = &plan.price {
            let Some(amount) = self.price.as_ref().and_then(|column| column.first(doc)) else { return false };
            if price.min.is_some_and(|min| amount < min) || price.max.is_some_and(|max| amount > max) {
                return false;
            }
        }
        if let Some(min) = plan.rating_min
            && self.rating.as_ref().and_then(|column| column.first(doc)).is_none_or(|rating| rating < min)
        {
            return false;
        }
        if let Some(area) = plan.area
            && !position.is_some_and(|position| self.lies_in(&area, position))
        {
            return false;
        }
        !(plan.open_now || plan.wish.is_some()) || self.is_open(doc)
    }

    /// Away from the border of a radius the distance on a plane decides as well, and sooner.
    fn lies_in(&self, area: &Area, position: GeoPosition) -> bool {
        let middle = self.middle.as_ref().filter(|middle| self.plan.position == Some(middle.at));
        if let (Area::Radius(radius), Some(meters)) = (*area, middle.and_then(|middle| middle.on_a_plane(position)))
            && (meters / radius - 1.0).abs() > PLANE_ERROR_MAX
        {
            return meters < radius;
        }
        geo::contains(area, self.plan.position, position)
    }

    fn is_open(&mut self, doc: DocId) -> bool {
        let Some(column) = &self.hours else { return false };
        let Some(text) = column.ords().first(doc) else { return false };
        *self.open.entry(text).or_insert_with(|| {
            let mut packed = String::new();
            let Plan { hours, now, open_now, wish, .. } = &*self.plan;
            column.ord_to_str(text, &mut packed).unwrap_or(false)
                && (!open_now || hours.is_open(&packed, *now))
                && wish.is_none_or(|wish| hours.fulfils(&packed, wish, *now))
        })
    }

    fn key(&self, doc: DocId, score: Score, position: Option<GeoPosition>) -> f64 {
        match self.plan.sort {
            Sort::Relevance => self.relevance(doc, score, position),
            Sort::Distance => self.meters(position).map_or(f64::NEG_INFINITY, |meters| -meters),
            Sort::Rating => self.rank.first(doc).unwrap_or(0.0),
            #[allow(clippy::cast_precision_loss)]
            Sort::Price => self.price.as_ref().and_then(|column| column.first(doc)).map_or(f64::NEG_INFINITY, |amount| -(amount as f64)),
            #[allow(clippy::cast_precision_loss)]
            Sort::Newest => self.created.first(doc).unwrap_or(0) as f64,
        }
    }

    fn relevance(&self, doc: DocId, score: Score, position: Option<GeoPosition>) -> f64 {
        let plan = &self.plan;
        let text = if plan.intent == Intent::All { 1.0 } else { f64::from(score) / f64::from(plan.weight) };
        let stars = 1.0 + STAR_SHARE * (self.rank.first(doc).unwrap_or(ORDINARY_RANK) - ORDINARY_RANK);
        if self.middle.is_none() {
            return text * stars;
        }
        let far = |half: f64, rest: f64| self.meters(position).map_or(rest, |meters| rest + (1.0 - rest) / (1.0 + meters / half));
        let near = match plan.intent {
            Intent::All | Intent::Category | Intent::Name if plan.near => far(HALF_NEAR_METERS, 0.0),
            Intent::All | Intent::Category => far(HALF_CATEGORY_METERS, 0.0),
            Intent::Name => far(HALF_NAME_METERS, FAR_NAME_SHARE),
        };
        text * stars * near
    }

    /// On a plane where distances only weigh.
    fn meters(&self, position: Option<GeoPosition>) -> Option<f64> {
        let (middle, position) = (self.middle.as_ref()?, position?);
        let near = if middle.exact { None } else { middle.on_a_plane(position) };
        Some(near.unwrap_or_else(|| middle.at.distance_m(position)))
    }

    fn count(&mut self, doc: DocId) {
        self.total += 1;
        if !self.plan.facets.is_empty() {
            self.counted.docs.push(doc);
            if self.counted.docs.len() == COUNTED_TOGETHER {
                self.count_facets();
            }
        }
    }

    fn count_facets(&mut self) {
        let counted = &mut self.counted;
        for name in &self.plan.facets {
            match name {
                FacetName::Category => self.categories.iter_mut().for_each(|categories| categories.count(counted)),
                FacetName::Tag => self.tags.iter_mut().for_each(|tags| tags.count(counted)),
                FacetName::Kind => {
                    for kind in counted.single(&self.kind).unwrap_or_default() {
                        if let Some(count) = usize::try_from(*kind).ok().and_then(|kind| self.kinds.get_mut(kind)) {
                            *count += 1;
                        }
                    }
                }
                FacetName::Rating => {
                    for doc in &counted.docs {
                        let rating = self.rating.as_ref().and_then(|column| column.first(*doc)).unwrap_or(0.0);
                        for (least, count) in (1_u8..).zip(&mut self.stars) {
                            *count += u64::from(rating >= f64::from(least));
                        }
                    }
                }
            }
        }
        counted.docs.clear();
    }
}

impl SegmentCollector for SegmentRanking {
    type Fruit = Collected;

    fn collect(&mut self, doc: DocId, score: Score) {
        let position = self.position.as_ref().and_then(|column| column.first(doc)).map(geo::unpack);
        if !self.passes(doc, position) {
            return;
        }
        self.count(doc);
        let key = self.key(doc, score, position);
        if self.best.len() == self.plan.limit && self.best.peek().is_some_and(|worst| key < worst.place.key) {
            return;
        }
        let place = Place { key, tie: self.tie.first(doc).unwrap_or(0) };
        if self.plan.after.is_some_and(|after| place.order(&after) != Ordering::Greater) {
            return;
        }
        self.best.push(Ranked { place, address: DocAddress::new(self.ordinal, doc) });
        if self.best.len() > self.plan.limit {
            self.best.pop();
        }
    }

    fn harvest(mut self) -> Collected {
        self.count_facets();
        let mut counts = HashMap::new();
        if let Some(categories) = self.categories {
            counts.insert(FacetName::Category, categories.harvest());
        }
        if let Some(tags) = self.tags {
            counts.insert(FacetName::Tag, tags.harvest());
        }
        for name in &self.plan.facets {
            match name {
                FacetName::Kind => {
                    let kinds = Kind::ALL.iter().zip(self.kinds).map(|(kind, count)| (kind.as_str().to_owned(), count));
                    counts.insert(FacetName::Kind, kinds.filter(|(_, count)| *count > 0).collect());
                }
                FacetName::Rating => {
                    let stars = (1..).zip(self.stars).map(|(least, count): (u8, u64)| (least.to_string(), count));
                    counts.insert(FacetName::Rating, stars.filter(|(_, count)| *count > 0).collect());
                }
                FacetName::Category | FacetName::Tag => {}
            }
        }
        Collected { total: self.total, best: self.best.into_vec(), counts }
    }
}

/// What to filter by and what to show, of a value as it was counted.
pub fn labelled(name: FacetName, value: &str) -> (String, String) {
    match name {
        FacetName::Category => {
            let (id, label) = value.split_once(SEPARATOR).unwrap_or((value, value));
            (id.to_owned(), label.to_owned())
        }
        FacetName::Rating => (value.to_owned(), format!("{value}+")),
        FacetName::Kind | FacetName::Tag => (value.to_owned(), value.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_distances_on_a_plane() {
        for lat in [-70.0, -48.1, 0.0, 33.3, 64.1] {
            let at = GeoPosition::new(lat, 11.5).unwrap();
            let middle = Middle { at, exact: false, cosine: lat.to_radians().cos() };
            for (north, east) in [(0.0, 0.05), (0.003, -0.004), (-0.9, 0.9), (1.0, 1.0), (0.4, -1.0), (-1.0, 0.0)] {
                let position = GeoPosition::new(lat + north, 11.5 + east).unwrap();
                let (plane, sphere) = (middle.on_a_plane(position).unwrap(), at.distance_m(position));
                assert!((plane / sphere - 1.0).abs() < PLANE_ERROR_MAX / 2.0, "{lat} {north} {east}: {plane} {sphere}");
            }
            assert_eq!(middle.on_a_plane(GeoPosition::new(lat, 12.6).unwrap()), None);
        }
    }
}
