//! Placing: a cart becomes an order.
//!
//! The order has the cart's 128 bits as its id and is put only where there is none: a double click, a
//! retry and a request that was given up halfway all make one order. It is also the whole commit, in which the
//! event rides on it; only orders of several sellers have more to write. Placing itself only says that the
//! order is pending; stock and payment follow from its events.

use kernel::{CartId, Code, Email, OrderId, PostalAddress, Problem, UserId};
use ports::GatewayError;
use ports::reads::CartContents;
use ports::store::Stored;
use serde::Deserialize;
use shell::{Attempt, Changes, DecisionContext, HandlerResult, Outcome, Reply, RequestContext};
use utoipa::ToSchema;

use crate::order::{Draft, DraftLine, Method, Note, Order};
use crate::settling::Waiting;
use crate::storage::{self, Listed};
use crate::views::OrderView;
use crate::{App, MethodCheck};

#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
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
}

/// What there is to decide about.
enum Basis {
    Placed(Box<Stored<Order>>),
    /// Without the guest's token, which only the rule's context can make.
    New(Box<Draft>),
}

pub async fn place(app: &App, request: &RequestContext, body: PlaceOrder) -> HandlerResult {
    let body = body.checked(app)?;
    let waiting = Waiting::begin(app, request, OrderId::of_cart(body.cart_id));
    let load = |attempt| basis(app, request, &body, attempt);
    let reply = app.work.handle_request_once(request, load, |basis, context| decide(app, request, &body, basis, context)).await?;
    Ok(match waiting.end().await? {
        None => reply,
        Some(order) => {
            let view = OrderView::with_token(&order);
            let reply = if order.is_settled() { Reply::created(location(&order), &view) } else { Reply::accepted(location(&order), &view) };
            reply.etag(order.version).no_store()
        }
    })
}

fn decide(app: &App, request: &RequestContext, body: &PlaceOrder, basis: Basis, context: &DecisionContext) -> Result<Outcome, Problem> {
    let draft = match basis {
        Basis::New(draft) => draft,
        Basis::Placed(order) => {
            request.check_fingerprint(order.request_fingerprint.as_deref())?;
            body.check_repeats(&order, context.actor.user_id())?;
            return Ok(Reply::ok(&OrderView::with_token(&order)).etag(order.version).no_store().into());
        }
    };
    let guest_token = draft.customer_id.is_none().then(|| context.secret(0));
    let decision = Order::place(Draft { guest_token, ..*draft }, &app.config, &context.actor, context.now)?;
    let reply = Reply::accepted(location(decision.state()), &OrderView::with_token(decision.state())).etag(1).no_store();
    let listed = Listed::of(decision.state());
    let changes = listed.iter().try_fold(Changes::create(decision)?, Changes::derived)?;
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
    let cart = app.deps.carts.cart(body.cart_id).await?;
    let cart = cart.filter(|cart| cart.customer_id.is_none() || cart.customer_id == customer_id);
    let cart = cart.ok_or_else(|| Problem::not_found("such cart"))?;
    let lines = priced_lines(app, &cart).await?;
    Ok(Draft {
        cart_id: cart.id,
        request_fingerprint: request.request_fingerprint(),
        customer_id,
        email: email(app, customer_id, body).await?,
        guest_token: None,
        lines,
        shipping_address: body.shipping_address.clone(),
        billing_address: body.billing_address.clone(),
        note: body.note.clone(),
        payment_method: body.payment_method.clone(),
    })
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

/// The lines of the cart as the catalog sells them now, if that is what the customer was shown.
async fn priced_lines(app: &App, cart: &CartContents) -> Result<Vec<DraftLine>, Problem> {
    if cart.closed {
        return Err(Problem::new(Code::CartClosed, "the cart has been ordered already"));
    }
    if cart.lines.is_empty() {
        return Err(Problem::new(Code::CartEmpty, "there is nothing in the cart"));
    }
    let variants: Vec<_> = cart.lines.iter().map(|line| (line.product_id, line.variant_id)).collect();
    let offers = app.deps.catalog.offers(&variants).await?;
    if offers.len() != cart.lines.len() {
        return Err(Problem::internal("the catalog answered for another number of lines"));
    }
    let mut gone = Problem::new(Code::NotForSale, "the cart has items that are no longer for sale");
    let mut changed = Problem::new(Code::PriceChanged, "prices have changed; accept them in the cart first");
    let mut lines = Vec::with_capacity(offers.len());
    for (index, (line, offer)) in cart.lines.iter().zip(offers).enumerate() {
        match offer.filter(|offer| offer.for_sale) {
            None => gone.add_field(format!("lines[{index}].variant_id"), format!("{} is not for sale", line.variant_id)),
            Some(offer) if offer.unit_price != line.price_seen => {
                let message = format!("{} costs {} now, {} was shown", offer.title, offer.unit_price, line.price_seen);
                changed.add_field(format!("lines[{index}].price_seen"), message);
            }
            Some(offer) => lines.push(DraftLine { offer, quantity: line.quantity }),
        }
    }
    match (gone.fields.is_empty(), changed.fields.is_empty()) {
        (true, true) => Ok(lines),
        (false, _) => Err(gone),
        (true, false) => Err(changed),
    }
}

impl PlaceOrder {
    fn checked(self, app: &App) -> Result<Self, Problem> {
        if let Some(method) = &self.payment_method {
            check_method(&app.deps.check_method, method)?;
        }
        Ok(Self {
            shipping_address: self.shipping_address.map(|address| address.checked("shipping_address")).transpose()?,
            billing_address: self.billing_address.map(|address| address.checked("billing_address")).transpose()?,
            ..self
        })
    }

    /// Whether this asks for the order that the cart has become. A guest shows it by asking for the
    /// same again: the cart's id alone is no secret, since it follows from the order's.
    fn check_repeats(&self, order: &Order, user: Option<UserId>) -> Result<(), Problem> {
        let same = self.email.as_ref() == Some(&order.email)
            && self.shipping_address == order.shipping_address
            && self.billing_address == order.billing_address;
        match order.customer_id {
            Some(customer) if user == Some(customer) => Ok(()),
            Some(_) => Err(Problem::not_found("such cart")),
            None if same => Ok(()),
            None => Err(Problem::new(Code::CartClosed, "the cart has been ordered already")),
        }
    }
}

pub fn check_method(check: &MethodCheck, method: &str) -> Result<(), Problem> {
    check(method).map_err(|error| match error {
        GatewayError::Invalid(message) => Problem::field("payment_method", message),
        GatewayError::Unavailable(_) | GatewayError::Unknown(_) => Problem::unavailable(error),
    })
}

/// Where the order is seen from now on: a guest's address of it carries the token.
pub fn location(order: &Order) -> String {
    match &order.guest_token {
        Some(token) if order.customer_id.is_none() => format!("/api/v1/orders/{}?token={token}", order.id),
        Some(_) | None => format!("/api/v1/orders/{}", order.id),
    }
}
