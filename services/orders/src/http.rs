//! The routes of orders.

use axum::extract::State;
use kernel::{Actor, BusinessId, Cursor, OrderId, Page, Problem};
use ports::store::Stored;
use serde::Deserialize;
use shell::http::{Json, OpenApiRouter, Path, Query, SignedIn, Staff};
use shell::{Changes, DecisionContext, Failure, HandlerResult, Reply, RequestContext, page_limit};
use utoipa::{IntoParams, ToSchema};

use crate::checkout::{self, PlaceOrder};
use crate::order::{Advance, Decided, Line, Order, Part, StatusName, Tracking};
use crate::settling::Waiting;
use crate::views::{ListedView, OrderView, TimelineView};
use crate::{App, storage};

pub fn routes(app: App) -> OpenApiRouter {
    shell::routes!(place, list, show, pay, cancel, timeline, list_all, advance, list_of_seller).with_state(app)
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Token {
    /// What a guest was given when the order was placed.
    token: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Paging {
    /// 1 to 100, 20 unless told.
    limit: Option<u32>,
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct StatusFilter {
    /// All of them unless told.
    #[param(inline)]
    status: Option<StatusName>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct SellerFilter {
    /// The business whose orders are wanted; may be left out by those who act for one only.
    business_id: Option<BusinessId>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PayOrder {
    /// What the gateway calls the means of payment.
    #[schema(min_length = 1, max_length = 200)]
    payment_method: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CancelOrder {
    #[schema(min_length = 1, max_length = 500)]
    reason: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum NextStatus {
    Processing,
    Shipped,
    Delivered,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AdvanceOrder {
    status: NextStatus,
    /// With `shipped` only, like the other fields of the parcel.
    #[schema(min_length = 1, max_length = 500)]
    carrier: Option<String>,
    #[schema(min_length = 1, max_length = 500)]
    tracking_number: Option<String>,
    #[schema(min_length = 1, max_length = 500, format = "uri")]
    tracking_url: Option<String>,
    #[schema(min_length = 1, max_length = 500)]
    note: Option<String>,
}

/// Places an order for what is in a cart. With `Prefer: wait=N` the answer comes once stock and payment have settled.
#[utoipa::path(post, path = "/orders", tag = "orders", operation_id = "placeOrder", request_body = PlaceOrder,
    responses((status = 200, description = "Placed before", body = OrderView), (status = 201, description = "Placed and settled", body = OrderView),
        (status = 202, description = "Placed; stock and payment follow", body = OrderView)))]
async fn place(request: RequestContext, State(app): State<App>, Json(body): Json<PlaceOrder>) -> HandlerResult {
    checkout::place(&app, &request, body).await
}

/// The caller's orders, newest first.
#[utoipa::path(get, path = "/orders", tag = "orders", operation_id = "listOrders", params(Paging), responses((status = 200, body = Page<ListedView>)))]
async fn list(request: SignedIn, State(app): State<App>, Query(page): Query<Paging>) -> HandlerResult {
    let orders = storage::of_customer(app.work.table(), request.user_id, page_limit(page.limit)?, page.cursor).await?;
    Ok(listed(orders, |_| true))
}

/// One order.
#[utoipa::path(get, path = "/orders/{order_id}", tag = "orders", operation_id = "getOrder", params(("order_id" = OrderId, Path), Token), responses((status = 200, body = OrderView)))]
async fn show(request: RequestContext, State(app): State<App>, Path(id): Path<OrderId>, Query(query): Query<Token>) -> HandlerResult {
    let order = storage::shown(app.work.table(), id).await?;
    let part = order.part_of(&request.actor, query.token.as_deref())?;
    Ok(shown(&order, part, &request.actor, order.version))
}

/// Chooses a means of payment for an order that has none, or whose bank waits for the customer.
#[utoipa::path(post, path = "/orders/{order_id}/pay", tag = "orders", operation_id = "payOrder", params(("order_id" = OrderId, Path), Token), request_body = PayOrder, responses((status = 200, body = OrderView)))]
async fn pay(
    request: RequestContext,
    State(app): State<App>,
    Path(id): Path<OrderId>,
    Query(query): Query<Token>,
    Json(body): Json<PayOrder>,
) -> HandlerResult {
    checkout::check_method(&app.deps.check_method, &body.payment_method)?;
    let waiting = Waiting::begin(&app, &request, id);
    let reply = change(&app, &request, id, query, |order, part, context| {
        if part == Part::Seller {
            Err(crate::order::OrderError::NotAllowed)
        } else {
            order.pay(&body.payment_method, &context.actor, context.now)
        }
    });
    let reply = reply.await?;
    Ok(waiting.end().await?.map_or(reply, |order| shown(&order, Part::Customer, &request.actor, order.version)))
}

/// Cancels an order: customers before the shop works on it, the shop before it ships.
#[utoipa::path(post, path = "/orders/{order_id}/cancel", tag = "orders", operation_id = "cancelOrder", params(("order_id" = OrderId, Path), Token), request_body = CancelOrder, responses((status = 200, body = OrderView)))]
async fn cancel(
    request: RequestContext,
    State(app): State<App>,
    Path(id): Path<OrderId>,
    Query(query): Query<Token>,
    Json(body): Json<CancelOrder>,
) -> HandlerResult {
    change(&app, &request, id, query, |order, part, context| order.cancel(part, &context.actor, body.reason.clone(), context.now)).await
}

/// What has happened to an order so far.
#[utoipa::path(get, path = "/orders/{order_id}/timeline", tag = "orders", operation_id = "getOrderTimeline", params(("order_id" = OrderId, Path), Token), responses((status = 200, body = TimelineView)))]
async fn timeline(request: RequestContext, State(app): State<App>, Path(id): Path<OrderId>, Query(query): Query<Token>) -> HandlerResult {
    let order = storage::shown(app.work.table(), id).await?;
    let part = order.part_of(&request.actor, query.token.as_deref())?;
    Ok(Reply::ok(&TimelineView::of(&order, part)).etag(order.version))
}

/// All orders, or those in a status, newest first.
#[utoipa::path(get, path = "/admin/orders", tag = "orders", operation_id = "listAllOrders", params(StatusFilter, Paging), responses((status = 200, body = Page<ListedView>)))]
async fn list_all(_: Staff, State(app): State<App>, Query(filter): Query<StatusFilter>, Query(page): Query<Paging>) -> HandlerResult {
    let (table, limit) = (app.work.table(), page_limit(page.limit)?);
    let orders = match filter.status {
        Some(status) => storage::in_status(table, status, limit, page.cursor).await?,
        None => storage::all(table, limit.get(), page.cursor).await?,
    };
    Ok(listed(orders, |_| true))
}

/// Goes on with a paid order: processing, shipped, delivered. For staff and for the seller of everything in it.
#[utoipa::path(post, path = "/admin/orders/{order_id}/status", tag = "orders", operation_id = "advanceOrder", params(("order_id" = OrderId, Path)), request_body = AdvanceOrder, responses((status = 200, body = OrderView)))]
async fn advance(
    request: RequestContext,
    State(app): State<App>,
    Path(id): Path<OrderId>,
    Json(body): Json<AdvanceOrder>,
) -> HandlerResult {
    let note = body.note.clone();
    let to = body.into_step()?;
    let no_token = Token { token: None };
    change(&app, &request, id, no_token, |order, _, context| order.advance(to.clone(), &context.actor, note.clone(), context.now)).await
}

/// The orders with something of the seller in them, newest first. Only the seller's lines are shown.
#[utoipa::path(get, path = "/seller/orders", tag = "orders", operation_id = "listSellerOrders", params(SellerFilter, Paging), responses((status = 200, body = Page<ListedView>)))]
async fn list_of_seller(
    request: RequestContext,
    State(app): State<App>,
    Query(filter): Query<SellerFilter>,
    Query(page): Query<Paging>,
) -> HandlerResult {
    let seller = seller(&request, filter.business_id)?;
    let orders = storage::of_seller(app.work.table(), seller, page_limit(page.limit)?, page.cursor).await?;
    Ok(listed(orders, |line| line.seller_id == seller))
}

/// Runs a rule on an order in which the caller has a part, and shows what became of it.
async fn change(
    app: &App,
    request: &RequestContext,
    id: OrderId,
    query: Token,
    rule: impl Fn(Order, Part, &DecisionContext) -> Decided + Send + Sync,
) -> Result<Reply, Failure> {
    let table = app.work.table();
    let decide = |order: Stored<Order>, context: &DecisionContext| {
        let part = order.part_of(&context.actor, query.token.as_deref())?;
        request.check_version(order.version)?;
        let decision = rule(order.value, part, context)?;
        let reply = shown(&decision.state, part, &context.actor, order.version + u64::from(decision.changed));
        Ok(Changes::update(order.version, decision)?.reply(reply))
    };
    app.work.handle_request(request, |_| storage::order(table, id), decide).await
}

/// What one who has this part in the order sees of it.
pub fn view(order: &Order, part: Part, actor: &Actor) -> OrderView {
    OrderView::of(order, |line| match part {
        Part::Customer | Part::Staff => true,
        Part::Seller => actor.acts_for(line.seller_id),
    })
}

fn shown(order: &Order, part: Part, actor: &Actor, version: u64) -> Reply {
    Reply::ok(&view(order, part, actor)).etag(version)
}

fn listed(orders: Page<Stored<Order>>, sees: impl Fn(&Line) -> bool + Copy) -> Reply {
    Reply::ok(&orders.map(|order| ListedView::of(&order, sees)))
}

fn seller(request: &RequestContext, wanted: Option<BusinessId>) -> Result<BusinessId, Problem> {
    request.require_user()?;
    let own = match &request.actor {
        Actor::User { businesses, .. } => businesses.as_slice(),
        Actor::Guest | Actor::System => &[],
    };
    match (wanted, own) {
        (Some(seller), _) if request.actor.is_staff() || request.actor.acts_for(seller) => Ok(seller),
        (None, [seller]) => Ok(*seller),
        (None, [_, _, ..]) => Err(Problem::field("business_id", "say which of your businesses is meant")),
        (Some(_), _) | (None, []) => Err(Problem::forbidden("this is for those who act for a business")),
    }
}

impl AdvanceOrder {
    fn into_step(self) -> Result<Advance, Problem> {
        let tracking = Tracking { carrier: self.carrier, number: self.tracking_number, url: self.tracking_url };
        match self.status {
            NextStatus::Shipped => Ok(Advance::Shipped(tracking)),
            NextStatus::Processing | NextStatus::Delivered if tracking != Tracking::default() => {
                Err(Problem::field("status", "only a shipped order has a parcel to follow"))
            }
            NextStatus::Processing => Ok(Advance::Processing),
            NextStatus::Delivered => Ok(Advance::Delivered),
        }
    }
}
