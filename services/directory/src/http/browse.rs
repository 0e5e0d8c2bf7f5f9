//! What everybody sees: lists of businesses, and the page of one.

use std::collections::BTreeSet;

use axum::extract::State;
use kernel::{BusinessId, CategoryId, Cursor, GeoPosition, Limit, Page, Problem, is_slug};
use ports::store::{Bounds, Key};
use serde::Deserialize;
use shell::http::{Anyone, Listing, OpenApiRouter, Paging, Path, id_list};
use shell::{HandlerResult, Reply};
use utoipa::IntoParams;

use crate::App;
use crate::business::rating::BusinessRating;
use crate::business::views::{BusinessCard, BusinessView};
use crate::business::{Business, BusinessError};
use crate::category::{CategoryError, Tree};
use crate::storage::{self, Listed, SlugOwner};

/// How long shared caches and browsers may show a listing or a page without asking again.
const CACHE_SECS: u32 = 30;
/// Businesses that are asked for by their ids at once.
const IDS_MAX: usize = 50;
/// Businesses that one request about an area looks at.
const AREA_LOOKED_AT_MAX: usize = 2_000;
const AREA_PAGE: usize = 500;
/// An area is at most so high and wide, in degrees: larger ones are for the search.
const AREA_DEGREES_MAX: f64 = 1.0;
const RADIUS_M_MAX: u32 = 25_000;
const RADIUS_M_DEFAULT: u32 = 1_000;
const METRES_PER_DEGREE: f64 = 111_195.0;
const CURSOR_BYTES_MAX: usize = 200;

pub fn routes() -> OpenApiRouter<App> {
    shell::routes!(
        list: [NotFound],
        show,
    )
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ListFilter {
    /// Id or slug of a category; what is in the categories below it is listed too.
    category: Option<String>,
    /// `south,west,north,east` in degrees, at most one degree each way. One page of businesses by name.
    #[param(example = "48.1,11.5,48.2,11.6")]
    bounds: Option<String>,
    /// `lat,lon` in degrees. One page of businesses, the nearest first.
    #[param(example = "48.1374,11.5755")]
    near: Option<String>,
    /// With `near`: metres, 1–25000 (default 1000).
    #[param(minimum = 1, maximum = 25_000, default = 1_000)]
    radius_m: Option<u32>,
    /// Ids of businesses, separated by commas, at most 50: these are shown in this order, without those that are not
    /// published. Not with anything else.
    #[param(max_length = 1600)]
    ids: Option<String>,
}

/// List published businesses by name. Give at most one of bounds and near; a category can go with either.
#[utoipa::path(get, path = "/businesses", tag = "directory", operation_id = "listBusinesses", params(Paging, ListFilter), responses((status = 200, body = Page<BusinessCard>)))]
async fn list(_: Anyone, State(app): State<App>, Listing { filter: query, limit, cursor }: Listing<ListFilter>) -> HandlerResult {
    let tree = storage::shown_tree(app.work.table()).await?.value;
    let categories = query.category.as_deref().map(|reference| subtree(&tree, reference)).transpose()?;
    let radius_m = query.radius_m.unwrap_or(RADIUS_M_DEFAULT);
    if !(1..=RADIUS_M_MAX).contains(&radius_m) {
        return Err(Problem::field("radius_m", format!("must be 1 to {RADIUS_M_MAX}")).into());
    }
    let ids: Option<Vec<BusinessId>> = query.ids.as_deref().map(|ids| id_list("ids", ids, IDS_MAX)).transpose()?;
    if ids.is_some() && (query.category.is_some() || query.bounds.is_some() || query.near.is_some()) {
        return Err(Problem::field("ids", "is given alone").into());
    }
    let (businesses, from) = match (&query.bounds, &query.near) {
        (None, None) => match ids {
            Some(ids) => (by_ids(&app, &ids).await?, None),
            None => (by_name(&app, categories.as_ref(), limit, cursor).await?, None),
        },
        (Some(bounds), None) => (one_page(in_bounds(&app, Area::parse(bounds)?, categories.as_ref()).await?, limit), None),
        (None, Some(near)) => {
            let from = position(near)?;
            (one_page(around(&app, from, f64::from(radius_m), categories.as_ref()).await?, limit), Some(from))
        }
        (Some(_), Some(_)) => return Err(Problem::invalid("give bounds or near, not both").into()),
    };
    let now = app.work.now();
    let ratings = storage::ratings(app.work.table(), businesses.items.iter().map(|business| business.id)).await?;
    let page = businesses.map(|business| {
        let rating = ratings.get(&business.id).copied().unwrap_or_default();
        BusinessCard::of(&business, &tree, rating, from, &app.settings, now)
    });
    Ok(Reply::ok(&page).cache_secs(CACHE_SECS))
}

/// Show a published business by its id or slug. A former slug redirects to the current one.
#[utoipa::path(get, path = "/businesses/{business_id}", tag = "directory", operation_id = "getBusiness", params(("business_id" = String, Path, description = "Id or slug")),
    responses((status = 200, body = BusinessView), (status = 308, description = "It has another slug now, see Location", body = BusinessView)))]
async fn show(_: Anyone, State(app): State<App>, Path(reference): Path<String>) -> HandlerResult {
    let table = app.work.table();
    let id: Option<BusinessId> = match reference.parse() {
        Ok(id) => Some(id),
        Err(_) if is_slug(&reference) => {
            table.get_eventual::<SlugOwner>(&storage::slug_key(&reference)).await?.map(|owner| owner.business_id)
        }
        Err(_) => None,
    };
    let business = match id {
        Some(id) => table.get_eventual::<Business>(&storage::business_key(id)).await?.filter(|business| business.is_published()),
        None => None,
    };
    let business = business.ok_or(BusinessError::NotFound)?;
    let rating_key = storage::rating_key(business.id);
    let (tree, rating) = futures::try_join!(storage::shown_tree(table), table.get_eventual::<BusinessRating>(&rating_key))?;
    let rating = rating.map_or_else(Default::default, |rating| rating.rating);
    let view = BusinessView::of(&business, &tree, rating, &app.settings, app.work.now());
    if is_slug(&reference) && reference != business.slug {
        return Ok(Reply::created(format!("/api/v1/businesses/{}", business.slug), &view).status(308).cache_secs(CACHE_SECS));
    }
    Ok(Reply::ok(&view).for_scripts().cache_secs(CACHE_SECS))
}

fn subtree(tree: &Tree, reference: &str) -> Result<BTreeSet<CategoryId>, Problem> {
    let category = tree.referred(reference).ok_or(CategoryError::NotFound)?;
    Ok(tree.subtree(category.id).into_iter().collect())
}

/// All, or the lists of several categories as one. The cursor of the latter is the sort key of the last business.
async fn by_name(
    app: &App,
    categories: Option<&BTreeSet<CategoryId>>,
    limit: Limit,
    cursor: Option<Cursor>,
) -> Result<Page<Business>, Problem> {
    let table = app.work.table();
    let Some(categories) = categories else {
        let page = table.list::<Business>(storage::published_query().limit(limit.get()).after(cursor)).await?;
        return Ok(page.map(|business| business.value));
    };
    let mut listed: Vec<(String, BusinessId)> = Vec::new();
    for category in categories {
        let mut query = storage::category_query(*category).limit(limit.get() + 1);
        if let Some(Cursor(last)) = &cursor {
            if last.len() > CURSOR_BYTES_MAX || !last.contains("#biz_") {
                return Err(ports::store::StoreError::Cursor.into());
            }
            query = query.bounds(Bounds::AtLeast(format!("{last}~")));
        }
        let page = table.list::<Listed>(query).await?;
        listed.extend(page.items.into_iter().map(|listed| (listed.value.sort_key, listed.value.business_id)));
    }
    listed.sort();
    listed.dedup();
    let more = listed.len() > limit.get();
    listed.truncate(limit.get());
    let next = listed.last().filter(|_| more).map(|(sort_key, _)| Cursor(sort_key.clone()));
    let keys: Vec<Key> = listed.iter().map(|(_, id)| storage::business_key(*id)).collect();
    let found = table.get_many_eventual::<Business>(&keys).await?;
    let items = found.into_iter().flatten().map(|business| business.value).filter(Business::is_published).collect();
    Ok(Page { items, next })
}

async fn by_ids(app: &App, ids: &[BusinessId]) -> Result<Page<Business>, Problem> {
    let keys: Vec<Key> = ids.iter().map(|id| storage::business_key(*id)).collect();
    let found = app.work.table().get_many_eventual::<Business>(&keys).await?;
    let items = found.into_iter().flatten().map(|business| business.value).filter(Business::is_published).collect();
    Ok(Page { items, next: None })
}

fn one_page(mut items: Vec<Business>, limit: Limit) -> Page<Business> {
    items.truncate(limit.get());
    Page { items, next: None }
}

struct Area {
    south: f64,
    west: f64,
    north: f64,
    east: f64,
}

impl Area {
    fn parse(text: &str) -> Result<Self, Problem> {
        let wrong = || Problem::field("bounds", "must be south,west,north,east in degrees, at most one degree each way");
        let [south, west, north, east] = numbers(text).ok_or_else(wrong)?;
        let area = Self { south, west, north, east };
        let inside = GeoPosition::new(south, west).is_some() && GeoPosition::new(north, east).is_some();
        let small = (0.0..=AREA_DEGREES_MAX).contains(&(north - south)) && (0.0..=AREA_DEGREES_MAX).contains(&(east - west));
        if inside && small { Ok(area) } else { Err(wrong()) }
    }

    fn holds(&self, position: GeoPosition) -> bool {
        (self.south..=self.north).contains(&position.lat) && (self.west..=self.east).contains(&position.lon)
    }
}

fn position(text: &str) -> Result<GeoPosition, Problem> {
    let found = numbers(text).and_then(|[lat, lon]| GeoPosition::new(lat, lon));
    found.ok_or_else(|| Problem::field("near", "must be lat,lon in degrees"))
}

fn numbers<const N: usize>(text: &str) -> Option<[f64; N]> {
    let parsed: Option<Vec<f64>> = text.split(',').map(|part| part.trim().parse().ok().filter(|number: &f64| number.is_finite())).collect();
    parsed?.try_into().ok()
}

async fn in_bounds(app: &App, area: Area, categories: Option<&BTreeSet<CategoryId>>) -> Result<Vec<Business>, Problem> {
    let mut found = in_area(app, &area, categories).await?;
    found.sort_by(|one, other| (&one.profile.name, one.id).cmp(&(&other.profile.name, other.id)));
    Ok(found)
}

async fn around(app: &App, from: GeoPosition, radius_m: f64, categories: Option<&BTreeSet<CategoryId>>) -> Result<Vec<Business>, Problem> {
    let high = radius_m / METRES_PER_DEGREE;
    // Near the poles all longitudes are close.
    let wide = (high / from.lat.to_radians().cos().max(0.01)).min(180.0);
    let area = Area { south: from.lat - high, north: from.lat + high, west: from.lon - wide, east: from.lon + wide };
    let away = |business: &Business| business.profile.position.map_or(f64::INFINITY, |position| from.distance_m(position));
    let mut found = in_area(app, &area, categories).await?;
    found.retain(|business| away(business) <= radius_m);
    found.sort_by(|one, other| away(one).total_cmp(&away(other)));
    Ok(found)
}

async fn in_area(app: &App, area: &Area, categories: Option<&BTreeSet<CategoryId>>) -> Result<Vec<Business>, Problem> {
    let mut found: Vec<Business> = Vec::new();
    let mut looked_at = 0;
    for query in storage::area_queries(area.south, area.north, area.west, area.east) {
        let mut cursor = None;
        while looked_at < AREA_LOOKED_AT_MAX {
            let page = app.work.table().list::<Business>(query.clone().limit(AREA_PAGE).after(cursor)).await?;
            looked_at += page.items.len();
            let wanted = |business: &Business| {
                let inside = business.profile.position.is_some_and(|position| area.holds(position));
                inside && categories.is_none_or(|categories| business.profile.categories.iter().any(|id| categories.contains(id)))
            };
            found.extend(page.items.into_iter().map(|business| business.value).filter(wanted));
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
    }
    Ok(found)
}
