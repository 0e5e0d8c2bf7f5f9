//! The routes of orders.

use axum::extract::State;
use contracts::OrderLinkRequested;
use kernel::{Actor, BusinessId, CartId, Email, OrderId, Page, Problem};
use ports::store::Stored;
use serde::Deserialize;
use shell::http::{Json, Listing, MayWait, OpenApiRouter, Paging, Path, Query, SignedIn, Staff, Tagged, Unrecorded, Versioned};
use shell::{Changes, DecisionContext, HandlerResult, Reply, RequestContext};
use utoipa::{IntoParams, ToSchema};

use crate::checkout::{self, PlaceOrder};
use crate::order::{Advance, Decided, Method, Note, Order, OrderNumber, Parcel, Party, ReturnUrl, StatusName};
use crate::settling::Waiting;
use crate::views::{ListedView, OrderView, QuoteView, SellerOrderView, TimelineView};
use crate::{App, storage};

/// There is more to do for an order that is found. This is longer than that takes.
const LOOKED_UP_AFTER: std::time::Duration = std::time::Duration::from_millis(50);

pub fn routes(app: App) -> OpenApiRouter {
    shell::routes!(
        quote: [CartClosed, CartEmpty, NotForSale, OutOfStock, PriceChanged],
        place: [NotFound, CartClosed, CartEmpty, NotForSale, OutOfStock, PriceChanged, TooManyUnpaidOrders, Unauthenticated],
        look_up: [TooManyAttempts],
        list,
        show,
        pay: [Conflict, IllegalTransition, Forbidden],
        cancel: [Conflict, IllegalTransition, Forbidden],
        timeline,
        advance: [Conflict, IllegalTransition, Forbidden],
        list_parts: [Forbidden],
        show_part: [Forbidden],
        advance_part: [Conflict, IllegalTransition, Forbidden],
        cancel_part: [Conflict, IllegalTransition, Forbidden],
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
struct PartStatusFilter {
    /// Only orders of which the business's own part is in this status. `confirmed` is what is to be packed.
    #[param(inline)]
    status: Option<StatusName>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "payment_method": "4242 4242 4242 4242" }))]
struct PayOrder {
    /// What the gateway calls the means of payment.
    #[schema(inline)]
    payment_method: Method,
    /// Where the bank's page sends the customer back to: an address of the shop, or of one of its web apps.
    #[schema(inline)]
    return_url: Option<ReturnUrl>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "I ordered twice." }))]
struct CancelOrder {
    #[schema(inline)]
    reason: Option<Note>,
    /// Only this seller's part. Left out, it is the whole order.
    seller_id: Option<BusinessId>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "The last one is broken." }))]
struct CancelPart {
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
#[schema(example = json!({ "status": "shipped", "parcels": [{ "carrier": "DHL", "number": "00340434161094042557" }] }))]
struct AdvanceOrder {
    /// Whose part. May be left out where the order has a single one.
    seller_id: Option<BusinessId>,
    status: NextStatus,
    /// Only with `shipped`: at most 10. Named again, they take the place of the former.
    #[serde(default)]
    parcels: Vec<Parcel>,
    #[schema(inline)]
    note: Option<Note>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "status": "shipped", "parcels": [{ "carrier": "DHL", "number": "00340434161094042557" }] }))]
struct AdvancePart {
    status: NextStatus,
    /// Only with `shipped`: at most 10. Named again, they take the place of the former.
    #[serde(default)]
    parcels: Vec<Parcel>,
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

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "number": "S-7K3F-92QD", "email": "ann@example.com" }))]
struct LookUpOrder {
    #[schema(inline, example = "S-7K3F-92QD")]
    number: OrderNumber,
    /// What the order was placed with.
    email: Email,
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

/// Have the link to a guest's order mailed to the address that it was placed with. The answer is the same whether or not there is such an order.
#[utoipa::path(post, path = "/orders/lookup", tag = "orders", operation_id = "lookUpOrder", request_body = LookUpOrder, responses((status = 202, description = "If there is such an order, a mail is on its way")))]
async fn look_up(request: Unrecorded<RequestContext>, State(app): State<App>, Json(body): Json<LookUpOrder>) -> HandlerResult {
    let load = |_| async {
        let orders = storage::latest_of_guest(app.work.table(), &body.email).await?;
        Ok(orders.into_iter().find(|order| order.is_a_guests() && order.is_numbered(&body.number)))
    };
    let decide = |found: Option<Stored<Order>>, _: &DecisionContext| {
        let accepted = Reply::no_content().status(202);
        let event = found.map(|order| OrderLinkRequested { order: order.reference() });
        Ok(event.into_iter().fold(Changes::none(), Changes::emit).reply(accepted))
    };
    let answered_at = tokio::time::Instant::now() + LOOKED_UP_AFTER;
    let reply = app.work.handle_request_once(&request, load, decide).await?;
    tokio::time::sleep_until(answered_at).await;
    Ok(reply)
}

/// List the caller's orders, newest first.
#[utoipa::path(get, path = "/orders", tag = "orders", operation_id = "listOrders", params(Paging), responses((status = 200, body = Page<ListedView>)))]
async fn list(request: SignedIn, State(app): State<App>, listing: Listing) -> HandlerResult {
    let query = storage::of_customer(request.user_id).descending().limit(listing.limit.get()).after(listing.cursor);
    Ok(listed(app.work.table().list(query).await?))
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
    let party = order.party_of(&request.actor, with_token)?;
    if request.if_none_match == Some(order.version)
        && let Some(latest) = waiting.changed(order.version).await?
    {
        order = latest;
        // It may be somebody else's by now.
        order.party_of(&request.actor, with_token)?;
    }
    Ok(shown(&order, party).etag(order.version))
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
    checkout::check_return_url(&app, body.return_url.as_ref())?;
    let waiting = Waiting::begin(&app, &request, id);
    let rule =
        |order: Order, _, context: &DecisionContext| order.pay(&body.payment_method, body.return_url.as_ref(), &context.actor, context.now);
    let reply = change(&app, &request, id, &query, rule).await?;
    let Some(order) = waiting.end().await? else { return Ok(reply) };
    let party = order.party_of(&request.actor, query.opens(&app, id))?;
    Ok(shown(&order, party).etag(order.version))
}

/// Cancel an order, or one seller's part of it, whose money then goes back. Customers can until the seller begins to work on it, staff can until it ships.
#[utoipa::path(post, path = "/orders/{order_id}/cancel", tag = "orders", operation_id = "cancelOrder", params(("order_id" = OrderId, Path), Token), request_body = CancelOrder, responses((status = 200, body = OrderView)))]
async fn cancel(
    request: Versioned<RequestContext>,
    State(app): State<App>,
    Path(id): Path<OrderId>,
    Query(query): Query<Token>,
    Json(body): Json<CancelOrder>,
) -> HandlerResult {
    let rule = |order: Order, party, context: &DecisionContext| match body.seller_id {
        Some(seller) => order.cancel_part(seller, party, &context.actor, body.reason.clone(), context.now),
        None => order.cancel(party, &context.actor, body.reason.clone(), context.now),
    };
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
    let party = order.party_of(&request.actor, query.opens(&app, id))?;
    Ok(Reply::ok(&TimelineView::of(&order, party)).etag(order.version))
}

/// Move a seller's part of a confirmed order to its next status. The house's own goods are a part like any other.
#[utoipa::path(post, path = "/admin/orders/{order_id}/status", tag = "orders", operation_id = "advanceOrder", params(("order_id" = OrderId, Path)), request_body = AdvanceOrder, responses((status = 200, body = OrderView)))]
async fn advance(
    request: Versioned<Staff>,
    State(app): State<App>,
    Path(id): Path<OrderId>,
    Json(body): Json<AdvanceOrder>,
) -> HandlerResult {
    let to = body.status.advance(body.parcels)?;
    let rule = |order: Order, _, context: &DecisionContext| {
        let seller = order.meant_part(body.seller_id)?;
        order.advance(seller, to.clone(), &context.actor, body.note.clone(), context.now)
    };
    change(&app, &request, id, &Token { token: None }, rule).await
}

/// List the orders of which a business sells a part, newest first: what is in its part, where it goes, and how it stands.
#[utoipa::path(get, path = "/businesses/{business_id}/orders", tag = "orders", operation_id = "listBusinessOrders",
    params(("business_id" = BusinessId, Path), PartStatusFilter, Paging), responses((status = 200, body = Page<SellerOrderView>)))]
async fn list_parts(
    request: SignedIn,
    State(app): State<App>,
    Path(seller): Path<BusinessId>,
    listing: Listing<PartStatusFilter>,
) -> HandlerResult {
    check_acts_for(&request.actor, seller)?;
    let orders = storage::of_seller(app.work.table(), seller, listing.filter.status, listing.limit, listing.cursor).await?;
    let items = orders.items.iter().filter_map(|order| Some(SellerOrderView::of(order, order.part(seller)?))).collect();
    Ok(Reply::ok(&Page { items, next: orders.next }))
}

/// Get a business's part of an order.
#[utoipa::path(get, path = "/businesses/{business_id}/orders/{order_id}", tag = "orders", operation_id = "getBusinessOrder",
    params(("business_id" = BusinessId, Path), ("order_id" = OrderId, Path)), responses((status = 200, body = SellerOrderView)))]
async fn show_part(request: Versioned<SignedIn>, State(app): State<App>, Path((seller, id)): Path<(BusinessId, OrderId)>) -> HandlerResult {
    check_acts_for(&request.actor, seller)?;
    let order = storage::shown(app.work.table(), id).await?;
    let part = order.part_for(&request.actor, seller)?;
    Ok(Reply::ok(&SellerOrderView::of(&order, part)).etag(order.version))
}

/// Move a business's part of a confirmed order to its next status.
#[utoipa::path(post, path = "/businesses/{business_id}/orders/{order_id}/status", tag = "orders", operation_id = "advanceBusinessOrder",
    params(("business_id" = BusinessId, Path), ("order_id" = OrderId, Path)), request_body = AdvancePart, responses((status = 200, body = SellerOrderView)))]
async fn advance_part(
    request: Versioned<SignedIn>,
    State(app): State<App>,
    Path((seller, id)): Path<(BusinessId, OrderId)>,
    Json(body): Json<AdvancePart>,
) -> HandlerResult {
    let to = body.status.advance(body.parcels)?;
    let rule = |order: Order, context: &DecisionContext| order.advance(seller, to.clone(), &context.actor, body.note.clone(), context.now);
    change_part(&app, &request, seller, id, rule).await
}

/// Cancel a business's part of an order before it ships. Its share of the money goes back to the customer.
#[utoipa::path(post, path = "/businesses/{business_id}/orders/{order_id}/cancel", tag = "orders", operation_id = "cancelBusinessOrder",
    params(("business_id" = BusinessId, Path), ("order_id" = OrderId, Path)), request_body = CancelPart, responses((status = 200, body = SellerOrderView)))]
async fn cancel_part(
    request: Versioned<SignedIn>,
    State(app): State<App>,
    Path((seller, id)): Path<(BusinessId, OrderId)>,
    Json(body): Json<CancelPart>,
) -> HandlerResult {
    let rule = |order: Order, context: &DecisionContext| {
        let party = if context.actor.is_staff() { Party::Staff } else { Party::Seller };
        order.cancel_part(seller, party, &context.actor, body.reason.clone(), context.now)
    };
    change_part(&app, &request, seller, id, rule).await
}

fn check_acts_for(actor: &Actor, seller: BusinessId) -> Result<(), Problem> {
    if actor.is_staff() || actor.acts_for(seller) { Ok(()) } else { Err(Problem::forbidden("this is for those who act for the business")) }
}

/// Runs a rule on a business's part of an order, and shows what became of it.
async fn change_part(
    app: &App,
    request: &RequestContext,
    seller: BusinessId,
    id: OrderId,
    rule: impl Fn(Order, &DecisionContext) -> Decided,
) -> HandlerResult {
    check_acts_for(&request.actor, seller)?;
    let load = |_| async {
        let order = storage::order(app.work.table(), id).await?;
        // Before If-Match, whose answer tells that there is such an order.
        order.part_for(&request.actor, seller)?;
        Ok(order)
    };
    let reply = app.work.update(request, load, rule, |order: &Order, _| match order.part(seller) {
        Some(part) => Reply::ok(&SellerOrderView::of(order, part)),
        None => Reply::no_content(),
    });
    reply.await
}

/// Runs a rule on an order in which the caller has a part, and shows what became of it.
async fn change(
    app: &App,
    request: &RequestContext,
    id: OrderId,
    query: &Token,
    rule: impl Fn(Order, Party, &DecisionContext) -> Decided,
) -> HandlerResult {
    let with_token = query.opens(app, id);
    let load = |_| async {
        let order = storage::order(app.work.table(), id).await?;
        // Before If-Match, whose answer tells that there is such an order.
        order.party_of(&request.actor, with_token)?;
        Ok(order)
    };
    let decide = |order: Order, context: &DecisionContext| {
        let party = order.party_of(&context.actor, with_token)?;
        rule(order, party, context)
    };
    // Nobody becomes another party by a change of their own.
    let party = |order: &Order, actor: &Actor| order.party_of(actor, with_token).unwrap_or(Party::Customer);
    app.work.update(request, load, decide, |order, context| shown(order, party(order, &context.actor))).await
}

fn shown(order: &Order, party: Party) -> Reply {
    Reply::ok(&OrderView::for_party(order, party))
}

fn listed(orders: Page<Stored<Order>>) -> Reply {
    Reply::ok(&orders.map(|order| ListedView::of(&order)))
}

impl NextStatus {
    fn advance(self, parcels: Vec<Parcel>) -> Result<Advance, Problem> {
        match self {
            Self::Shipped => Ok(Advance::Shipped(parcels)),
            Self::Processing | Self::Delivered if !parcels.is_empty() => {
                Err(Problem::field("status", "must be shipped, since a parcel is named"))
            }
            Self::Processing => Ok(Advance::Processing),
            Self::Delivered => Ok(Advance::Delivered),
        }
    }
}
