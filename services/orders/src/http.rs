//! The routes of orders.

use axum::extract::State;
use kernel::{Actor, BusinessId, CartId, OrderId, Page, Problem};
use ports::store::Stored;
use serde::Deserialize;
use shell::http::{Json, Listing, MayWait, OpenApiRouter, Paging, Path, Query, SignedIn, Staff, Tagged, Unrecorded, Versioned};
use shell::{DecisionContext, HandlerResult, Reply, RequestContext};
use utoipa::{IntoParams, ToSchema};

use crate::checkout::{self, PlaceOrder};
use crate::order::{Advance, Decided, Method, Note, Order, ParcelText, Part, StatusName, Tracking};
use crate::settling::Waiting;
use crate::views::{ListedView, OrderView, QuoteView, TimelineView};
use crate::{App, storage};

pub fn routes(app: App) -> OpenApiRouter {
    shell::routes!(
        quote: [CartClosed, CartEmpty, NotForSale, OutOfStock, PriceChanged],
        place: [NotFound, CartClosed, CartEmpty, NotForSale, OutOfStock, PriceChanged, Unauthenticated],
        list,
        show,
        pay: [Conflict, IllegalTransition, Forbidden],
        cancel: [IllegalTransition, Forbidden],
        timeline,
        list_all,
        advance: [IllegalTransition, Forbidden],
        list_of_seller: [Forbidden],
    )
    .with_state(app)
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Token {
    /// The token that a guest was given when placing the order.
    pub token: Option<String>,
}

impl Token {
    pub fn opens(&self, app: &App, order: OrderId) -> bool {
        app.deps.tokens.opens(order, self.token.as_deref())
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct StatusFilter {
    /// Only orders in this status.
    #[param(inline)]
    status: Option<StatusName>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct SellerFilter {
    /// The business whose orders are wanted. May be left out by those who act for one only.
    seller_id: Option<BusinessId>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "payment_method": "4242 4242 4242 4242" }))]
struct PayOrder {
    /// What the gateway calls the means of payment.
    #[schema(inline)]
    payment_method: Method,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "I ordered twice." }))]
struct CancelOrder {
    #[schema(inline)]
    reason: Option<Note>,
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
#[schema(example = json!({ "status": "shipped", "carrier": "DHL", "tracking_number": "00340434161094042557" }))]
struct AdvanceOrder {
    status: NextStatus,
    /// Only with `shipped`, like the other fields of the parcel.
    #[schema(inline)]
    carrier: Option<ParcelText>,
    #[schema(inline)]
    tracking_number: Option<ParcelText>,
    /// A web address.
    #[schema(inline)]
    tracking_url: Option<ParcelText>,
    #[schema(inline)]
    note: Option<Note>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "shipping_address": { "address_country": "DE" } }))]
struct QuoteCart {
    /// Where it is to be shipped. Left out, no country is checked.
    shipping_address: Option<Destination>,
}

/// As much of an address as the price depends on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Destination {
    /// ISO 3166-1 alpha-2.
    #[schema(example = "DE", pattern = "^[A-Z]{2}$")]
    address_country: String,
}

/// Get what an order of a cart would come to, with shipping and taxes. It is refused for the same reasons as placing the order.
#[utoipa::path(post, path = "/carts/{cart_id}/quote", tag = "orders", operation_id = "quoteCart", params(("cart_id" = CartId, Path)), request_body = QuoteCart, responses((status = 200, body = QuoteView)))]
async fn quote(
    request: Unrecorded<RequestContext>,
    State(app): State<App>,
    Path(id): Path<CartId>,
    Json(body): Json<QuoteCart>,
) -> HandlerResult {
    let country = body.shipping_address.map(|address| address.address_country);
    let quote = checkout::quote(&app, &request, id, country.as_deref()).await?;
    Ok(Reply::ok(&QuoteView::of(quote)).no_store())
}

/// Place an order for what is in a cart. With `Prefer: wait=N` the answer comes once stock and payment have settled.
#[utoipa::path(post, path = "/orders", tag = "orders", operation_id = "placeOrder", request_body = PlaceOrder,
    responses((status = 200, description = "Placed before", body = OrderView), (status = 201, description = "Placed and settled", body = OrderView),
        (status = 202, description = "Placed; stock and payment follow", body = OrderView)))]
async fn place(request: MayWait<Tagged<RequestContext>>, State(app): State<App>, Json(body): Json<PlaceOrder>) -> HandlerResult {
    checkout::place(&app, &request, body).await
}

/// List the caller's orders, newest first.
#[utoipa::path(get, path = "/orders", tag = "orders", operation_id = "listOrders", params(Paging), responses((status = 200, body = Page<ListedView>)))]
async fn list(request: SignedIn, State(app): State<App>, listing: Listing) -> HandlerResult {
    let query = storage::of_customer(request.user_id).descending().limit(listing.limit.get()).after(listing.cursor);
    Ok(listed(app.work.table().list(query).await?, None))
}

/// Get an order. With `Prefer: wait=N` and If-None-Match the answer comes once the order has changed, or after that time: 304.
#[utoipa::path(get, path = "/orders/{order_id}", tag = "orders", operation_id = "getOrder", params(("order_id" = OrderId, Path), Token), responses((status = 200, body = OrderView)))]
async fn show(
    request: MayWait<Versioned<RequestContext>>,
    State(app): State<App>,
    Path(id): Path<OrderId>,
    Query(query): Query<Token>,
) -> HandlerResult {
    let waiting = Waiting::begin(&app, &request, id);
    let mut order = storage::shown(app.work.table(), id).await?;
    let with_token = query.opens(&app, id);
    order.part_of(&request.actor, with_token)?;
    if request.if_none_match == Some(order.version)
        && let Some(latest) = waiting.changed(order.version).await?
    {
        order = latest;
        // It may be somebody else's by now.
        order.part_of(&request.actor, with_token)?;
    }
    Ok(shown(&order, &request.actor, with_token).etag(order.version))
}

/// Choose a means of payment for an order that has none, or that waits for the customer to confirm at their bank.
#[utoipa::path(post, path = "/orders/{order_id}/pay", tag = "orders", operation_id = "payOrder", params(("order_id" = OrderId, Path), Token), request_body = PayOrder, responses((status = 200, body = OrderView)))]
async fn pay(
    request: MayWait<Versioned<RequestContext>>,
    State(app): State<App>,
    Path(id): Path<OrderId>,
    Query(query): Query<Token>,
    Json(body): Json<PayOrder>,
) -> HandlerResult {
    checkout::check_method(&app.deps.check_method, &body.payment_method)?;
    let waiting = Waiting::begin(&app, &request, id);
    let rule = |order: Order, part, context: &DecisionContext| order.pay(&body.payment_method, part, &context.actor, context.now);
    let reply = change(&app, &request, id, &query, rule).await?;
    Ok(waiting.end().await?.map_or(reply, |order| shown(&order, &request.actor, query.opens(&app, id)).etag(order.version)))
}

/// Cancel an order. Customers can until the shop begins to work on it, the shop can until it ships.
#[utoipa::path(post, path = "/orders/{order_id}/cancel", tag = "orders", operation_id = "cancelOrder", params(("order_id" = OrderId, Path), Token), request_body = CancelOrder, responses((status = 200, body = OrderView)))]
async fn cancel(
    request: Versioned<RequestContext>,
    State(app): State<App>,
    Path(id): Path<OrderId>,
    Query(query): Query<Token>,
    Json(body): Json<CancelOrder>,
) -> HandlerResult {
    let rule = |order: Order, part, context: &DecisionContext| order.cancel(part, &context.actor, body.reason.clone(), context.now);
    change(&app, &request, id, &query, rule).await
}

/// Get the history of an order.
#[utoipa::path(get, path = "/orders/{order_id}/timeline", tag = "orders", operation_id = "getOrderTimeline", params(("order_id" = OrderId, Path), Token), responses((status = 200, body = TimelineView)))]
async fn timeline(
    request: Versioned<RequestContext>,
    State(app): State<App>,
    Path(id): Path<OrderId>,
    Query(query): Query<Token>,
) -> HandlerResult {
    let order = storage::shown(app.work.table(), id).await?;
    let part = order.part_of(&request.actor, query.opens(&app, id))?;
    Ok(Reply::ok(&TimelineView::of(&order, part)).etag(order.version))
}

/// List all orders, newest first.
#[utoipa::path(get, path = "/admin/orders", tag = "orders", operation_id = "listAllOrders", params(StatusFilter, Paging), responses((status = 200, body = Page<ListedView>)))]
async fn list_all(_: Staff, State(app): State<App>, listing: Listing<StatusFilter>) -> HandlerResult {
    let table = app.work.table();
    let orders = match listing.filter.status {
        Some(status) => storage::in_status(table, status, listing.limit, listing.cursor).await?,
        None => storage::all(table, listing.limit.get(), listing.cursor).await?,
    };
    Ok(listed(orders, None))
}

/// Move a confirmed order to its next status. For staff, and for the seller of everything in the order.
#[utoipa::path(post, path = "/admin/orders/{order_id}/status", tag = "orders", operation_id = "advanceOrder", params(("order_id" = OrderId, Path)), request_body = AdvanceOrder, responses((status = 200, body = OrderView)))]
async fn advance(
    request: Versioned<SignedIn>,
    State(app): State<App>,
    Path(id): Path<OrderId>,
    Json(body): Json<AdvanceOrder>,
) -> HandlerResult {
    let note = body.note.clone();
    let to = body.into_advance()?;
    let rule = |order: Order, _, context: &DecisionContext| order.advance(to.clone(), &context.actor, note.clone(), context.now);
    change(&app, &request, id, &Token { token: None }, rule).await
}

/// List the orders of a seller, newest first. Only the seller's lines are shown.
#[utoipa::path(get, path = "/seller/orders", tag = "orders", operation_id = "listSellerOrders", params(SellerFilter, Paging), responses((status = 200, body = Page<ListedView>)))]
async fn list_of_seller(request: SignedIn, State(app): State<App>, listing: Listing<SellerFilter>) -> HandlerResult {
    let seller = request.actor.listed_seller(listing.filter.seller_id)?.ok_or_else(|| Problem::field("seller_id", "must be given"))?;
    Ok(listed(storage::of_seller(app.work.table(), seller, listing.limit, listing.cursor).await?, Some(seller)))
}

/// Runs a rule on an order in which the caller has a part, and shows what became of it.
async fn change(
    app: &App,
    request: &RequestContext,
    id: OrderId,
    query: &Token,
    rule: impl Fn(Order, Part, &DecisionContext) -> Decided,
) -> HandlerResult {
    let with_token = query.opens(app, id);
    let load = |_| async {
        let order = storage::order(app.work.table(), id).await?;
        // Before If-Match, whose answer tells that there is such an order.
        order.part_of(&request.actor, with_token)?;
        Ok(order)
    };
    let decide = |order: Order, context: &DecisionContext| {
        let part = order.part_of(&context.actor, with_token)?;
        rule(order, part, context)
    };
    app.work.update(request, load, decide, |order, context| shown(order, &context.actor, with_token)).await
}

fn shown(order: &Order, actor: &Actor, with_token: bool) -> Reply {
    Reply::ok(&OrderView::for_actor(order, actor, with_token))
}

fn listed(orders: Page<Stored<Order>>, seller: Option<BusinessId>) -> Reply {
    Reply::ok(&orders.map(|order| ListedView::of(&order, seller)))
}

impl AdvanceOrder {
    fn into_advance(self) -> Result<Advance, Problem> {
        let tracking = Tracking { carrier: self.carrier, number: self.tracking_number, url: self.tracking_url };
        match self.status {
            NextStatus::Shipped => Ok(Advance::Shipped(tracking)),
            NextStatus::Processing | NextStatus::Delivered if tracking != Tracking::default() => {
                Err(Problem::field("status", "must be shipped, since a parcel is named"))
            }
            NextStatus::Processing => Ok(Advance::Processing),
            NextStatus::Delivered => Ok(Advance::Delivered),
        }
    }
}
