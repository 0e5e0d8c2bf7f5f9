//! Placing: a cart becomes an order.
//!
//! The order has the cart's 128 bits as its id and is put only where there is none: a double click, a
//! retry and a request that was given up halfway all make one order. It is also the whole commit, in which the
//! event rides on it; only orders of several sellers have more to write. Placing itself only says that the
//! order is pending; stock and payment follow from its events.

use kernel::{CartId, Code, Email, OrderId, PostalAddress, Problem, UserId};
use ports::GatewayError;
use ports::reads::{CartContents, OrderTokens as _};
use ports::store::Stored;
use serde::Deserialize;
use shell::{Attempt, Changes, DecisionContext, HandlerResult, Outcome, Reply, RequestContext};
use utoipa::ToSchema;

use crate::order::{Draft, DraftLine, Method, Note, Order, Quote, ReturnUrl};
use crate::settling::Waiting;
use crate::storage::{self, Listed, PlacedByClient};
use crate::views::OrderView;
use crate::{App, MethodCheck, unpaid};

#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "cart_id": "crt_01J8Z3T4M7Q2C9V5N6X8B0D1FJ", "email": "ann@example.com", "shipping_address": { "name": "Ann Lee", "street_address": "Marienplatz 8", "postal_code": "80331", "address_locality": "München", "address_country": "DE" }, "payment_method": "4242 4242 4242 4242" }))]
pub struct PlaceOrder {
    pub cart_id: CartId,
    /// Required of guests; others have the one of their account.
    pub email: Option<Email>,
    /// Required when something must be shipped.
    pub shipping_address: Option<PostalAddress>,
    pub billing_address: Option<PostalAddress>,
    #[schema(inline)]
    pub note: Option<Note>,
    /// What the gateway calls the means of payment. Without one, the order waits for `payOrder`.
    #[schema(inline)]
    pub payment_method: Option<Method>,
    /// Where the bank's page sends the customer back to: an address of the shop, or of one of its web apps.
    #[schema(inline)]
    pub return_url: Option<ReturnUrl>,
}

/// What there is to decide about.
enum Basis {
    Placed(Box<Stored<Order>>),
    New(Box<Draft>),
}

pub async fn place(app: &App, request: &RequestContext, body: PlaceOrder) -> HandlerResult {
    let body = body.checked(app)?;
    let waiting = Waiting::begin(app, request, OrderId::of_cart(body.cart_id));
    let load = |attempt| basis(app, request, &body, attempt);
    let reply = app.work.handle_request_once(request, load, |basis, context| decide(app, request, basis, context)).await?;
    Ok(match waiting.end().await? {
        None => reply,
        Some(order) => {
            let token = token(app, &order);
            let (location, view) = (location(&order, token.as_deref()), OrderView::placed(&order, token));
            let reply = match reply.code() {
                200 => Reply::ok(&view),
                _ if order.is_settled() => Reply::created(location, &view),
                _ => Reply::accepted(location, &view),
            };
            reply.etag(order.version).no_store()
        }
    })
}

fn decide(app: &App, request: &RequestContext, basis: Basis, context: &DecisionContext) -> Result<Outcome, Problem> {
    let draft = match basis {
        Basis::New(draft) => draft,
        Basis::Placed(order) => {
            check_repeats(&order, request)?;
            return Ok(Reply::ok(&OrderView::placed(&order, token(app, &order))).etag(order.version).no_store().into());
        }
    };
    let decision = Order::place(*draft, &app.config.pricing, &context.actor, context.now)?;
    let token = token(app, decision.state());
    let reply = Reply::accepted(location(decision.state(), token.as_deref()), &OrderView::placed(decision.state(), token));
    let reply = reply.etag(1).no_store();
    let listed = Listed::of(decision.state());
    let by_client = guests_mark(app, request, decision.state());
    let changes = listed.iter().try_fold(Changes::create(decision)?, Changes::derived)?;
    let changes = by_client.iter().try_fold(changes, Changes::derived)?;
    Ok(changes.reply(reply))
}

/// An order is nearly always new, so the first run saves the read of one. If there is one, the cart is closed or the commit
/// conflicts, and it is looked for.
async fn basis(app: &App, request: &RequestContext, body: &PlaceOrder, attempt: Attempt) -> Result<Basis, Problem> {
    let new = draft(app, request, body).await.map(|draft| Basis::New(Box::new(draft)));
    if attempt.is_first() && new.is_ok() {
        return new;
    }
    match storage::placed(app.work.table(), OrderId::of_cart(body.cart_id)).await? {
        Some(order) => Ok(Basis::Placed(Box::new(order))),
        None => new,
    }
}

async fn draft(app: &App, request: &RequestContext, body: &PlaceOrder) -> Result<Draft, Problem> {
    let customer_id = request.actor.user_id();
    let email = email(app, customer_id, body).await?;
    unpaid::check(app, request, &email).await?;
    let cart = own_cart(app, request, body.cart_id).await?;
    let lines = sold_lines(app, &cart).await?;
    Ok(Draft {
        cart_id: cart.id,
        request_fingerprint: request.request_fingerprint(),
        customer_id,
        email,
        lines,
        shipping_address: body.shipping_address.clone(),
        billing_address: body.billing_address.clone(),
        note: body.note.clone(),
        payment_method: body.payment_method.clone(),
        return_url: body.return_url.clone(),
    })
}

/// What an order of the cart would come to. It is refused for the same reasons as placing it.
pub async fn quote(app: &App, request: &RequestContext, cart: CartId, country: Option<&str>) -> Result<Quote, Problem> {
    let cart = own_cart(app, request, cart).await?;
    Ok(Quote::of(sold_lines(app, &cart).await?, country, &app.config.pricing)?)
}

async fn own_cart(app: &App, request: &RequestContext, id: CartId) -> Result<CartContents, Problem> {
    let cart = app.deps.carts.cart(id).await?;
    let cart = cart.filter(|cart| cart.customer_id.is_none() || cart.customer_id == request.actor.user_id());
    cart.ok_or_else(|| Problem::not_found("such cart"))
}

async fn email(app: &App, customer: Option<UserId>, body: &PlaceOrder) -> Result<Email, Problem> {
    match (&body.email, customer) {
        (Some(email), _) => Ok(email.clone()),
        (None, None) => Err(Problem::field("email", "must be given")),
        (None, Some(user)) => {
            let account = app.deps.accounts.account(user).await?;
            account.map(|account| account.email).ok_or_else(|| Problem::new(Code::Unauthenticated, "the account is gone"))
        }
    }
}

/// The lines of the cart as the catalog sells them now, if that is what the customer was shown and there is enough of them.
async fn sold_lines(app: &App, cart: &CartContents) -> Result<Vec<DraftLine>, Problem> {
    if cart.closed {
        return Err(Problem::new(Code::CartClosed, "the cart has been ordered already"));
    }
    if cart.lines.is_empty() {
        return Err(Problem::new(Code::CartEmpty, "there is nothing in the cart"));
    }
    let variants: Vec<_> = cart.lines.iter().map(|line| (line.product_id, line.variant_id)).collect();
    let ids: Vec<_> = cart.lines.iter().map(|line| line.variant_id).collect();
    let (offers, stock) = tokio::try_join!(app.deps.catalog.offers(&variants), app.deps.stock.availability(&ids))?;
    if offers.len() != cart.lines.len() || stock.len() != cart.lines.len() {
        return Err(Problem::internal("the catalog or the inventory answered for another number of lines"));
    }
    let mut gone = Problem::new(Code::NotForSale, "the cart has items that are no longer for sale");
    let mut changed = Problem::new(Code::PriceChanged, "prices have changed; accept them in the cart first");
    let mut out = Problem::new(Code::OutOfStock, "not everything in the cart is in stock");
    let mut lines = Vec::with_capacity(offers.len());
    for (index, ((line, offer), stock)) in cart.lines.iter().zip(offers).zip(stock).enumerate() {
        match offer.filter(|offer| offer.for_sale) {
            None => gone.add_field(format!("lines[{index}].variant_id"), format!("{} is not for sale", line.variant_id)),
            Some(offer) if offer.unit_price != line.price_seen => {
                let message = format!("{} costs {} now, {} was shown", offer.title, offer.unit_price, line.price_seen);
                changed.add_field(format!("lines[{index}].price_seen"), message);
            }
            Some(offer) if !stock.backorder && stock.available < i64::from(line.quantity) => {
                let message = format!("{}: {} wanted, {} left", offer.title, line.quantity, stock.available.max(0));
                out.add_field(format!("lines[{index}]"), message);
            }
            Some(offer) => lines.push(DraftLine { offer, quantity: line.quantity }),
        }
    }
    match [gone, changed, out].into_iter().find(|problem| !problem.fields.is_empty()) {
        None => Ok(lines),
        Some(problem) => Err(problem),
    }
}

impl PlaceOrder {
    fn checked(self, app: &App) -> Result<Self, Problem> {
        if let Some(method) = &self.payment_method {
            check_method(&app.deps.check_method, method)?;
        }
        check_return_url(app, self.return_url.as_ref())?;
        Ok(Self {
            shipping_address: self.shipping_address.map(|address| address.checked("shipping_address")).transpose()?,
            billing_address: self.billing_address.map(|address| address.checked("billing_address")).transpose()?,
            ..self
        })
    }
}

/// Whether this asks for the order that the cart has become. A guest shows it by the Idempotency-Key of the first request:
/// all else that is in a request is seen by whoever sells something in the order.
fn check_repeats(order: &Order, request: &RequestContext) -> Result<(), Problem> {
    request.check_fingerprint(order.request_fingerprint.as_deref())?;
    let fingerprint = request.request_fingerprint();
    match order.customer_id {
        Some(customer) if request.actor.user_id() == Some(customer) => Ok(()),
        Some(_) => Err(Problem::not_found("such cart")),
        None if fingerprint.is_some() && fingerprint == order.request_fingerprint => Ok(()),
        None => Err(Problem::new(Code::CartClosed, "the cart has been ordered already")),
    }
}

/// What opens the order to a guest.
fn token(app: &App, order: &Order) -> Option<String> {
    order.is_a_guests().then(|| app.deps.tokens.guest_token(order.id))
}

pub fn check_method(check: &MethodCheck, method: &str) -> Result<(), Problem> {
    check(method).map_err(|error| match error {
        GatewayError::Invalid(message) => Problem::field("payment_method", message),
        GatewayError::Unavailable(_) | GatewayError::Unknown(_) => Problem::unavailable(error),
    })
}

/// Whoever places an order chooses where its bank's page leads: a page of the shop, so that nobody is sent elsewhere in its name.
pub fn check_return_url(app: &App, url: Option<&ReturnUrl>) -> Result<(), Problem> {
    let allowed = |url: &ReturnUrl| {
        let own = origin(&app.config.shop.public_url);
        std::iter::once(own).chain(app.config.return_origins.iter().map(String::as_str)).any(|origin| is_within(url, origin))
    };
    if url.is_none_or(allowed) { Ok(()) } else { Err(Problem::field("return_url", "must be an address of the shop or of its web apps")) }
}

/// The part of a web address before its path.
fn origin(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    url[host..].find('/').map_or(url, |path| &url[..host + path])
}

/// Whether the address is of the origin, in a form that no browser can take for another.
fn is_within(url: &str, origin: &str) -> bool {
    let is_plain = url.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'"' | b'<' | b'>'));
    is_plain && url.strip_prefix(origin).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?', '#']))
}

/// What a guest's order is counted by at their client.
fn guests_mark(app: &App, request: &RequestContext, order: &Order) -> Option<PlacedByClient> {
    let counts = app.config.unpaid.per_client > 0 && order.customer_id.is_none();
    counts.then(|| PlacedByClient::of(order, &unpaid::client(app, request)))
}

/// Where the order is seen from now on: a guest's address of it carries the token.
fn location(order: &Order, token: Option<&str>) -> String {
    let query = token.map(|token| format!("?token={token}"));
    format!("/api/v1/orders/{}{}", order.id, query.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_of_web_addresses() {
        for (url, expect) in [
            ("https://shop.example", "https://shop.example"),
            ("https://shop.example:8443/souk", "https://shop.example:8443"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ] {
            assert_eq!(origin(url), expect);
        }
    }

    #[test]
    fn the_way_back_leads_to_the_shop() {
        for (url, expect) in [
            ("https://shop.example", true),
            ("https://shop.example/checkout/done?cart=crt_1#paid", true),
            ("https://shop.example?done", true),
            ("https://shop.example.evil.example/", false),
            ("https://shop.example@evil.example/", false),
            ("https://shop.example:8443/", false),
            ("https://shop.example\\@evil.example/", false),
            ("https://shop.example/\\evil.example", false),
            ("https://shop.example/\"><script>", false),
            ("https://shop.example/a b", false),
            ("http://shop.example/", false),
            ("//shop.example/", false),
            ("/checkout", false),
            ("javascript:alert(1)", false),
            ("https://evil.example/https://shop.example/", false),
        ] {
            assert_eq!(is_within(url, "https://shop.example"), expect, "{url}");
        }
    }
}
