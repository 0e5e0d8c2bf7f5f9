//! One's own account: profile, address book, erasure.

use axum::extract::State;
use contracts::Decision;
use kernel::{AddressId, Email, PostalAddress, Problem};
use ports::store::{Expect, Stored, Write};
use serde::Deserialize;
use shell::http::{Json, OpenApiRouter, Path, SignedIn, Unrecorded, Versioned};
use shell::{Changes, DecisionContext, HandlerResult, Reply};
use utoipa::ToSchema;

use super::auth::unchanged_password;
use crate::App;
use crate::addresses::{AddressBook, AddressBookError, Entry};
use crate::admins::Admins;
use crate::gate::{Counted, Gate};
use crate::sign_in::{confirm_key, confirm_password};
use crate::storage;
use crate::user::{Name, ProfileChange, Telephone, User};
use crate::views::{AddressBookView, ProfileView};

pub(super) fn routes() -> OpenApiRouter<App> {
    shell::routes!(
        profile,
        change_profile: [AlreadyExists, IllegalTransition, TooManyAttempts],
        erase: [Conflict, TooManyAttempts],
        addresses,
        add_address: [Conflict, IllegalTransition],
        replace_address: [IllegalTransition],
        remove_address: [IllegalTransition],
    )
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "Ann Lee", "telephone": "+49 89 123456" }))]
struct ChangeProfile {
    #[schema(inline)]
    name: Option<Name>,
    #[schema(inline)]
    telephone: Option<Telephone>,
    /// Takes over once it is verified by the mail that is sent to it.
    email: Option<Email>,
    /// Needed for another e-mail address.
    #[schema(max_length = 128)]
    current_password: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "password": "a long and quiet river" }))]
struct Erase {
    #[schema(max_length = 128)]
    password: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "address": { "name": "Ann Lee", "street_address": "Marienplatz 8", "postal_code": "80331", "address_locality": "München", "address_country": "DE" }, "is_default": true }))]
struct AddressBody {
    address: PostalAddress,
    #[serde(default)]
    is_default: bool,
}

/// Get your account.
#[utoipa::path(get, path = "/me", tag = "identity", operation_id = "getMe", responses((status = 200, body = ProfileView)))]
async fn profile(request: Versioned<SignedIn>, State(app): State<App>) -> HandlerResult {
    let user = storage::user(app.work.table(), request.user_id).await?;
    Ok(Reply::ok(&ProfileView::of(&user)).etag(user.version))
}

/// Change your name, telephone number or e-mail address.
#[utoipa::path(patch, path = "/me", tag = "identity", operation_id = "changeMe", request_body = ChangeProfile, responses((status = 200, body = ProfileView)))]
async fn change_profile(
    request: Unrecorded<Versioned<SignedIn>>,
    State(app): State<App>,
    Json(body): Json<ChangeProfile>,
) -> HandlerResult {
    let id = request.user_id;
    let table = app.work.table();
    let change = ProfileChange { name: body.name, telephone: body.telephone, email: body.email };
    let user = storage::user(table, id).await?;
    let wanted = change.email.clone().filter(|email| *email != user.email);
    let cleared = match &wanted {
        Some(_) => {
            let password =
                body.current_password.ok_or_else(|| Problem::field("current_password", "is needed for another e-mail address"))?;
            confirm_password(&app, &user, "current_password", &password).await?;
            Changes::none().delete_derived(confirm_key(id))
        }
        None => Changes::none(),
    };
    let gate = wanted.as_ref().map(|email| Gate::mail(&app, email, request.client));
    let load = |_| async {
        let user = storage::user(table, id).await?;
        request.check_version(user.version)?;
        // Another address is the pool's business when it is verified; the name is now.
        let named = user.value.clone().change_profile(change.clone(), false, app.work.now())?;
        app.credentials.follow(&user, named.state()).await?;
        let (Some(email), Some(gate)) = (&wanted, &gate) else {
            return Ok((user, true, None));
        };
        let email_free = storage::owner(table, email).await?.is_none();
        Ok((user, email_free, Some(gate.load(table, app.work.now()).await?)))
    };
    let decide = |(user, email_free, counted): (Stored<User>, bool, Option<Counted>), context: &DecisionContext| {
        request.check_version(user.version)?;
        let decision = user.value.clone().change_profile(change.clone(), email_free, context.now)?;
        let reply = Reply::ok(&ProfileView::of(decision.state())).etag(user.version + u64::from(decision.is_changed()));
        let mut changes = storage::update_user(&user, decision)?.and(cleared.clone());
        if let (Some(gate), Some(counted)) = (&gate, counted) {
            changes = changes.and(gate.take(counted, context.now)?);
        }
        Ok(changes.reply(reply))
    };
    app.work.handle_request(&request, load, decide).await
}

/// Erase your account. What the law wants kept, such as orders, stays without the person.
#[utoipa::path(delete, path = "/me", tag = "identity", operation_id = "eraseMe", request_body = Erase, responses((status = 204)))]
async fn erase(request: Unrecorded<SignedIn>, State(app): State<App>, Json(body): Json<Erase>) -> HandlerResult {
    let id = request.user_id;
    let table = app.work.table();
    let proved = storage::user(table, id).await?;
    confirm_password(&app, &proved, "password", &body.password).await?;
    let decide = |(user, admins): (Stored<User>, Option<Stored<Admins>>), context: &DecisionContext| {
        unchanged_password(&proved, &user)?;
        let sign_ins = Gate::sign_in(&app, &user.email, request.client).known_key();
        let decision = user.value.clone().erase(Email::erased(id), context.now);
        let changes = storage::update_user_and_admins(&user, admins, decision)?;
        Ok(changes
            .delete_derived(storage::addresses_key(id))
            .delete_derived(confirm_key(id))
            .delete_derived(sign_ins)
            .reply(Reply::no_content()))
    };
    let load = |_| async {
        let (user, admins) = storage::user_and_admins(table, id).await?;
        unchanged_password(&proved, &user)?;
        let erased = user.value.clone().erase(Email::erased(id), app.work.now());
        storage::check_admins(admins.as_ref(), erased.state())?;
        app.credentials.follow(&user, erased.state()).await?;
        Ok((user, admins))
    };
    app.work.handle_request(&request, load, decide).await
}

/// List your addresses.
#[utoipa::path(get, path = "/me/addresses", tag = "identity", operation_id = "listAddresses", responses((status = 200, body = AddressBookView)))]
async fn addresses(request: Versioned<SignedIn>, State(app): State<App>) -> HandlerResult {
    let id = request.user_id;
    let book = app.work.table().get_eventual::<AddressBook>(&storage::addresses_key(id)).await?;
    let version = book.as_ref().map_or(0, |book| book.version);
    Ok(Reply::ok(&AddressBookView::of(book.as_deref())).etag(version))
}

/// Add an address. The first one is the default.
#[utoipa::path(post, path = "/me/addresses", tag = "identity", operation_id = "addAddress", request_body = AddressBody, responses((status = 201, body = Entry)))]
async fn add_address(request: Versioned<SignedIn>, State(app): State<App>, Json(body): Json<AddressBody>) -> HandlerResult {
    let address = body.address.checked("address")?;
    let add = |book: AddressBook, context: &DecisionContext| book.add(context.id(0), address.clone(), body.is_default);
    change_book(&app, &request, add, |book, context| {
        let id: AddressId = context.id(0);
        Ok(Reply::created(format!("/api/v1/me/addresses/{id}"), book.entry(id)?))
    })
    .await
}

/// Replace an address.
#[utoipa::path(put, path = "/me/addresses/{address_id}", tag = "identity", operation_id = "replaceAddress", params(("address_id" = AddressId, Path)), request_body = AddressBody, responses((status = 200, body = Entry)))]
async fn replace_address(
    request: Versioned<SignedIn>,
    State(app): State<App>,
    Path(id): Path<AddressId>,
    Json(body): Json<AddressBody>,
) -> HandlerResult {
    let address = body.address.checked("address")?;
    let replace = |book: AddressBook, _: &DecisionContext| book.replace(id, address.clone(), body.is_default);
    change_book(&app, &request, replace, |book, _| Ok(Reply::ok(book.entry(id)?))).await
}

/// Remove an address. Orders keep the one they were sent to.
#[utoipa::path(delete, path = "/me/addresses/{address_id}", tag = "identity", operation_id = "removeAddress", params(("address_id" = AddressId, Path)), responses((status = 204)))]
async fn remove_address(request: Versioned<SignedIn>, State(app): State<App>, Path(id): Path<AddressId>) -> HandlerResult {
    change_book(&app, &request, |book, _| Ok(book.remove(id)), |_, _| Ok(Reply::no_content())).await
}

/// Changes the address book of an account that is not being erased. The ETag is that of the whole book.
async fn change_book(
    app: &App,
    request: &SignedIn,
    rule: impl Fn(AddressBook, &DecisionContext) -> Result<Decision<AddressBook>, AddressBookError>,
    view: impl Fn(&AddressBook, &DecisionContext) -> Result<Reply, AddressBookError>,
) -> HandlerResult {
    let load = |_| storage::user_and_addresses(app.work.table(), request.user_id);
    let decide = |(user, book): (Stored<User>, Option<Stored<AddressBook>>), context: &DecisionContext| {
        user.check_active()?;
        let version = book.as_ref().map(|book| book.version);
        request.check_version(version.unwrap_or(0))?;
        let decision = rule(book.map_or_else(|| AddressBook::empty(user.id), |book| book.value), context)?;
        let reply = view(decision.state(), context)?.etag(version.unwrap_or(0) + u64::from(decision.is_changed()));
        if !decision.is_changed() {
            return Ok(reply.into());
        }
        // No address may be added while its owner is erased.
        let guard = Write::Check { key: storage::user_key(user.id), expect: Expect::Version(user.version) };
        Ok(Changes::put(version, decision)?.write(guard).reply(reply))
    };
    app.work.handle_request(request, load, decide).await
}
