//! Routes of inventory: the public hint, and the management of stock.

use axum::extract::State;
use kernel::{BusinessId, Line, Page, Problem, VariantId};
use ports::store::{Key, Stored};
use serde::Deserialize;
use shell::http::{
    Anyone, Json, Listing, OpenApiRouter, Paging, Path, Query, RowAnswer, RowAnswers, SignedIn, VersionRequired, Versioned, id_list,
};
use shell::{DecisionContext, HandlerResult, Outcome, Reply, RequestContext};
use utoipa::{IntoParams, ToSchema};

use crate::App;
use crate::stock::{Adjustment, Counter, MovementKind, QUANTITY_MAX, Reason, Settings, Shift, StockItem, THRESHOLD_MAX};
use crate::storage::{self, Movement, Selection};
use crate::views::{AvailabilityHint, AvailabilityView, StockView};

/// Variants in one question.
const VARIANTS_MAX: usize = 50;
/// How long the answer about availability may be kept.
const HINT_SECS: u32 = 5;

pub fn routes(app: App) -> OpenApiRouter {
    shell::routes!(
        availability,
        list: [Forbidden],
        show: [Forbidden],
        set: [Forbidden],
        adjust: [InsufficientStock, Forbidden],
        change_many: [Forbidden],
        movements: [Forbidden],
    )
    .with_state(app)
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct AvailabilityQuery {
    /// Ids of variants, separated by commas, at most 50.
    #[param(max_length = 1600)]
    variants: String,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct StockFilter {
    /// Only stock at or below its threshold. A page may then hold fewer items than its limit.
    #[serde(default)]
    low: bool,
    /// Only the stock of this seller. Sellers with one business see theirs without naming it.
    seller_id: Option<BusinessId>,
    /// The beginning of a stock keeping unit.
    #[param(inline)]
    sku: Option<Line<0, 100>>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "threshold": 5, "backorder": false }))]
struct SetStock {
    #[schema(minimum = 0, maximum = 1_000_000)]
    threshold: Option<i64>,
    /// Whether the variant is sold when there is none in stock.
    backorder: Option<bool>,
}

/// Exactly one of `delta` and `set_on_hand`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "delta": -1, "reason": "broken" }))]
struct AdjustStock {
    /// How many more there are, or fewer.
    #[schema(minimum = -1_000_000_000, maximum = 1_000_000_000)]
    delta: Option<i64>,
    /// How many there are by count.
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    set_on_hand: Option<i64>,
    #[schema(inline)]
    reason: Reason,
}

/// Variants whose stock is to change, 1 to 100.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "items": [{ "variant_id": "var_01J8Z3T4M7Q2C9V5N6X8B0D1FH", "version": 3, "set_on_hand": 12, "reason": "counted" }] }))]
struct StockChanges {
    #[schema(min_items = 1, max_items = 100)]
    items: Vec<StockChange>,
}

/// Either a correction, by one of `delta` and `set_on_hand` with a reason, or settings.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct StockChange {
    variant_id: VariantId,
    /// The version that the change is made for, as `GET /admin/stock` tells it: the row is refused if a person has edited it since.
    version: Option<u64>,
    #[schema(minimum = -1_000_000_000, maximum = 1_000_000_000)]
    delta: Option<i64>,
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    set_on_hand: Option<i64>,
    #[schema(inline)]
    reason: Option<Reason>,
    #[schema(minimum = 0, maximum = 1_000_000)]
    threshold: Option<i64>,
    backorder: Option<bool>,
}

/// Get the availability of variants. It may be a few seconds old.
#[utoipa::path(get, path = "/availability", tag = "inventory", operation_id = "getAvailability", params(AvailabilityQuery), responses((status = 200, body = AvailabilityView)))]
async fn availability(_: Anyone, State(app): State<App>, Query(query): Query<AvailabilityQuery>) -> HandlerResult {
    let variants: Vec<VariantId> = id_list("variants", &query.variants, VARIANTS_MAX)?;
    let keys: Vec<Key> = variants.iter().map(|variant| storage::stock_key(*variant)).collect();
    let found = app.work.table().get_many_eventual::<StockItem>(&keys).await?;
    let items = variants.into_iter().zip(found).map(|(variant, item)| AvailabilityHint::of(variant, item.as_deref())).collect();
    Ok(Reply::ok(&AvailabilityView { items }).cache_secs(HINT_SECS))
}

/// List stock by stock keeping unit. Sellers see their own.
#[utoipa::path(get, path = "/admin/stock", tag = "inventory", operation_id = "listStock", params(StockFilter, Paging), responses((status = 200, body = Page<StockView>)))]
async fn list(request: SignedIn, State(app): State<App>, listing: Listing<StockFilter>) -> HandlerResult {
    let StockFilter { low, seller_id, sku } = listing.filter;
    let selection = Selection { seller: request.actor.listed_seller(seller_id)?, low, sku_prefix: sku.map(String::from) };
    let page = storage::list(app.work.table(), selection, listing.limit, listing.cursor).await?;
    Ok(Reply::ok(&page.map(|item| StockView::of(&item))))
}

/// Get the stock of a variant. The ETag changes when a person edits the stock, not with every sale.
#[utoipa::path(get, path = "/admin/stock/{variant_id}", tag = "inventory", operation_id = "getStock", params(("variant_id" = VariantId, Path)), responses((status = 200, body = StockView)))]
async fn show(request: Versioned<SignedIn>, State(app): State<App>, Path(variant): Path<VariantId>) -> HandlerResult {
    let item = storage::stock(app.work.table(), variant).await?;
    item.check_readable(&request.actor)?;
    // What is shown moves without the ETag, so that no cache may keep it.
    Ok(shown(&item).no_store())
}

/// Set the threshold of low stock, and whether back-orders are taken. Needs If-Match.
#[utoipa::path(patch, path = "/admin/stock/{variant_id}", tag = "inventory", operation_id = "setStock", params(("variant_id" = VariantId, Path)), request_body = SetStock, responses((status = 200, body = StockView)))]
async fn set(
    request: VersionRequired<SignedIn>,
    State(app): State<App>,
    Path(variant): Path<VariantId>,
    Json(body): Json<SetStock>,
) -> HandlerResult {
    let settings = Settings { threshold: body.threshold, backorder: body.backorder };
    set_one(&app, &request, variant, settings, RequestContext::require_version).await
}

async fn set_one(
    app: &App,
    request: &RequestContext,
    variant: VariantId,
    settings: Settings,
    check: impl Fn(&RequestContext, u64) -> Result<(), Problem> + Sync,
) -> HandlerResult {
    let decide = |item: Stored<StockItem>, context: &DecisionContext| {
        item.check_writable(&context.actor)?;
        check(request, revision(&item))?;
        match item.set(settings)? {
            Some(shift) => shifted(&item, shift, None),
            None => Ok(shown(&item).into()),
        }
    };
    app.work.handle_request(request, |_| storage::stock(app.work.table(), variant), decide).await
}

/// Correct how many there are, never below what is promised to orders. Give a difference or a count.
#[utoipa::path(post, path = "/admin/stock/{variant_id}/adjustments", tag = "inventory", operation_id = "adjustStock", params(("variant_id" = VariantId, Path)), request_body = AdjustStock, responses((status = 200, body = StockView)))]
async fn adjust(
    request: Versioned<SignedIn>,
    State(app): State<App>,
    Path(variant): Path<VariantId>,
    Json(body): Json<AdjustStock>,
) -> HandlerResult {
    adjust_one(&app, &request, variant, body.adjustment()?, &body.reason).await
}

async fn adjust_one(app: &App, request: &RequestContext, variant: VariantId, adjustment: Adjustment, reason: &Reason) -> HandlerResult {
    let decide = |item: Stored<StockItem>, context: &DecisionContext| {
        item.check_writable(&context.actor)?;
        request.check_version(revision(&item))?;
        let shift = item.adjust(adjustment)?;
        let entry = Movement::of(&shift, MovementKind::Adjusted, context.now).by(&context.actor, reason);
        let id = context.id::<kernel::EventId>(0).to_string();
        shifted(&item, shift, Some((&entry, &id)))
    };
    app.work.handle_request(request, |_| storage::stock(app.work.table(), variant), decide).await
}

/// Correct or set the stock of many variants. Each is decided by itself and answered by itself; repeated with its Idempotency-Key,
/// the request goes on where it ended.
#[utoipa::path(post, path = "/admin/stock/bulk", tag = "inventory", operation_id = "changeStock", request_body = StockChanges, responses((status = 207, description = "An answer for each", body = RowAnswers)))]
async fn change_many(request: SignedIn, State(app): State<App>, Json(body): Json<StockChanges>) -> HandlerResult {
    RowAnswers::check("items", body.items.len())?;
    let mut answers = Vec::with_capacity(body.items.len());
    for (number, item) in body.items.into_iter().enumerate() {
        let row = request.row(number, item.version);
        answers.push(RowAnswer::from(change_one(&app, &row, item).await));
    }
    Ok(RowAnswers::of(answers).reply())
}

async fn change_one(app: &App, request: &RequestContext, change: StockChange) -> HandlerResult {
    let StockChange { variant_id, delta, set_on_hand, reason, threshold, backorder, .. } = change;
    let settings = Settings { threshold, backorder };
    if delta.or(set_on_hand).is_none() {
        return set_one(app, request, variant_id, settings, RequestContext::check_version).await;
    }
    if settings != Settings::default() {
        return Err(Problem::invalid("give either a correction or settings; both are two rows").into());
    }
    let reason = reason.ok_or_else(|| Problem::field("reason", "must be given with a correction"))?;
    let body = AdjustStock { delta, set_on_hand, reason };
    adjust_one(app, request, variant_id, body.adjustment()?, &body.reason).await
}

/// List the movements of a variant, newest first: what changed how many are on hand. Promises to orders are not among them.
#[utoipa::path(get, path = "/admin/stock/{variant_id}/movements", tag = "inventory", operation_id = "listMovements", params(("variant_id" = VariantId, Path), Paging), responses((status = 200, body = Page<Movement>)))]
async fn movements(request: SignedIn, State(app): State<App>, Path(variant): Path<VariantId>, listing: Listing) -> HandlerResult {
    let table = app.work.table();
    storage::stock(table, variant).await?.check_readable(&request.actor)?;
    let page = storage::movements(table, variant, listing.limit, listing.cursor).await?;
    Ok(Reply::ok(&page.map(|movement| movement.value)))
}

fn revision(item: &StockItem) -> u64 {
    item.revision.unsigned_abs()
}

fn shown(item: &StockItem) -> Reply {
    Reply::ok(&StockView::of(item)).etag(revision(item))
}

/// The commit of a shift that was decided on the item, with its ledger entry and the entry's id, and the item after it.
fn shifted(item: &StockItem, shift: Shift, entry: Option<(&Movement, &str)>) -> Result<Outcome, Problem> {
    let after = item.after(&shift).ok_or_else(|| Problem::internal("a shift does not fit the stock it was made for"))?;
    let risen = shift.delta(Counter::LowAlerted) < 0;
    let changes = match entry {
        Some((entry, id)) => storage::shift_changes(shift, entry, id)?,
        None => storage::counter_changes(shift),
    };
    let changes = if risen { changes.delete_derived(storage::low_mark_key(item.variant_id)) } else { changes };
    Ok(changes.reply(shown(&after)))
}

impl AdjustStock {
    fn adjustment(&self) -> Result<Adjustment, Problem> {
        match (self.delta, self.set_on_hand) {
            (Some(0), None) => Err(Problem::field("delta", "must not be zero")),
            (Some(delta), None) => Ok(Adjustment::Delta(delta)),
            (None, Some(on_hand)) => Ok(Adjustment::OnHand(on_hand)),
            (Some(_), Some(_)) | (None, None) => Err(Problem::invalid("give either delta or set_on_hand")),
        }
    }
}

// The limits that the API document names are those of the rules.
const _: () = assert!(QUANTITY_MAX == 1_000_000_000 && THRESHOLD_MAX == 1_000_000);
