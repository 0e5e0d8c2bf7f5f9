//! The tree of categories over HTTP.

use std::collections::HashMap;

use axum::extract::State;
use kernel::{CategoryId, Problem};
use ports::store::{Record as _, Stored};
use shell::http::{Admin, Anyone, Json, OpenApiRouter, Path, VersionRequired, Versioned};
use shell::{DecisionContext, HandlerResult, Reply, Table};

use crate::App;
use crate::category::views::{CategoriesView, CategoryView};
use crate::category::{CategoryDraft, CategoryError, Tree};
use crate::storage::{self, CategoryCount, save_tree};

const CACHE_SECS: u32 = 30;

pub fn routes() -> OpenApiRouter<App> {
    shell::routes!(
        list,
        create: [AlreadyExists, Conflict],
        show,
        edit: [AlreadyExists, Conflict],
        delete: [Conflict],
    )
}

/// List all categories of businesses, a tree by `parent_id`, with how many businesses each holds.
#[utoipa::path(get, path = "/business-categories", tag = "directory", operation_id = "listBusinessCategories", responses((status = 200, body = CategoriesView)))]
async fn list(_: Anyone, State(app): State<App>) -> HandlerResult {
    let tree = storage::shown_tree(app.work.table()).await?;
    let counts = counts(app.work.table()).await?;
    let mut items: Vec<CategoryView> = tree.categories.iter().map(|category| CategoryView::of(category, &tree, &counts)).collect();
    items.sort_by(|one, other| (one.level, one.position, &one.name).cmp(&(other.level, other.position, &other.name)));
    Ok(Reply::ok(&CategoriesView { items }).cache_secs(CACHE_SECS))
}

/// Create a category of businesses.
#[utoipa::path(post, path = "/business-categories", tag = "directory", operation_id = "createBusinessCategory", request_body = CategoryDraft, responses((status = 201, body = CategoryView)))]
async fn create(request: Admin, State(app): State<App>, Json(draft): Json<CategoryDraft>) -> HandlerResult {
    let decide = |before: Stored<Tree>, context: &DecisionContext| {
        let id: CategoryId = context.id(0);
        let decision = before.value.clone().create(id, &draft)?;
        let view = view(decision.state(), id, &HashMap::new())?;
        let reply = Reply::created(format!("/api/v1/business-categories/{id}"), &view).etag(before.version + 1);
        Ok(save_tree(&before, decision, &[id])?.reply(reply))
    };
    app.work.handle_request(&request, |_| storage::tree(app.work.table()), decide).await
}

/// Get a category of businesses by its id or its slug. The ETag is the version of the whole tree, for editing it.
#[utoipa::path(get, path = "/business-categories/{category_id}", tag = "directory", operation_id = "getBusinessCategory", params(("category_id" = String, Path, description = "Id or slug")), responses((status = 200, body = CategoryView)))]
async fn show(_: Versioned<Anyone>, State(app): State<App>, Path(reference): Path<String>) -> HandlerResult {
    let (tree, counts) = futures::try_join!(storage::tree(app.work.table()), counts(app.work.table()))?;
    let id = tree.referred(&reference).ok_or(CategoryError::NotFound)?.id;
    Ok(Reply::ok(&view(&tree, id, &counts)?).etag(tree.version))
}

/// Rename a category, or move it with everything below it. Needs If-Match.
#[utoipa::path(put, path = "/business-categories/{category_id}", tag = "directory", operation_id = "editBusinessCategory", params(("category_id" = CategoryId, Path)), request_body = CategoryDraft, responses((status = 200, body = CategoryView)))]
async fn edit(
    request: VersionRequired<Admin>,
    State(app): State<App>,
    Path(id): Path<CategoryId>,
    Json(draft): Json<CategoryDraft>,
) -> HandlerResult {
    let load = |_| async { Ok((storage::tree(app.work.table()).await?, counts(app.work.table()).await?)) };
    let decide = |(before, counts): (Stored<Tree>, HashMap<CategoryId, i64>), _: &DecisionContext| {
        if before.get(id).is_none() {
            return Err(CategoryError::NotFound.into());
        }
        request.require_version(before.version)?;
        let decision = before.value.clone().edit(id, &draft)?;
        let reply = Reply::ok(&view(decision.state(), id, &counts)?).etag(before.version + u64::from(decision.is_changed()));
        Ok(save_tree(&before, decision, &[])?.reply(reply))
    };
    app.work.handle_request(&request, load, decide).await
}

/// Delete a category that holds neither businesses nor other categories.
#[utoipa::path(delete, path = "/business-categories/{category_id}", tag = "directory", operation_id = "deleteBusinessCategory", params(("category_id" = CategoryId, Path)), responses((status = 204)))]
async fn delete(request: Versioned<Admin>, State(app): State<App>, Path(id): Path<CategoryId>) -> HandlerResult {
    let load = |_| async {
        let table = app.work.table();
        Ok((storage::tree(table).await?, table.get::<CategoryCount>(&storage::count_key(id)).await?))
    };
    let decide = |(before, count): (Stored<Tree>, Option<Stored<CategoryCount>>), _: &DecisionContext| {
        request.check_version(before.version)?;
        let businesses = count.as_ref().map_or(0, |count| count.businesses);
        let decision = before.value.clone().delete(id, businesses)?;
        let changes = save_tree(&before, decision, &[])?;
        // A business that came in meanwhile has raised the version.
        let changes = match count {
            Some(count) => changes.delete(count.key(), count.version),
            None => changes,
        };
        Ok(changes.reply(Reply::no_content()))
    };
    app.work.handle_request(&request, load, decide).await
}

async fn counts(table: &Table) -> Result<HashMap<CategoryId, i64>, Problem> {
    let page = table.list::<CategoryCount>(storage::counts_query()).await?;
    Ok(page.items.into_iter().map(|count| (count.category_id, count.businesses)).collect())
}

fn view(tree: &Tree, id: CategoryId, counts: &HashMap<CategoryId, i64>) -> Result<CategoryView, CategoryError> {
    Ok(CategoryView::of(tree.get(id).ok_or(CategoryError::NotFound)?, tree, counts))
}
