//! Routes of inventory: the public hint, and the management of stock.

use axum::extract::State;
use kernel::{Actor, BusinessId, Cursor, OrderId, Page, Problem, ProductId, Role, Timestamp, VariantId};
use ports::store::{Key, Stored};
use serde::{Deserialize, Serialize};
use shell::http::{Anyone, Json, OpenApiRouter, Path, Query};
use shell::{Changes, HandlerResult, Outcome, Reply, RequestContext, page_limit};
use utoipa::{IntoParams, ToSchema};

use crate::App;
use crate::stock::{Adjustment, Counter, MovementKind, QUANTITY_MAX, REASON_CHARS_MAX, Settings, StockItem, THRESHOLD_MAX, check_reason};
use crate::storage::{self, Movement, Selection};

/// Variants in one question.
const VARIANTS_MAX: usize = 50;
/// How long the answer about availability may be kept.
const HINT_SECS: u32 = 5;
const SKU_CHARS_MAX: usize = 100;

pub fn routes(app: App) -> OpenApiRouter {
    shell::routes!(availability, list, show, set, adjust, movements).with_state(app)
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct AvailabilityQuery {
    /// Ids of variants, separated by commas, at most 50.
    #[param(max_length = 1600)]
    variants: String,
}

#[derive(Serialize, ToSchema)]
struct AvailabilityView {
    items: Vec<AvailabilityHint>,
}

#[derive(Serialize, ToSchema)]
struct AvailabilityHint {
    variant_id: VariantId,
    state: StockState,
    /// How many are left, only when they are few.
    #[serde(skip_serializing_if = "Option::is_none")]
    quantity: Option<i64>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum StockState {
    InStock,
    Low,
    Out,
    /// There is none, but it can be ordered: it is made or bought when wanted.
    Backorder,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Only stock at or below its threshold. A page may then hold fewer items than its limit.
    #[serde(default)]
    low: bool,
    /// A seller's stock only. Sellers see theirs without saying so.
    seller_id: Option<BusinessId>,
    /// The beginning of a stock keeping unit.
    #[param(max_length = 100)]
    sku: Option<String>,
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    cursor: Option<Cursor>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct PageQuery {
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    cursor: Option<Cursor>,
}

#[derive(Serialize, ToSchema)]
struct StockView {
    variant_id: VariantId,
    product_id: ProductId,
    #[serde(skip_serializing_if = "Option::is_none")]
    seller_id: Option<BusinessId>,
    sku: String,
    title: String,
    /// `available + reserved`.
    on_hand: i64,
    /// Negative when back-ordered pieces are owed.
    available: i64,
    reserved: i64,
    threshold: i64,
    low: bool,
    backorder: bool,
}

#[derive(Serialize, ToSchema)]
struct StockPage {
    items: Vec<StockView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Cursor>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SetStock {
    #[schema(minimum = 0, maximum = 1_000_000)]
    threshold: Option<i64>,
    /// Whether it is sold although there is none.
    backorder: Option<bool>,
}

/// Exactly one of `delta` and `set_on_hand`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AdjustStock {
    /// So many more, or fewer.
    #[schema(minimum = -1_000_000_000, maximum = 1_000_000_000)]
    delta: Option<i64>,
    /// Counted: so many there are.
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    set_on_hand: Option<i64>,
    #[schema(min_length = 1, max_length = 200)]
    reason: String,
}

#[derive(Serialize, ToSchema)]
struct MovementView {
    at: Timestamp,
    kind: MovementKind,
    /// By how much what is on hand moved.
    on_hand: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<OrderId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct MovementPage {
    items: Vec<MovementView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Cursor>,
}

/// Whether variants can be had. May be a few seconds old.
#[utoipa::path(get, path = "/availability", tag = "inventory", operation_id = "getAvailability", params(AvailabilityQuery), responses((status = 200, body = AvailabilityView)))]
async fn availability(_: Anyone, State(app): State<App>, Query(query): Query<AvailabilityQuery>) -> HandlerResult {
    let variants = parse_variants(&query.variants)?;
    let keys: Vec<Key> = variants.iter().map(|variant| storage::stock_key(*variant)).collect();
    let found = app.work.table().get_many_eventual::<StockItem>(&keys).await?;
    let items = variants.into_iter().zip(found).map(|(variant, item)| AvailabilityHint::of(variant, item.as_deref())).collect();
    Ok(Reply::ok(&AvailabilityView { items }).cache_secs(HINT_SECS))
}

/// Stock in the order of the stock keeping units; sellers see their own.
#[utoipa::path(get, path = "/admin/stock", tag = "inventory", operation_id = "listStock", params(ListQuery), responses((status = 200, body = StockPage)))]
async fn list(request: RequestContext, State(app): State<App>, Query(query): Query<ListQuery>) -> HandlerResult {
    let seller = seller_of(&request, query.seller_id)?;
    if query.sku.as_ref().is_some_and(|sku| sku.chars().count() > SKU_CHARS_MAX) {
        return Err(Problem::field("sku", format!("has at most {SKU_CHARS_MAX} characters")).into());
    }
    let selection = Selection { seller, low: query.low, sku_prefix: query.sku };
    let page = storage::list(app.work.table(), selection, page_limit(query.limit)?, query.cursor).await?;
    let page: Page<StockView> = page.map(|item| StockView::of(&item));
    Ok(Reply::ok(&StockPage { items: page.items, next: page.next }))
}

/// The ETag changes when a person edits the stock, not with every sale.
#[utoipa::path(get, path = "/admin/stock/{variant_id}", tag = "inventory", operation_id = "getStock", params(("variant_id" = VariantId, Path)), responses((status = 200, body = StockView)))]
async fn show(request: RequestContext, State(app): State<App>, Path(variant): Path<VariantId>) -> HandlerResult {
    let item = storage::stock(app.work.table(), variant).await;
    let item = readable(&request, item)?;
    // What is shown moves without the ETag, so that no cache may keep it.
    Ok(Reply::ok(&StockView::of(&item)).etag(revision(&item)).no_store())
}

/// Sets the threshold and whether back-orders are taken. Needs If-Match.
#[utoipa::path(patch, path = "/admin/stock/{variant_id}", tag = "inventory", operation_id = "setStock", params(("variant_id" = VariantId, Path)), request_body = SetStock, responses((status = 200, body = StockView)))]
async fn set(request: RequestContext, State(app): State<App>, Path(variant): Path<VariantId>, Json(body): Json<SetStock>) -> HandlerResult {
    let table = app.work.table();
    let settings = Settings { threshold: body.threshold, backorder: body.backorder };
    let decide = |item: Result<Stored<StockItem>, Problem>, _: &shell::DecisionContext| {
        let item = writable(&request, item)?;
        request.require_version(revision(&item))?;
        match item.set(settings)? {
            Some(shift) => {
                let reply = reply_after(&item, &shift)?;
                let risen = shift.delta(Counter::LowAlerted) < 0;
                Ok(unmark(storage::counter_changes(shift), variant, risen).reply(reply))
            }
            None => Ok(Outcome::from(Reply::ok(&StockView::of(&item)).etag(revision(&item)))),
        }
    };
    app.work.handle_request(&request, |_| async { Ok(storage::stock(table, variant).await) }, decide).await
}

/// Corrects how many there are, never below what is promised to orders. Give a difference or a count.
#[utoipa::path(post, path = "/admin/stock/{variant_id}/adjustments", tag = "inventory", operation_id = "adjustStock", params(("variant_id" = VariantId, Path)), request_body = AdjustStock, responses((status = 200, body = StockView)))]
async fn adjust(
    request: RequestContext,
    State(app): State<App>,
    Path(variant): Path<VariantId>,
    Json(body): Json<AdjustStock>,
) -> HandlerResult {
    let table = app.work.table();
    let adjustment = body.adjustment()?;
    let decide = |item: Result<Stored<StockItem>, Problem>, context: &shell::DecisionContext| {
        let item = writable(&request, item)?;
        request.check_version(revision(&item))?;
        let shift = item.adjust(adjustment)?;
        let reply = reply_after(&item, &shift)?;
        let risen = shift.delta(Counter::LowAlerted) < 0;
        let entry = Movement::of(&shift, MovementKind::Adjusted, context.now).by(&context.actor, body.reason.trim());
        let id = context.id::<kernel::EventId>(0).to_string();
        Ok(unmark(storage::shift_changes(shift, &entry, &id)?, variant, risen).reply(reply))
    };
    app.work.handle_request(&request, |_| async { Ok(storage::stock(table, variant).await) }, decide).await
}

/// The ledger of a variant, newest first: what changed how many are on hand. Promises to orders are not in it.
#[utoipa::path(get, path = "/admin/stock/{variant_id}/movements", tag = "inventory", operation_id = "listMovements", params(("variant_id" = VariantId, Path), PageQuery), responses((status = 200, body = MovementPage)))]
async fn movements(
    request: RequestContext,
    State(app): State<App>,
    Path(variant): Path<VariantId>,
    Query(query): Query<PageQuery>,
) -> HandlerResult {
    let table = app.work.table();
    let item = storage::stock(table, variant).await;
    readable(&request, item)?;
    let page = storage::movements(table, variant, page_limit(query.limit)?, query.cursor).await?;
    let page = page.map(|movement| MovementView::of(movement.value));
    Ok(Reply::ok(&MovementPage { items: page.items, next: page.next }))
}

fn parse_variants(text: &str) -> Result<Vec<VariantId>, Problem> {
    let mut variants: Vec<VariantId> = Vec::new();
    for part in text.split(',') {
        let variant = part.trim().parse().map_err(|error: kernel::IdError| Problem::field("variants", error.to_string()))?;
        if variants.contains(&variant) {
            continue;
        }
        if variants.len() == VARIANTS_MAX {
            return Err(Problem::field("variants", format!("at most {VARIANTS_MAX} at once")));
        }
        variants.push(variant);
    }
    Ok(variants)
}

/// Whose stock the caller lists: staff everybody's, people of a business theirs.
fn seller_of(request: &RequestContext, wanted: Option<BusinessId>) -> Result<Option<BusinessId>, Problem> {
    request.require_user()?;
    if request.actor.is_staff() {
        return Ok(wanted);
    }
    let own: &[BusinessId] = match &request.actor {
        Actor::User { businesses, .. } if request.actor.has_role(Role::Business) => businesses,
        Actor::User { .. } | Actor::Guest | Actor::System => &[],
    };
    match (wanted, own) {
        (_, []) => Err(Problem::forbidden("this is for sellers and staff")),
        (Some(wanted), own) if own.contains(&wanted) => Ok(Some(wanted)),
        (Some(_), _) => Err(Problem::forbidden("this is another seller's stock")),
        (None, [only]) => Ok(Some(*only)),
        (None, _) => Err(Problem::field("seller_id", "say for which of your businesses")),
    }
}

/// Staff and the seller. To anyone else it is as if there were no such stock.
fn readable(request: &RequestContext, item: Result<Stored<StockItem>, Problem>) -> Result<Stored<StockItem>, Problem> {
    request.require_user()?;
    let item = item?;
    let may = request.actor.is_staff() || item.seller_id.is_some_and(|seller| request.actor.acts_for(seller));
    if may { Ok(item) } else { Err(Problem::not_found("stock of this variant")) }
}

/// Admins and the seller; support looks on.
fn writable(request: &RequestContext, item: Result<Stored<StockItem>, Problem>) -> Result<Stored<StockItem>, Problem> {
    let item = readable(request, item)?;
    let may = request.actor.is_admin() || item.seller_id.is_some_and(|seller| request.actor.acts_for(seller));
    if may { Ok(item) } else { Err(Problem::forbidden("this is for the seller and for admins")) }
}

fn revision(item: &StockItem) -> u64 {
    item.revision.unsigned_abs()
}

/// What the item is like after a shift that was decided on it.
fn reply_after(item: &StockItem, shift: &crate::stock::Shift) -> Result<Reply, Problem> {
    let after = item.after(shift).ok_or_else(|| Problem::internal("a shift does not fit the stock it was made for"))?;
    Ok(Reply::ok(&StockView::of(&after)).etag(revision(&after)))
}

fn unmark(changes: Changes, variant: VariantId, risen: bool) -> Changes {
    if risen { changes.delete_derived(storage::low_mark_key(variant)) } else { changes }
}

impl AdjustStock {
    fn adjustment(&self) -> Result<Adjustment, Problem> {
        check_reason(&self.reason)?;
        match (self.delta, self.set_on_hand) {
            (Some(0), None) => Err(Problem::field("delta", "must not be zero")),
            (Some(delta), None) => Ok(Adjustment::Delta(delta)),
            (None, Some(on_hand)) => Ok(Adjustment::OnHand(on_hand)),
            (Some(_), Some(_)) | (None, None) => Err(Problem::invalid("give either delta or set_on_hand")),
        }
    }
}

impl AvailabilityHint {
    fn of(variant_id: VariantId, item: Option<&StockItem>) -> Self {
        let (state, quantity) = match item {
            Some(item) if item.available > 0 && item.is_low() => (StockState::Low, Some(item.available)),
            Some(item) if item.available > 0 => (StockState::InStock, None),
            Some(item) if item.backorder == 1 => (StockState::Backorder, None),
            Some(_) | None => (StockState::Out, None),
        };
        Self { variant_id, state, quantity }
    }
}

impl StockView {
    fn of(item: &StockItem) -> Self {
        Self {
            variant_id: item.variant_id,
            product_id: item.product_id,
            seller_id: item.seller_id,
            sku: item.sku.clone(),
            title: item.title.clone(),
            on_hand: item.on_hand,
            available: item.available,
            reserved: item.reserved,
            threshold: item.threshold,
            low: item.is_low(),
            backorder: item.backorder == 1,
        }
    }
}

impl MovementView {
    fn of(movement: Movement) -> Self {
        let Movement { at, kind, on_hand, order_id, by, reason } = movement;
        Self { at, kind, on_hand, order_id, by, reason }
    }
}

// The limits that the API document names are those of the rules.
const _: () = assert!(QUANTITY_MAX == 1_000_000_000 && THRESHOLD_MAX == 1_000_000 && REASON_CHARS_MAX == 200);
