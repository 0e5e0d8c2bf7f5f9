//! Products for their sellers and for staff: in any status, and many at once.

use axum::extract::State;
use kernel::{BusinessId, Count, Counts, Line, Page, ProductId, WantedWords};
use serde::Deserialize;
use shell::http::{Listing, OpenApiRouter, Paging, Query, SignedIn};
use shell::{HandlerResult, Reply};
use utoipa::{IntoParams, ToSchema};

use crate::App;
use crate::product::{Product, ProductStatus};
use crate::storage;
use crate::views::ProductSummary;

/// Of each status.
const COUNTED_MAX: usize = 100;

pub fn routes(app: App) -> OpenApiRouter {
    shell::routes!(
        list: [NotFound, Forbidden],
        count: [NotFound, Forbidden],
    )
    .with_state(app)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[schema(as = ManagedProductSort)]
enum Sort {
    #[serde(rename = "-created_at")]
    Newest,
    #[serde(rename = "created_at")]
    Oldest,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ProductFilter {
    #[param(inline)]
    status: Option<ProductStatus>,
    /// For staff. Sellers see their own products; those with several businesses name one.
    seller_id: Option<BusinessId>,
    /// Id or slug of a category; what is in the categories below it is listed too.
    category: Option<String>,
    /// Words of the title, the brand, a tag, the slug or a stock keeping unit, in any order and any case.
    #[param(inline)]
    q: Option<Line<1, 100>>,
    /// The newest first by default.
    #[param(inline)]
    sort: Option<Sort>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct SellerFilter {
    /// For staff. Sellers see their own products; those with several businesses name one.
    seller_id: Option<BusinessId>,
}

/// List products of any status for staff and for their sellers. With `q` or `category` a page may hold fewer than its limit and
/// still have a next one.
#[utoipa::path(get, path = "/admin/products", tag = "catalog", operation_id = "listAllProducts", params(ProductFilter, Paging), responses((status = 200, body = Page<ProductSummary>)))]
async fn list(request: SignedIn, State(app): State<App>, listing: Listing<ProductFilter>) -> HandlerResult {
    let (table, filter, limit) = (app.work.table(), listing.filter, listing.limit.get());
    let seller = request.actor.listed_seller(filter.seller_id)?;
    let category = match &filter.category {
        Some(reference) => Some(super::category_id(&app, reference).await?),
        None => None,
    };
    let mut query = storage::products_query(seller, filter.status).after(listing.cursor);
    query.descending = filter.sort != Some(Sort::Oldest);
    let words = filter.q.as_deref().map(WantedWords::of);
    let page = if words.is_none() && category.is_none() {
        table.list::<Product>(query.limit(limit)).await?
    } else {
        let fits = |product: &Product| {
            let inside = category.is_none_or(|category| product.category_path.contains(&category));
            inside && words.as_ref().is_none_or(|words| words.are_in(texts(product)))
        };
        table.filter::<Product>(query, limit, fits).await?
    };
    let shelves = storage::shelves(table, page.items.iter().map(|product| product.id)).await?;
    Ok(Reply::ok(&page.map(|product| ProductSummary::of(product, &shelves))))
}

/// Where words are looked for.
fn texts(product: &Product) -> impl Iterator<Item = &str> {
    let whole = [product.title.as_str(), product.vendor.as_str(), product.slug.as_str()];
    whole.into_iter().chain(product.tags.iter().map(String::as_str)).chain(product.variants.iter().map(|variant| variant.sku.as_str()))
}

/// Count the products of each status, for staff and for their sellers.
#[utoipa::path(get, path = "/admin/products/counts", tag = "catalog", operation_id = "countProducts", params(SellerFilter), responses((status = 200, body = Counts<ProductStatus>)))]
async fn count(request: SignedIn, State(app): State<App>, Query(filter): Query<SellerFilter>) -> HandlerResult {
    let seller = request.actor.listed_seller(filter.seller_id)?;
    let mut items = Vec::new();
    for status in [ProductStatus::Draft, ProductStatus::Published, ProductStatus::Archived] {
        let query = storage::products_query(seller, Some(status)).limit(COUNTED_MAX);
        let page: Page<ProductId> = app.work.table().list::<Counted>(query).await?.map(|product| product.value.id);
        items.push(Count::of(status, &page));
    }
    Ok(Reply::ok(&Counts { items }))
}

/// As much of a product as tells that there is one.
#[derive(Deserialize)]
struct Counted {
    id: ProductId,
}
