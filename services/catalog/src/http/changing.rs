//! Changes of a part of a product, and of many products at once.

use axum::extract::State;
use kernel::{Currency, Money, Problem, ProductId, VariantId};
use serde::Deserialize;
use shell::http::{Json, MergePatch, OpenApiRouter, Path, RowAnswer, RowAnswers, SignedIn, VersionRequired};
use shell::{DecisionContext, HandlerResult, Reply, RequestContext};
use utoipa::ToSchema;

use crate::App;
use crate::editing::{self, SlugWish};
use crate::product::content::{Draft, VariantDraft};
use crate::product::{Product, ProductError, ProductStatus};
use crate::views::ProductView;

pub fn routes(app: App) -> OpenApiRouter {
    shell::routes!(
        patch: [AlreadyExists, Conflict, IllegalTransition, Forbidden],
        patch_variant: [AlreadyExists, Conflict, IllegalTransition, Forbidden],
        change_many: [Forbidden],
    )
    .with_state(app)
}

/// Products of which something is to change, 1 to 100.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "items": [{ "product_id": "prd_01J8Z3T4M7Q2C9V5N6X8B0D1FG", "version": 3, "status": "published" }] }))]
struct ProductChanges {
    #[schema(min_items = 1, max_items = 100)]
    items: Vec<ProductChange>,
}

/// What is absent stays.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ProductChange {
    product_id: ProductId,
    /// The version that the change is made for, as a list tells it: the row is refused if there is another one by now.
    version: Option<u64>,
    status: Option<ProductStatus>,
    #[serde(default)]
    #[schema(max_items = 100)]
    variants: Vec<VariantChange>,
}

#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct VariantChange {
    id: VariantId,
    /// With tax, in minor units of the shop's currency.
    #[schema(minimum = 0)]
    price: i64,
    /// Minor units; absent, there is none from now on.
    #[schema(minimum = 0)]
    compare_at_price: Option<i64>,
}

/// Change a part of a product: a JSON Merge Patch (RFC 7396) of what it was made with. Lists are replaced as a whole. Needs If-Match.
#[utoipa::path(patch, path = "/products/{product_id}", tag = "catalog", operation_id = "patchProduct", params(("product_id" = ProductId, Path)),
    request_body(content = Object, description = "Members of a ProductInput", example = json!({ "title": "Mint Tea", "tags": ["Green tea"] })), responses((status = 200, body = ProductView)))]
async fn patch(
    request: VersionRequired<SignedIn>,
    State(app): State<App>,
    Path(id): Path<ProductId>,
    Json(patch): Json<MergePatch>,
) -> HandlerResult {
    change(&app, &request, Precondition::Required, id, |product| patch.apply(&product.as_draft())).await
}

/// Change a part of a variant: a JSON Merge Patch (RFC 7396) of what it was made with. Needs If-Match with the ETag of the product.
#[utoipa::path(patch, path = "/products/{product_id}/variants/{variant_id}", tag = "catalog", operation_id = "patchVariant",
    params(("product_id" = ProductId, Path), ("variant_id" = VariantId, Path)),
    request_body(content = Object, description = "Members of a VariantInput", example = json!({ "price": { "amount": 690, "currency": "EUR" } })), responses((status = 200, body = ProductView)))]
async fn patch_variant(
    request: VersionRequired<SignedIn>,
    State(app): State<App>,
    Path((id, variant)): Path<(ProductId, VariantId)>,
    Json(patch): Json<MergePatch>,
) -> HandlerResult {
    let rule = |product: &Product| {
        let mut draft = product.as_draft();
        let changed = variant_of(&mut draft, variant)?;
        // It stays the one that is named.
        *changed = VariantDraft { id: Some(variant), ..patch.apply(changed)? };
        Ok(draft)
    };
    change(&app, &request, Precondition::Required, id, rule).await
}

/// Publish, withdraw or price many products. Each is decided by itself and answered by itself; repeated with its Idempotency-Key,
/// the request goes on where it ended.
#[utoipa::path(post, path = "/admin/products/bulk", tag = "catalog", operation_id = "changeProducts", request_body = ProductChanges, responses((status = 207, description = "An answer for each", body = RowAnswers)))]
async fn change_many(request: SignedIn, State(app): State<App>, Json(body): Json<ProductChanges>) -> HandlerResult {
    RowAnswers::check("items", body.items.len())?;
    let mut answers = Vec::with_capacity(body.items.len());
    for (number, item) in body.items.iter().enumerate() {
        let row = request.row(number, item.version);
        let changed = |product: &Product| item.applied(product, app.settings.currency);
        answers.push(RowAnswer::from(change(&app, &row, Precondition::IfGiven, item.product_id, changed).await));
    }
    Ok(RowAnswers::of(answers).reply())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Precondition {
    Required,
    IfGiven,
}

/// The same rules as for a product that is replaced; `wanted` is asked for what it shall be.
async fn change(
    app: &App,
    request: &RequestContext,
    precondition: Precondition,
    id: ProductId,
    wanted: impl Fn(&Product) -> Result<Draft, Problem> + Send + Sync,
) -> HandlerResult {
    let load = |_| {
        editing::State::load_changed(app.work.table(), id, |product: &Product| {
            if product.visible_to(&request.actor) { wanted(product) } else { Err(ProductError::Unknown.into()) }
        })
    };
    let decide = |(state, draft): (editing::State, Draft), context: &DecisionContext| {
        let before = state.existing()?;
        before.check_seller(draft.seller_id)?;
        match precondition {
            Precondition::Required => request.require_version(before.version)?,
            Precondition::IfGiven => request.check_version(before.version)?,
        }
        let slug = draft.slug.as_deref().map(SlugWish::exactly).transpose()?;
        let status = draft.status;
        let version = before.version;
        let (after, changes) = state.edit(context, &draft.checked(app.settings.currency)?, slug.as_ref(), status)?;
        let view = ProductView::of(&after, &state.shelf(after.id), app.settings.tax_rate);
        let reply = Reply::ok(&view).etag(version + u64::from(!changes.is_empty()));
        Ok(changes.reply(reply))
    };
    app.work.handle_request(request, load, decide).await
}

fn variant_of(draft: &mut Draft, id: VariantId) -> Result<&mut VariantDraft, Problem> {
    let found = draft.variants.iter_mut().find(|variant| variant.id == Some(id));
    found.ok_or_else(|| Problem::not_found(format!("variant {id}")))
}

impl ProductChange {
    fn applied(&self, product: &Product, currency: Currency) -> Result<Draft, Problem> {
        let mut draft = Draft { status: self.status, ..product.as_draft() };
        for change in &self.variants {
            let variant = variant_of(&mut draft, change.id)?;
            variant.price = Money::new(change.price, currency);
            variant.compare_at_price = change.compare_at_price.map(|amount| Money::new(amount, currency));
        }
        Ok(draft)
    }
}
