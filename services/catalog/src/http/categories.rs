//! Categories over HTTP.

use axum::extract::State;
use kernel::CategoryId;
use ports::store::Stored;
use shell::http::{Admin, Anyone, Json, OpenApiRouter, Path, VersionRequired, Versioned};
use shell::{DecisionContext, HandlerResult, Reply};

use crate::App;
use crate::category::{Category, CategoryDraft, Holdings};
use crate::storage;
use crate::surroundings::Surroundings;
use crate::views::{CategoriesView, CategoryView};

const CACHE_SECS: u32 = 30;

pub fn routes(app: App) -> OpenApiRouter {
    shell::routes!(
        list,
        create: [AlreadyExists, Conflict],
        show,
        edit: [AlreadyExists, Conflict],
        delete: [Conflict],
    )
    .with_state(app)
}

/// List all categories, a tree by `parent_id`.
#[utoipa::path(get, path = "/categories", tag = "catalog", operation_id = "listCategories", responses((status = 200, body = CategoriesView)))]
async fn list(_: Versioned<Anyone>, State(app): State<App>) -> HandlerResult {
    let page = app.work.table().list::<Category>(storage::categories_query()).await?;
    // Every change of a category raises its version, and a new or a missing one changes the number.
    let etag = page.items.iter().fold(page.items.len() as u64, |sum, category| sum.wrapping_mul(31).wrapping_add(category.version));
    let etag = page.items.iter().fold(etag, |sum, category| sum ^ category.id.0 as u64);
    let mut items: Vec<CategoryView> = page.items.into_iter().map(|category| CategoryView::of(category.value, category.version)).collect();
    items.sort_by(|one, other| (one.level, one.position, &one.name).cmp(&(other.level, other.position, &other.name)));
    Ok(Reply::ok(&CategoriesView { items }).etag(etag).cache_secs(CACHE_SECS))
}

/// Create a category.
#[utoipa::path(post, path = "/categories", tag = "catalog", operation_id = "createCategory", request_body = CategoryDraft, responses((status = 201, body = CategoryView)))]
async fn create(request: Admin, State(app): State<App>, Json(draft): Json<CategoryDraft>) -> HandlerResult {
    let slug = draft.checked_slug()?;
    let create = |around: Surroundings, context: &DecisionContext| {
        let (category, changes) = around.create(context.id(0), draft.clone())?;
        let location = format!("/api/v1/categories/{}", category.id);
        Ok(changes.reply(Reply::created(location, &CategoryView::of(category, 1)).etag(1)))
    };
    app.work.handle_request(&request, |_| Surroundings::load_for_new(app.work.table(), draft.parent_id, &slug), create).await
}

/// Get a category by its id or its slug, also by a slug that it had before. The ETag is its version, for editing it.
#[utoipa::path(get, path = "/categories/{category_id}", tag = "catalog", operation_id = "getCategory", params(("category_id" = String, Path, description = "Id or slug")), responses((status = 200, body = CategoryView)))]
async fn show(_: Versioned<Anyone>, State(app): State<App>, Path(reference): Path<String>) -> HandlerResult {
    let id = super::category_id(&app, &reference).await?;
    let (category, _) = storage::category(app.work.table(), id).await?;
    let version = category.version;
    Ok(Reply::ok(&CategoryView::of(category.value, version)).etag(version))
}

/// Rename or move a category. One that holds products or other categories keeps its parent. Needs If-Match.
#[utoipa::path(put, path = "/categories/{category_id}", tag = "catalog", operation_id = "editCategory", params(("category_id" = CategoryId, Path)), request_body = CategoryDraft, responses((status = 200, body = CategoryView)))]
async fn edit(
    request: VersionRequired<Admin>,
    State(app): State<App>,
    Path(id): Path<CategoryId>,
    Json(draft): Json<CategoryDraft>,
) -> HandlerResult {
    let load = |_| async {
        let around = Surroundings::load(app.work.table(), draft.parent_id, draft.slug.as_deref()).await?;
        Ok((storage::category(app.work.table(), id).await?, around))
    };
    let edit = |((before, holdings), around): ((Stored<Category>, Stored<Holdings>), Surroundings), _: &DecisionContext| {
        request.require_version(before.version)?;
        let parent = around.parent.as_ref();
        let decision = before.value.clone().edit(&holdings, parent.map(|parent| &parent.value), draft.clone())?;
        let version = before.version + u64::from(decision.is_changed());
        let reply = Reply::ok(&CategoryView::of(decision.state().clone(), version)).etag(version);
        Ok(storage::update_category(&before, &holdings, decision, parent, around.slug.as_ref())?.reply(reply))
    };
    app.work.handle_request(&request, load, edit).await
}

/// Delete a category that holds neither products nor other categories.
#[utoipa::path(delete, path = "/categories/{category_id}", tag = "catalog", operation_id = "deleteCategory", params(("category_id" = CategoryId, Path)), responses((status = 204)))]
async fn delete(request: Versioned<Admin>, State(app): State<App>, Path(id): Path<CategoryId>) -> HandlerResult {
    let delete = |(category, holdings): (Stored<Category>, Stored<Holdings>), _: &DecisionContext| {
        request.check_version(category.version)?;
        category.may_be_deleted(&holdings)?;
        Ok(storage::delete_category(&category, &holdings).reply(Reply::no_content()))
    };
    app.work.handle_request(&request, |_| storage::category(app.work.table(), id), delete).await
}
