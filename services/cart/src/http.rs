//! Routes of carts.

use axum::extract::State;
use contracts::Decision;
use kernel::{CartId, Problem, ProductId, UserId, VariantId};
use ports::store::Stored;
use serde::Deserialize;
use shell::http::{Json, OpenApiRouter, Path, SignedIn};
use shell::{Changes, DecisionContext, Failure, HandlerResult, Outcome, Reply, RequestContext};
use utoipa::ToSchema;

use crate::App;
use crate::cart::{Cart, CartError, Goods, LINES_MAX, QUANTITY_MAX};
use crate::storage::{self, Current, Mine};
use crate::view::{self, CartView};

pub fn routes(app: App) -> OpenApiRouter {
    shell::routes!(create, show, add, set_quantity, remove, accept_prices, show_mine, merge).with_state(app)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewCart {
    #[serde(default)]
    #[schema(max_items = 48)]
    lines: Vec<NewLine>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewLine {
    product_id: ProductId,
    variant_id: VariantId,
    #[schema(minimum = 1, maximum = 999)]
    quantity: u32,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SetQuantity {
    #[schema(minimum = 1, maximum = 999)]
    quantity: u32,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MergeCart {
    /// A guest's cart.
    cart_id: CartId,
}

/// Makes a cart, with lines if wanted. A guest keeps its id; for a customer it becomes the current cart.
#[utoipa::path(post, path = "/carts", tag = "cart", operation_id = "createCart", request_body = NewCart, responses((status = 201, body = CartView)))]
async fn create(request: RequestContext, State(app): State<App>, Json(body): Json<NewCart>) -> HandlerResult {
    if body.lines.len() > LINES_MAX {
        return Err(Problem::field("lines", format!("at most {LINES_MAX}")).into());
    }
    let mut wanted: Vec<_> = body.lines.iter().map(|line| (line.product_id, line.variant_id)).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let decide = |found: Vec<Option<Goods>>, context: &DecisionContext| {
        let mut cart = Cart::new(context.id(0), context.actor.user_id(), app.config.currency, context.now);
        for line in &body.lines {
            let goods =
                found.iter().flatten().find(|goods| (goods.product_id, goods.variant_id) == (line.product_id, line.variant_id)).cloned();
            cart = cart.add(goods.ok_or(CartError::NotForSale)?, line.quantity, context.now)?.state;
        }
        let current = cart.customer_id.map(|customer_id| Current { customer_id, cart_id: cart.id });
        let reply = Reply::created(format!("/api/v1/carts/{}", cart.id), &CartView::of(cart.clone())?).etag(1);
        let mut changes = Changes::create(Decision::changed(cart))?;
        if let Some(current) = current {
            changes = changes.derived(&current)?;
        }
        Ok(changes.reply(reply))
    };
    app.work.handle_request(&request, |_| storage::goods(&*app.catalog, &wanted), decide).await
}

/// Shows a cart with current prices and stock hints.
#[utoipa::path(get, path = "/carts/{cart_id}", tag = "cart", operation_id = "getCart", params(("cart_id" = CartId, Path)), responses((status = 200, body = CartView)))]
async fn show(request: RequestContext, State(app): State<App>, Path(id): Path<CartId>) -> HandlerResult {
    let found = app.work.table().get_eventual::<Cart>(&storage::cart_key(id)).await?;
    let cart = readable(&request, found)?;
    show_current(&app, cart).await
}

/// Adds to a cart; more of a variant that is in it is summed.
#[utoipa::path(post, path = "/carts/{cart_id}/lines", tag = "cart", operation_id = "addCartLine", params(("cart_id" = CartId, Path)), request_body = NewLine, responses((status = 200, body = CartView)))]
async fn add(request: RequestContext, State(app): State<App>, Path(id): Path<CartId>, Json(body): Json<NewLine>) -> HandlerResult {
    let (table, key, wanted) = (app.work.table(), storage::cart_key(id), [(body.product_id, body.variant_id)]);
    let load = |_| async {
        let cart = table.get::<Cart>(&key).await?;
        Ok((cart, storage::goods(&*app.catalog, &wanted).await?))
    };
    let decide = |(found, mut goods): (Option<Stored<Cart>>, Vec<Option<Goods>>), context: &DecisionContext| {
        let cart = writable(&request, found)?;
        let goods = goods.pop().flatten().ok_or(CartError::NotForSale)?;
        updated(cart.version, cart.value.add(goods, body.quantity, context.now)?)
    };
    app.work.handle_request(&request, load, decide).await
}

/// Sets how many of a variant are wanted.
#[utoipa::path(put, path = "/carts/{cart_id}/lines/{variant_id}", tag = "cart", operation_id = "setCartLine", params(("cart_id" = CartId, Path), ("variant_id" = VariantId, Path)), request_body = SetQuantity, responses((status = 200, body = CartView)))]
async fn set_quantity(
    request: RequestContext,
    State(app): State<App>,
    Path((id, variant)): Path<(CartId, VariantId)>,
    Json(body): Json<SetQuantity>,
) -> HandlerResult {
    edit(&app, &request, id, |cart, context| cart.set_quantity(variant, body.quantity, context.now)).await
}

/// Takes a variant out of a cart.
#[utoipa::path(delete, path = "/carts/{cart_id}/lines/{variant_id}", tag = "cart", operation_id = "removeCartLine", params(("cart_id" = CartId, Path), ("variant_id" = VariantId, Path)), responses((status = 200, body = CartView)))]
async fn remove(request: RequestContext, State(app): State<App>, Path((id, variant)): Path<(CartId, VariantId)>) -> HandlerResult {
    edit(&app, &request, id, |cart, context| cart.remove(variant, context.now)).await
}

/// Agrees to what the lines cost now.
#[utoipa::path(post, path = "/carts/{cart_id}/accept-prices", tag = "cart", operation_id = "acceptCartPrices", params(("cart_id" = CartId, Path)), responses((status = 200, body = CartView)))]
async fn accept_prices(request: RequestContext, State(app): State<App>, Path(id): Path<CartId>) -> HandlerResult {
    let (table, key) = (app.work.table(), storage::cart_key(id));
    let load = |_| async {
        let found = table.get::<Cart>(&key).await?;
        let goods = match &found {
            Some(cart) => storage::goods_of(&*app.catalog, &cart.lines).await?,
            None => Default::default(),
        };
        Ok((found, goods.into_values().collect::<Vec<Goods>>()))
    };
    let decide = |(found, goods): (Option<Stored<Cart>>, Vec<Goods>), context: &DecisionContext| {
        let cart = writable(&request, found)?;
        updated(cart.version, cart.value.accept_prices(&goods, context.now)?)
    };
    app.work.handle_request(&request, load, decide).await
}

/// Shows the customer's current cart, making one if there is none.
#[utoipa::path(get, path = "/me/cart", tag = "cart", operation_id = "getMyCart", responses((status = 200, body = CartView)))]
async fn show_mine(request: SignedIn, State(app): State<App>) -> HandlerResult {
    let customer = request.user_id;
    let table = app.work.table();
    let mine = storage::mine(table, customer).await?;
    if let Some(cart) = mine.cart.filter(|cart| cart.is_open()) {
        return show_current(&app, cart).await;
    }
    let decide = |mine: Mine, context: &DecisionContext| {
        let (cart, version, changes) = open(mine, customer, &app, context)?;
        let reply = Reply::ok(&CartView::of(cart.clone())?).etag(version.unwrap_or(1)).no_store();
        let made = if version.is_none() { Changes::create(Decision::changed(cart))? } else { Changes::none() };
        Ok(changes.and(made).reply(reply))
    };
    app.work.handle_request(&request, |_| storage::mine(table, customer), decide).await
}

/// Moves the lines of a guest's cart into the customer's, after signing in. Repeated, it changes nothing.
#[utoipa::path(post, path = "/me/cart/merge", tag = "cart", operation_id = "mergeCart", request_body = MergeCart, responses((status = 200, body = CartView)))]
async fn merge(request: SignedIn, State(app): State<App>, Json(body): Json<MergeCart>) -> HandlerResult {
    let customer = request.user_id;
    let (table, key) = (app.work.table(), storage::cart_key(body.cart_id));
    let load = |_| async { Ok((storage::mine(table, customer).await?, table.get::<Cart>(&key).await?)) };
    let decide = |(mine, guest): (Mine, Option<Stored<Cart>>), context: &DecisionContext| {
        let guest = writable(&request, guest)?;
        let (cart, version, changes) = open(mine, customer, &app, context)?;
        if guest.customer_id.is_some() {
            // The customer's own cart needs no merging.
            let reply = Reply::ok(&CartView::of(cart.clone())?).etag(version.unwrap_or(1));
            let made = if version.is_none() { Changes::create(Decision::changed(cart))? } else { Changes::none() };
            return Ok(changes.and(made).reply(reply));
        }
        let (own, closed) = cart.merge(guest.value, context.now)?;
        let etag = version.map_or(1, |version| version + u64::from(own.changed));
        let reply = Reply::ok(&CartView::of(own.state.clone())?).etag(etag);
        let own = match version {
            None => Changes::create(Decision { changed: true, ..own })?,
            Some(version) => Changes::update(version, own)?,
        };
        Ok(changes.and(own).and(Changes::update(guest.version, closed)?).reply(reply))
    };
    app.work.handle_request(&request, load, decide).await
}

/// A change of lines, bound to the version in If-Match if there is one.
async fn edit(
    app: &App,
    request: &RequestContext,
    id: CartId,
    rule: impl Fn(Cart, &DecisionContext) -> Result<Decision<Cart>, CartError>,
) -> Result<Reply, Failure> {
    let (table, key) = (app.work.table(), storage::cart_key(id));
    let decide = |found, context: &DecisionContext| {
        let cart = writable(request, found)?;
        request.check_version(cart.version)?;
        updated(cart.version, rule(cart.value, context)?)
    };
    app.work.handle_request(request, |_| table.get::<Cart>(&key), decide).await
}

fn updated(version: u64, decision: Decision<Cart>) -> Result<Outcome, Problem> {
    let reply = Reply::ok(&CartView::of(decision.state.clone())?).etag(version + u64::from(decision.changed));
    Ok(Changes::update(version, decision)?.reply(reply))
}

/// The customer's open cart with its version; a new one, which has none yet, with the change of the pointer.
fn open(mine: Mine, customer: UserId, app: &App, context: &DecisionContext) -> Result<(Cart, Option<u64>, Changes), Problem> {
    let Mine { current, cart } = mine;
    if let Some(cart) = cart.filter(|cart| cart.is_open()) {
        return Ok((cart.value, Some(cart.version), Changes::none()));
    }
    let cart = Cart::new(context.id(0), Some(customer), app.config.currency, context.now);
    let pointer = Decision::changed(Current { customer_id: customer, cart_id: cart.id });
    let changes = match current {
        None => Changes::create(pointer)?,
        Some(current) => Changes::update(current.version, pointer)?,
    };
    Ok((cart, None, changes))
}

async fn show_current(app: &App, cart: Stored<Cart>) -> HandlerResult {
    let variants: Vec<VariantId> = cart.lines.iter().map(|line| line.variant_id).collect();
    let (goods, stock) = futures::try_join!(storage::goods_of(&*app.catalog, &cart.lines), app.inventory.availability(&variants))?;
    let current = view::Current { goods, stock: stock.into_iter().map(|stock| (stock.variant_id, stock)).collect() };
    let version = cart.version;
    // Prices and stock move without the ETag, so that no cache may keep the answer.
    Ok(Reply::ok(&CartView::current(cart.value, &current)?).etag(version).no_store())
}

/// A guest's cart is for whoever knows its id; a customer's for the customer, and for staff to look at.
fn readable(request: &RequestContext, found: Option<Stored<Cart>>) -> Result<Stored<Cart>, Problem> {
    let cart = found.ok_or_else(|| Problem::not_found("cart"))?;
    let may = cart.customer_id.is_none_or(|owner| request.actor.user_id() == Some(owner) || request.actor.is_staff());
    if may { Ok(cart) } else { Err(Problem::not_found("cart")) }
}

fn writable(request: &RequestContext, found: Option<Stored<Cart>>) -> Result<Stored<Cart>, Problem> {
    let cart = readable(request, found)?;
    let may = cart.customer_id.is_none_or(|owner| request.actor.user_id() == Some(owner));
    if may { Ok(cart) } else { Err(Problem::forbidden("this is a customer's cart")) }
}

// The limits that the API document names are those of the rules.
const _: () = assert!(LINES_MAX == 48 && QUANTITY_MAX == 999);
