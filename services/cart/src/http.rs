//! Routes of carts.

use axum::extract::State;
use contracts::Decision;
use kernel::Offer;
use kernel::{CartId, Problem, ProductId, UserId, VariantId};
use ports::store::Stored;
use serde::Deserialize;
use shell::http::{Json, OpenApiRouter, Path, SignedIn, Tagged, Versioned};
use shell::{Changes, DecisionContext, HandlerResult, Outcome, Reply, RequestContext};
use utoipa::ToSchema;

use crate::App;
use crate::cart::{Cart, CartError, LINES_MAX, QUANTITY_MAX};
use crate::storage::{self, Current, Mine};
use crate::views::{CartView, Now};

pub fn routes(app: App) -> OpenApiRouter {
    shell::routes!(
        create: [NotForSale, Conflict],
        show: [Forbidden],
        add: [CartClosed, NotForSale, Conflict, Forbidden],
        set_quantity: [CartClosed, Forbidden],
        remove: [CartClosed, Forbidden],
        accept_prices: [CartClosed, Forbidden],
        show_mine,
        merge: [NotFound, CartClosed, Conflict, Forbidden],
    )
    .with_state(app)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "lines": [{ "product_id": "prd_01J8Z3T4M7Q2C9V5N6X8B0D1FG", "variant_id": "var_01J8Z3T4M7Q2C9V5N6X8B0D1FH", "quantity": 2 }] }))]
struct NewCart {
    #[serde(default)]
    #[schema(max_items = 48)]
    lines: Vec<NewLine>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "product_id": "prd_01J8Z3T4M7Q2C9V5N6X8B0D1FG", "variant_id": "var_01J8Z3T4M7Q2C9V5N6X8B0D1FH", "quantity": 2 }))]
struct NewLine {
    product_id: ProductId,
    variant_id: VariantId,
    #[schema(minimum = 1, maximum = 999)]
    quantity: u32,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "quantity": 3 }))]
struct SetQuantity {
    #[schema(minimum = 1, maximum = 999)]
    quantity: u32,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "cart_id": "crt_01J8Z3T4M7Q2C9V5N6X8B0D1FJ" }))]
struct MergeCart {
    /// A guest's cart.
    cart_id: CartId,
}

/// Create a cart, with lines if wanted. A guest keeps its id; for a customer it becomes the current cart.
#[utoipa::path(post, path = "/carts", tag = "cart", operation_id = "createCart", request_body = NewCart, responses((status = 201, body = CartView)))]
async fn create(request: RequestContext, State(app): State<App>, Json(body): Json<NewCart>) -> HandlerResult {
    if body.lines.len() > LINES_MAX {
        return Err(Problem::field("lines", format!("at most {LINES_MAX}")).into());
    }
    let wanted = distinct(body.lines.iter().map(|line| (line.product_id, line.variant_id)).collect());
    let decide = |now: Now, context: &DecisionContext| {
        let mut cart = Cart::new(context.id(0), context.actor.user_id(), app.config.currency, context.now);
        for line in &body.lines {
            cart = cart.add(line.offer(&now), line.quantity, context.now)?.into_state();
        }
        let current = cart.customer_id.map(|customer_id| Current { customer_id, cart_id: cart.id });
        let reply = Reply::created(format!("/api/v1/carts/{}", cart.id), &CartView::of(cart.clone(), &now)?).etag(1);
        let changes = Changes::create(Decision::changed(cart))?;
        Ok(current.iter().try_fold(changes, Changes::derived)?.reply(reply))
    };
    app.work.handle_request(&request, |_| now(&app, &wanted), decide).await
}

/// Get a cart with current prices and stock hints.
#[utoipa::path(get, path = "/carts/{cart_id}", tag = "cart", operation_id = "getCart", params(("cart_id" = CartId, Path)), responses((status = 200, body = CartView)))]
async fn show(request: Versioned<RequestContext>, State(app): State<App>, Path(id): Path<CartId>) -> HandlerResult {
    let cart = app.work.table().get_eventual::<Cart>(&storage::cart_key(id)).await?.ok_or(CartError::Missing)?;
    cart.check_reader(&request.actor)?;
    show_current(&app, cart).await
}

/// Add to a cart. More of a variant that is in it already is summed.
#[utoipa::path(post, path = "/carts/{cart_id}/lines", tag = "cart", operation_id = "addCartLine", params(("cart_id" = CartId, Path)), request_body = NewLine, responses((status = 200, body = CartView)))]
async fn add(
    request: Versioned<RequestContext>,
    State(app): State<App>,
    Path(id): Path<CartId>,
    Json(body): Json<NewLine>,
) -> HandlerResult {
    let wanted = Some((body.product_id, body.variant_id));
    edit(&app, &request, id, wanted, |cart, now, context| cart.add(body.offer(now), body.quantity, context.now)).await
}

/// Set the quantity of a variant in a cart.
#[utoipa::path(put, path = "/carts/{cart_id}/lines/{variant_id}", tag = "cart", operation_id = "setCartLine", params(("cart_id" = CartId, Path), ("variant_id" = VariantId, Path)), request_body = SetQuantity, responses((status = 200, body = CartView)))]
async fn set_quantity(
    request: Versioned<RequestContext>,
    State(app): State<App>,
    Path((id, variant)): Path<(CartId, VariantId)>,
    Json(body): Json<SetQuantity>,
) -> HandlerResult {
    edit(&app, &request, id, None, |cart, _, context| cart.set_quantity(variant, body.quantity, context.now)).await
}

/// Remove a variant from a cart.
#[utoipa::path(delete, path = "/carts/{cart_id}/lines/{variant_id}", tag = "cart", operation_id = "removeCartLine", params(("cart_id" = CartId, Path), ("variant_id" = VariantId, Path)), responses((status = 200, body = CartView)))]
async fn remove(
    request: Versioned<RequestContext>,
    State(app): State<App>,
    Path((id, variant)): Path<(CartId, VariantId)>,
) -> HandlerResult {
    edit(&app, &request, id, None, |cart, _, context| cart.remove(variant, context.now)).await
}

/// Accept the current prices of the lines.
#[utoipa::path(post, path = "/carts/{cart_id}/accept-prices", tag = "cart", operation_id = "acceptCartPrices", params(("cart_id" = CartId, Path)), responses((status = 200, body = CartView)))]
async fn accept_prices(request: Versioned<RequestContext>, State(app): State<App>, Path(id): Path<CartId>) -> HandlerResult {
    edit(&app, &request, id, None, |cart, now, context| cart.accept_prices(&now.offers, context.now)).await
}

/// Get the customer's current cart. If there is none, one is created.
#[utoipa::path(get, path = "/me/cart", tag = "cart", operation_id = "getMyCart", responses((status = 200, body = CartView)))]
async fn show_mine(request: Versioned<SignedIn>, State(app): State<App>) -> HandlerResult {
    let (table, customer) = (app.work.table(), request.user_id);
    let mine = storage::mine(table, customer).await?;
    if let Some(cart) = mine.cart.filter(|cart| cart.is_open()) {
        return show_current(&app, cart).await;
    }
    let load = |_| async {
        let mine = storage::mine(table, customer).await?;
        let variants = mine.cart.as_ref().map(|cart| cart.variants()).unwrap_or_default();
        Ok((mine, now(&app, &variants).await?))
    };
    let decide = |(mine, now): (Mine, Now), context: &DecisionContext| {
        let (cart, version, pointer) = open(mine, customer, &app, context)?;
        changed(version, Decision::unchanged(cart), pointer, &now)
    };
    app.work.handle_request(&request, load, decide).await
}

/// Move the lines of a guest's cart into the customer's, after signing in. Repeated, it changes nothing.
#[utoipa::path(post, path = "/me/cart/merge", tag = "cart", operation_id = "mergeCart", request_body = MergeCart, responses((status = 200, body = CartView)))]
async fn merge(request: Tagged<SignedIn>, State(app): State<App>, Json(body): Json<MergeCart>) -> HandlerResult {
    let (table, customer) = (app.work.table(), request.user_id);
    let load = |_| async {
        let guest = storage::own_cart(table, body.cart_id, &request.actor).await?;
        let mine = storage::mine(table, customer).await?;
        let variants = [Some(&guest), mine.cart.as_ref()].into_iter().flatten().flat_map(|cart| cart.variants()).collect();
        Ok((mine, guest, now(&app, &distinct(variants)).await?))
    };
    let decide = |(mine, guest, now): (Mine, Stored<Cart>, Now), context: &DecisionContext| {
        let (cart, version, pointer) = open(mine, customer, &app, context)?;
        if guest.customer_id.is_some() {
            // The customer's own cart needs no merging.
            return changed(version, Decision::unchanged(cart), pointer, &now);
        }
        let (own, closed) = cart.merge(guest.value, context.now)?;
        changed(version, own, pointer.and(Changes::update(guest.version, closed)?), &now)
    };
    app.work.handle_request(&request, load, decide).await
}

/// A change of lines, bound to the version in If-Match if there is one. The rule is given what is sold of the cart's
/// variants and of the `wanted` one.
async fn edit(
    app: &App,
    request: &RequestContext,
    id: CartId,
    wanted: Option<(ProductId, VariantId)>,
    rule: impl Fn(Cart, &Now, &DecisionContext) -> Result<Decision<Cart>, CartError>,
) -> HandlerResult {
    let load = |_| async {
        let cart = storage::own_cart(app.work.table(), id, &request.actor).await?;
        let variants = cart.variants().into_iter().chain(wanted).collect();
        let now = now(app, &distinct(variants)).await?;
        Ok((cart, now))
    };
    let decide = |(cart, now): (Stored<Cart>, Now), context: &DecisionContext| {
        request.check_version(cart.version)?;
        changed(Some(cart.version), rule(cart.value, &now, context)?, Changes::none(), &now)
    };
    app.work.handle_request(request, load, decide).await
}

/// A new cart has no version yet.
fn changed(version: Option<u64>, decision: Decision<Cart>, beside: Changes, now: &Now) -> Result<Outcome, Problem> {
    let etag = version.map_or(1, |version| version + u64::from(decision.is_changed()));
    let reply = Reply::ok(&CartView::of(decision.state().clone(), now)?).etag(etag).no_store();
    Ok(beside.and(Changes::put(version, decision)?).reply(reply))
}

/// The customer's open cart with its version; a new one, which has none yet, with the change of the pointer.
fn open(mine: Mine, customer: UserId, app: &App, context: &DecisionContext) -> Result<(Cart, Option<u64>, Changes), Problem> {
    let Mine { current, cart } = mine;
    if let Some(cart) = cart.filter(|cart| cart.is_open()) {
        return Ok((cart.value, Some(cart.version), Changes::none()));
    }
    let cart = Cart::new(context.id(0), Some(customer), app.config.currency, context.now);
    let pointer = Decision::changed(Current { customer_id: customer, cart_id: cart.id });
    Ok((cart, None, Changes::put(current.map(|current| current.version), pointer)?))
}

async fn show_current(app: &App, cart: Stored<Cart>) -> HandlerResult {
    let now = now(app, &cart.variants()).await?;
    let version = cart.version;
    // Prices and stock move without the ETag, so that no cache may keep the answer.
    Ok(Reply::ok(&CartView::of(cart.value, &now)?).etag(version).no_store())
}

async fn now(app: &App, wanted: &[(ProductId, VariantId)]) -> Result<Now, Problem> {
    if wanted.is_empty() {
        return Ok(Now::default());
    }
    let variants: Vec<VariantId> = wanted.iter().map(|(_, variant)| *variant).collect();
    let (offers, stock) = futures::try_join!(app.deps.catalog.offers(wanted), app.deps.inventory.availability(&variants))?;
    Ok(Now { offers: offers.into_iter().flatten().collect(), stock })
}

fn distinct(mut variants: Vec<(ProductId, VariantId)>) -> Vec<(ProductId, VariantId)> {
    variants.sort_unstable();
    variants.dedup();
    variants
}

impl NewLine {
    fn offer(&self, now: &Now) -> Option<Offer> {
        now.offer(self.variant_id).filter(|offer| offer.product_id == self.product_id).cloned()
    }
}

// The limits that the API document names are those of the rules.
const _: () = assert!(LINES_MAX == 48 && QUANTITY_MAX == 999);
