//! Routes of search.

use axum::extract::State;
use kernel::{Problem, ProductId};
use ports::search::Kind;
use shell::http::{Admin, Anyone, OpenApiRouter, Query, Unrecorded};
use shell::{HandlerResult, Reply};

use crate::App;
use crate::parameters::{Parameters, SuggestParameters};
use crate::rebuilding;
use crate::views::{HitView, IndexView, SearchView, SuggestionsView};

pub fn routes(app: App) -> OpenApiRouter {
    shell::routes!(search, suggest, show_index, build_anew).with_state(app)
}

/// Find businesses, services and products.
#[utoipa::path(get, path = "/search", tag = "search", operation_id = "search", params(Parameters), responses((status = 200, body = SearchView)))]
async fn search(_: Anyone, State(app): State<App>, Query(parameters): Query<Parameters>) -> HandlerResult {
    let mut query = parameters.query(app.config, app.work.now())?;
    query.categories = categories(&app, &query.categories).await?;
    let results = app.deps.index.search(query).await.map_err(Problem::from)?;
    let mut view = SearchView::from(results);
    show_cards(&app, &mut view).await?;
    Ok(Reply::ok(&view))
}

/// Stock changes too often for the index; the cards are asked for with the page.
async fn show_cards(app: &App, view: &mut SearchView) -> Result<(), Problem> {
    let products = |hit: &HitView| if hit.kind == Kind::Product { hit.id.parse::<ProductId>().ok() } else { None };
    let ids: Vec<ProductId> = view.items.iter().filter_map(products).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let mut cards = app.deps.products.cards(&ids).await?.into_iter();
    for hit in view.items.iter_mut().filter(|hit| products(hit).is_some()) {
        hit.product = cards.next().flatten();
    }
    Ok(())
}

/// The ids of what are ids or slugs, of businesses or of products.
async fn categories(app: &App, references: &[String]) -> Result<Vec<String>, Problem> {
    let mut ids = Vec::with_capacity(references.len());
    for reference in references {
        let of_businesses = app.deps.directory.category(reference).await?;
        let of_products = app.deps.products.category(reference).await?;
        if of_businesses.is_none() && of_products.is_none() {
            return Err(Problem::field("category", format!("there is no category {reference}")));
        }
        ids.extend(of_businesses.into_iter().chain(of_products).map(|id| id.to_string()));
    }
    Ok(ids)
}

/// Complete what is being typed to names and categories.
#[utoipa::path(get, path = "/suggest", tag = "search", operation_id = "suggest", params(SuggestParameters), responses((status = 200, body = SuggestionsView)))]
async fn suggest(_: Anyone, State(app): State<App>, Query(parameters): Query<SuggestParameters>) -> HandlerResult {
    let items = app.deps.index.suggest(parameters.query()?).await.map_err(Problem::from)?;
    Ok(Reply::ok(&SuggestionsView { items }))
}

/// Show the index and its latest rebuild.
#[utoipa::path(get, path = "/admin/search", tag = "search", operation_id = "getSearchIndex", responses((status = 200, body = IndexView)))]
async fn show_index(_: Admin, State(app): State<App>) -> HandlerResult {
    view(&app).await.map(|view| Reply::ok(&view).no_store()).map_err(Into::into)
}

/// Rebuild the index from the stores while the present one goes on answering. Asked for twice, it is rebuilt once.
#[utoipa::path(post, path = "/admin/search/rebuild", tag = "search", operation_id = "rebuildSearchIndex", responses((status = 202, body = IndexView)))]
async fn build_anew(_: Unrecorded<Admin>, State(app): State<App>) -> HandlerResult {
    rebuilding::request_rebuild(&app.work, "asked for by an admin").await?;
    Ok(Reply::accepted("/api/v1/admin/search", &view(&app).await?))
}

async fn view(app: &App) -> Result<IndexView, Problem> {
    let index = app.deps.index.status().await?;
    Ok(IndexView { index, rebuild: rebuilding::requested_rebuild(&app.work).await? })
}
