//! Products over HTTP.

mod categories;
mod changing;
mod importing;
mod managing;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use axum::extract::State;
use kernel::{BusinessId, CategoryId, Code, Duration, Page, Problem, ProductId, Stars, StockState, Timestamp, is_slug};
use ports::reads::ProductCard;
use ports::store::{Bounds, Query as StoreQuery, Stored};
use serde::Deserialize;
use shell::http::{Anyone, Json, Listing, OpenApiRouter, Paging, Path, SignedIn, VersionRequired, Versioned, id_list};
use shell::{Changes, DecisionContext, HandlerResult, Load, Reply, RequestContext};
use utoipa::{IntoParams, ToSchema};

use crate::App;
use crate::card::Card;
use crate::editing::{self, NewProduct, SlugWish};
use crate::json_ld;
use crate::names::Names;
use crate::product::content::{Draft, PRICE_MAX, TAG_CHARS_MAX};
use crate::product::{Product, ProductError, ProductStatus, seller_for};
use crate::shelf::Shelf;
use crate::showing;
use crate::storage::{self, SlugOwner};
use crate::views::{ProductPage, ProductView, StatusInput};

/// How long shared caches and browsers may show what is for sale without asking again.
const CACHE_SECS: u32 = 10;
/// Products that are asked for by their ids at once.
const IDS_MAX: usize = 50;
/// How long the public page of a product is shown before it is made again, with a look at stock and stars.
const PAGE_KEPT: Duration = Duration::from_secs(1);

pub fn routes(app: App) -> OpenApiRouter {
    let (categories, managing) = (categories::routes(app.clone()), managing::routes(app.clone()));
    let (changing, importing) = (changing::routes(app.clone()), importing::routes(app.clone()));
    shell::routes!(
        list: [NotFound],
        create: [AlreadyExists, Conflict, Forbidden],
        show,
        edit: [AlreadyExists, Conflict, IllegalTransition, Forbidden],
        archive: [Forbidden],
        change_status: [Conflict, IllegalTransition, Forbidden],
    )
    .with_state(app)
    .merge(categories)
    .merge(managing)
    .merge(changing)
    .merge(importing)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
pub enum Sort {
    #[serde(rename = "newest")]
    Newest,
    /// Cheapest first.
    #[serde(rename = "price")]
    Price,
    #[serde(rename = "-price")]
    PriceDescending,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ProductFilter {
    /// Id or slug of a category; what is in the categories below it is listed too.
    category: Option<String>,
    /// In any case.
    tag: Option<String>,
    seller_id: Option<BusinessId>,
    /// Newest first by default, or by price if a price is given.
    #[param(inline)]
    sort: Option<Sort>,
    /// Minor units, for the price of the cheapest variant; included.
    #[param(minimum = 0)]
    price_min: Option<i64>,
    /// Minor units; included.
    #[param(minimum = 0)]
    price_max: Option<i64>,
    /// Ids of products, separated by commas, at most 50: these are shown in this order, without those that are not for sale.
    /// Not with anything else.
    #[param(max_length = 1600)]
    ids: Option<String>,
}

/// List what is for sale. Give at most one of category, tag and seller_id.
#[utoipa::path(get, path = "/products", tag = "catalog", operation_id = "listProducts", params(ProductFilter, Paging), responses((status = 200, body = Page<ProductCard>)))]
async fn list(_: Versioned<Anyone>, State(app): State<App>, listing: Listing<ProductFilter>) -> HandlerResult {
    let (table, now) = (app.work.table(), app.work.now());
    if let Some(ids) = listing.filter.ids()? {
        let cards = showing::shown(table, &app.names, now, &ids).await?;
        return Ok(Reply::ok(&Page { items: cards.into_iter().flatten().collect::<Vec<_>>(), next: None }).cache_secs(CACHE_SECS));
    }
    let query = listing.filter.store_query(&app).await?.limit(listing.limit.get()).after(listing.cursor);
    let page = table.list::<Card>(query).await?;
    let sellers = page.items.iter().map(|card| card.seller_id).collect();
    let categories = page.items.iter().flat_map(|card| card.category_path.iter().copied()).collect();
    let names = app.names.names(table, now, sellers, categories).await?;
    let etag = etag_of(&page, &names);
    Ok(Reply::ok(&page.map(|card| card.value.shown(&names))).etag(etag).cache_secs(CACHE_SECS))
}

/// Create a product.
#[utoipa::path(post, path = "/products", tag = "catalog", operation_id = "createProduct", request_body = Draft, responses((status = 201, body = ProductView)))]
async fn create(request: SignedIn, State(app): State<App>, Json(draft): Json<Draft>) -> HandlerResult {
    let seller_id = seller_for(&request.actor, draft.seller_id)?;
    let slug = draft.slug.as_deref().map_or_else(|| Ok(SlugWish::near(&draft.title)), SlugWish::exactly)?;
    let (category_id, status) = (draft.category_id, draft.status.unwrap_or(ProductStatus::Draft));
    let content = draft.checked(app.settings.currency)?;
    let load = |_| editing::State::load_new(app.work.table(), seller_id, &slug, category_id);
    let create = |state: editing::State, context: &DecisionContext| {
        let new = NewProduct { id: context.id(0), seller_id, slug: &slug, content: &content, status };
        let (product, changes) = state.create(context, &new)?;
        let view = ProductView::of(&product, &Shelf::empty(product.id), app.settings.tax_rate);
        Ok(changes.reply(Reply::created(format!("/api/v1/products/{}", product.id), &view).etag(1)))
    };
    app.work.handle_request(&request, load, create).await
}

/// Get a product by its id or its slug, also by a slug that it had before.
#[utoipa::path(get, path = "/products/{product_id}", tag = "catalog", operation_id = "getProduct", params(("product_id" = String, Path, description = "Id or slug")), responses((status = 200, body = ProductPage)))]
async fn show(request: Versioned<RequestContext>, State(app): State<App>, Path(reference): Path<String>) -> HandlerResult {
    let product = find(&app, &reference).await?;
    if !product.visible_to(&request.actor) {
        return Err(missing().into());
    }
    // Who may edit it must see the edit at once, and sends the version back; others see stock and stars, which have none.
    if request.actor.acts_for(product.seller_id) {
        let (reply, _) = page(&app, &product).await?;
        return Ok(reply.etag(product.version));
    }
    let (now, key) = (app.work.now(), (product.id, product.version));
    if let Some(kept) = app.pages.get(&key).filter(|kept| now.since(kept.made_at) < PAGE_KEPT) {
        return Ok(kept.reply.clone());
    }
    let (reply, etag) = page(&app, &product).await?;
    let reply = reply.etag(etag).cache_secs(CACHE_SECS);
    app.pages.insert(key, Arc::new(CachedPage { made_at: now, reply: reply.clone() }));
    Ok(reply)
}

/// A public page as it was made, under its product's id and version: the stock and the stars on it may be as old.
pub(crate) struct CachedPage {
    made_at: Timestamp,
    reply: Reply,
}

/// The page, and a tag of everything that it is made from.
async fn page(app: &App, product: &Stored<Product>) -> Result<(Reply, u64), Problem> {
    let (table, shelf_key) = (app.work.table(), storage::shelf_key(product.id));
    let names = app.names.names(table, app.work.now(), vec![product.seller_id], product.category_path.clone());
    let (shelf, names) = futures::try_join!(table.get_eventual::<Shelf>(&shelf_key), names)?;
    let shelf = shelf.map_or_else(|| Shelf::empty(product.id), |shelf| shelf.value);
    let (seller, categories) = (names.seller(product.seller_id), names.categories(&product.category_path));
    let url = app.settings.product_url(&product.slug);
    let json_ld = product.is_for_sale().then(|| json_ld::product(product, &url, &shelf, &app.settings));
    let mut hasher = DefaultHasher::new();
    (product.version, &app.settings.public_url, shelf.rating, &seller, &categories).hash(&mut hasher);
    product.variants.iter().for_each(|variant| shelf.state(variant.id).hash(&mut hasher));
    let view = ProductPage {
        product: ProductView::of(product, &shelf, app.settings.tax_rate),
        seller,
        stock: StockState::best(product.variants.iter().map(|variant| shelf.state(variant.id))),
        rating: Stars::of(shelf.rating),
        categories: &categories,
        json_ld,
    };
    Ok((Reply::ok(&view).for_scripts(), hasher.finish()))
}

/// Replace a product. Needs If-Match, so that nobody overwrites what they have not seen.
#[utoipa::path(put, path = "/products/{product_id}", tag = "catalog", operation_id = "editProduct", params(("product_id" = ProductId, Path)), request_body = Draft, responses((status = 200, body = ProductView)))]
async fn edit(
    request: VersionRequired<SignedIn>,
    State(app): State<App>,
    Path(id): Path<ProductId>,
    Json(draft): Json<Draft>,
) -> HandlerResult {
    let slug = draft.slug.as_deref().map(SlugWish::exactly).transpose()?;
    let (seller_id, category_id, status) = (draft.seller_id, draft.category_id, draft.status);
    let content = draft.checked(app.settings.currency)?;
    let load = |_| editing::State::load_edited(app.work.table(), id, slug.as_ref(), category_id);
    let edit = |state: &editing::State, context: &DecisionContext| {
        let before = state.existing()?;
        if !before.visible_to(&context.actor) {
            return Err(ProductError::Unknown.into());
        }
        before.check_seller(seller_id)?;
        request.require_version(before.version)?;
        state.edit(context, &content, slug.as_ref(), status)
    };
    change(&app, &request, load, edit, |product, shelf| Reply::ok(&ProductView::of(product, shelf, app.settings.tax_rate))).await
}

/// Change the status of a product. What a business sells can be published once the business itself is.
#[utoipa::path(post, path = "/products/{product_id}/status", tag = "catalog", operation_id = "changeProductStatus", params(("product_id" = ProductId, Path)), request_body = StatusInput, responses((status = 200, body = ProductView)))]
async fn change_status(
    request: Versioned<SignedIn>,
    State(app): State<App>,
    Path(id): Path<ProductId>,
    Json(input): Json<StatusInput>,
) -> HandlerResult {
    let load = |_| editing::State::load_existing(app.work.table(), id);
    let status = |state: &editing::State, context: &DecisionContext| state.change_status(context, input.status);
    change(&app, &request, load, status, |product, shelf| Reply::ok(&ProductView::of(product, shelf, app.settings.tax_rate))).await
}

/// Archive a product: it leaves the shop, and stays for the orders that name it.
#[utoipa::path(delete, path = "/products/{product_id}", tag = "catalog", operation_id = "archiveProduct", params(("product_id" = ProductId, Path)), responses((status = 204)))]
async fn archive(request: Versioned<SignedIn>, State(app): State<App>, Path(id): Path<ProductId>) -> HandlerResult {
    let load = |_| editing::State::load_existing(app.work.table(), id);
    let archive = |state: &editing::State, context: &DecisionContext| state.change_status(context, ProductStatus::Archived);
    change(&app, &request, load, archive, |_, _| Reply::no_content()).await
}

/// Changes a product with what follows from it: refuses an If-Match of another version, asks the rule, and answers with
/// the ETag.
async fn change(
    app: &App,
    request: &RequestContext,
    load: impl Load<editing::State>,
    rule: impl Fn(&editing::State, &DecisionContext) -> Result<(Product, Changes), Problem>,
    view: impl Fn(&Product, &Shelf) -> Reply,
) -> HandlerResult {
    let decide = |state: editing::State, context: &DecisionContext| {
        let version = state.existing()?.version;
        // Behind the rule, so that a stranger does not learn the version of a draft.
        let (after, changes) = rule(&state, context)?;
        request.check_version(version)?;
        let reply = view(&after, &state.shelf(after.id)).etag(version + u64::from(!changes.is_empty()));
        Ok(changes.reply(reply))
    };
    app.work.handle_request(request, load, decide).await
}

impl ProductFilter {
    fn ids(&self) -> Result<Option<Vec<ProductId>>, Problem> {
        let Some(ids) = &self.ids else { return Ok(None) };
        let others = [self.category.is_some(), self.tag.is_some(), self.seller_id.is_some(), self.sort.is_some()];
        if others.contains(&true) || self.price_min.is_some() || self.price_max.is_some() {
            return Err(Problem::field("ids", "is given alone"));
        }
        id_list("ids", ids, IDS_MAX).map(Some)
    }

    async fn store_query(self, app: &App) -> Result<StoreQuery, Problem> {
        let sort = self.sort.unwrap_or(if self.price_min.is_some() || self.price_max.is_some() { Sort::Price } else { Sort::Newest });
        let pk = listing(app, self.category, self.tag, self.seller_id).await?.pk();
        Ok(match sort {
            Sort::Newest if self.price_min.is_some() || self.price_max.is_some() => {
                return Err(Problem::field("sort", "must be price or -price where price_min or price_max is given"));
            }
            Sort::Newest => StoreQuery::table(pk).descending(),
            Sort::Price => StoreQuery::index(1, pk).bounds(price_bounds(self.price_min, self.price_max)?),
            Sort::PriceDescending => StoreQuery::index(1, pk).bounds(price_bounds(self.price_min, self.price_max)?).descending(),
        })
    }
}

async fn listing(
    app: &App,
    category: Option<String>,
    tag: Option<String>,
    seller: Option<BusinessId>,
) -> Result<storage::Listing, Problem> {
    match (category, tag, seller) {
        (None, None, None) => Ok(storage::Listing::All),
        (Some(category), None, None) => Ok(storage::Listing::Category(category_id(app, &category).await?)),
        (None, Some(tag), None) if tag.chars().count() > TAG_CHARS_MAX => {
            Err(Problem::field("tag", format!("must be at most {TAG_CHARS_MAX} characters")))
        }
        (None, Some(tag), None) => Ok(storage::Listing::Tag(tag)),
        (None, None, Some(seller)) => Ok(storage::Listing::Seller(seller)),
        (Some(_), Some(_), _) | (Some(_), _, Some(_)) | (_, Some(_), Some(_)) => {
            Err(Problem::invalid("give one of category, tag and seller_id; search combines them"))
        }
    }
}

async fn category_id(app: &App, reference: &str) -> Result<CategoryId, Problem> {
    if let Ok(id) = reference.parse() {
        return Ok(id);
    }
    let found = if is_slug(reference) { storage::category_with_slug(app.work.table(), reference).await? } else { None };
    found.ok_or_else(|| Problem::new(Code::NotFound, "there is no such category"))
}

fn price_bounds(min: Option<i64>, max: Option<i64>) -> Result<Bounds, Problem> {
    for (field, value) in [("price_min", min), ("price_max", max)] {
        if value.is_some_and(|value| !(0..=PRICE_MAX).contains(&value)) {
            return Err(Problem::field(field, format!("must be 0 to {PRICE_MAX} minor units")));
        }
    }
    let (min, max) = (min.unwrap_or(0), max.unwrap_or(PRICE_MAX));
    if min > max {
        return Err(Problem::field("price_min", "must not be above price_max"));
    }
    // `~` sorts after the `#` that follows the price.
    Ok(Bounds::Between(storage::price_sk(min), format!("{}~", storage::price_sk(max))))
}

async fn find(app: &App, reference: &str) -> Result<Stored<Product>, Problem> {
    let table = app.work.table();
    let id = match reference.parse() {
        Ok(id) => Some(id),
        Err(_) if is_slug(reference) => {
            table.get_eventual::<SlugOwner<ProductId>>(&storage::slug_key::<ProductId>(reference)).await?.map(|owner| owner.id)
        }
        Err(_) => None,
    };
    let product = match id {
        Some(id) => table.get_eventual::<Product>(&storage::product_key(id)).await?,
        None => None,
    };
    product.ok_or_else(missing)
}

fn missing() -> Problem {
    Problem::new(Code::NotFound, "there is no such product")
}

/// Cards have no version, so the page's tag is made from what it shows.
fn etag_of(page: &Page<Stored<Card>>, names: &Names) -> u64 {
    let mut hasher = DefaultHasher::new();
    for card in &page.items {
        card.value.hash(&mut hasher);
        (names.seller(card.seller_id), names.categories(&card.category_path)).hash(&mut hasher);
    }
    page.next.as_ref().map(|cursor| &cursor.0).hash(&mut hasher);
    hasher.finish()
}
