//! A tiny service of named tallies, and a wait that is bounded.

// A test that panics has failed, also outside its own function; each target uses a part of this.
#![allow(dead_code, clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use contracts::{Decision, MailQueued};
use kernel::{MailId, Problem};
use ports::store::{Key, Record, Stored, TableSchema};
use serde::{Deserialize, Serialize};
use shell::http::{Admin, Anyone, Json, LargeBody, Listing, MayWait, Paging, Path, SignedIn, VersionRequired, Versioned};
use shell::{Changes, Consumer, Delivery, HandlerResult, Reply, RequestContext, Service, UnitOfWork};

pub const PICTURE_BYTES_MAX: usize = 1_000_000;

pub const TABLE: TableSchema = TableSchema { name: "tallies", indexes: 0 };

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    pub name: String,
    pub count: u32,
}

impl Tally {
    pub fn key_of(name: &str) -> Key {
        Key::new(format!("tally#{name}"), "tally")
    }
}

impl Record for Tally {
    fn key(&self) -> Key {
        Self::key_of(&self.name)
    }
}

pub async fn load(work: &UnitOfWork, name: &str) -> Result<Option<Stored<Tally>>, Problem> {
    work.table().get(&Tally::key_of(name)).await
}

pub async fn count(work: &UnitOfWork, name: &str) -> u32 {
    load(work, name).await.unwrap().map_or(0, |tally| tally.count)
}

pub fn mail(n: u128) -> MailQueued {
    MailQueued { mail_id: MailId(n), attempt: 1 }
}

/// One more; the event is about the mail `about`.
pub fn bump(tally: Option<Stored<Tally>>, name: &str, about: Option<MailId>) -> Result<(Changes, u32), Problem> {
    let next = Tally { name: name.into(), count: tally.as_ref().map_or(1, |tally| tally.count + 1) };
    let count = next.count;
    let mut decision = Decision::changed(next);
    if let Some(mail_id) = about {
        decision = decision.emit(MailQueued { mail_id, attempt: count });
    }
    let changes = match tally {
        None => Changes::create(decision)?,
        Some(tally) => Changes::update(tally.version, decision)?,
    };
    Ok((changes, count))
}

/// Counts the delivery under the subject's name, once per event.
pub async fn tally_delivery(work: &UnitOfWork, delivery: &Delivery) -> Result<(), Problem> {
    let name = delivery.envelope.event.subject();
    work.handle_event(delivery, |_| load(work, &name), |tally, _| Ok(bump(tally, &name, None)?.0)).await
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Bump {
    pub note: Option<String>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TallyView {
    pub count: u32,
    pub id: String,
}

#[utoipa::path(post, path = "/tallies/{name}", operation_id = "bumpTally", request_body = Bump, params(("name" = String, Path)), responses((status = 201, body = TallyView)))]
async fn bump_tally(
    call: RequestContext,
    State(work): State<UnitOfWork>,
    Path(name): Path<String>,
    Json(_body): Json<Bump>,
) -> HandlerResult {
    work.handle_request(
        &call,
        |_| load(&work, &name),
        |tally, context| {
            let id = context.id::<MailId>(0);
            let version = tally.as_ref().map_or(0, |tally| tally.version);
            let (changes, count) = bump(tally, &name, Some(id))?;
            let reply = Reply::created(format!("/api/v1/tallies/{name}"), &TallyView { count, id: id.to_string() });
            Ok(changes.reply(reply.etag(version + 1)))
        },
    )
    .await
}

#[utoipa::path(put, path = "/tallies/{name}", operation_id = "replaceTally", request_body = Bump, params(("name" = String, Path)), responses((status = 200, body = TallyView)))]
async fn replace_tally(
    call: VersionRequired<RequestContext>,
    State(work): State<UnitOfWork>,
    Path(name): Path<String>,
    Json(_body): Json<Bump>,
) -> HandlerResult {
    work.handle_request(
        &call,
        |_| load(&work, &name),
        |tally, context| {
            let version = tally.as_ref().map_or(0, |tally| tally.version);
            call.require_version(version)?;
            let id = context.id::<MailId>(0);
            let (changes, count) = bump(tally, &name, None)?;
            Ok(changes.reply(Reply::ok(&TallyView { count, id: id.to_string() }).etag(version + 1)))
        },
    )
    .await
}

#[utoipa::path(get, path = "/tallies/{name}", operation_id = "getTally", params(("name" = String, Path)), responses((status = 200, body = TallyView)))]
async fn get_tally(call: MayWait<Versioned<RequestContext>>, State(work): State<UnitOfWork>, Path(name): Path<String>) -> HandlerResult {
    let key = Tally::key_of(&name);
    let mut watch = work.watch(&key);
    if let Some(wait) = call.wait
        && work.table().get_eventual::<Tally>(&key).await?.is_none()
    {
        watch.changed(wait).await;
    }
    let tally = work.table().get_eventual::<Tally>(&key).await?.ok_or_else(|| Problem::not_found(format_args!("tally {name}")))?;
    let reply = Reply::ok(&TallyView { count: tally.count, id: name.clone() }).etag(tally.version);
    Ok(if name == "secret" { reply.no_store() } else { reply })
}

#[utoipa::path(get, path = "/mails/{mail_id}", operation_id = "getMail", params(("mail_id" = MailId, Path)), responses((status = 200, body = String, content_type = "application/json")))]
async fn get_mail(_: Anyone, Path(id): Path<MailId>) -> HandlerResult {
    Ok(Reply::ok(&id))
}

#[utoipa::path(get, path = "/panics", operation_id = "panics", responses((status = 200, body = String, content_type = "application/json")))]
async fn panics(_: Anyone) -> HandlerResult {
    panic!("the vault's combination is 4711")
}

/// What is large is read only for those whose number is even.
#[utoipa::path(post, path = "/pictures", operation_id = "keepPicture", request_body = Vec<u8>, extensions(("x-body-bytes-max" = json!(PICTURE_BYTES_MAX))), responses((status = 200, body = usize)))]
async fn keep_picture(request: SignedIn, body: LargeBody) -> HandlerResult {
    if request.user_id.0 % 2 == 1 {
        return Err(Problem::forbidden("pictures are for even people").into());
    }
    Ok(Reply::ok(&body.read().await?.len()))
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Person {
    pub email: kernel::Email,
    #[schema(inline)]
    pub name: kernel::Line<1, 20>,
    pub age: Option<u32>,
    #[serde(default)]
    #[schema(max_items = 5)]
    pub pets: Vec<Pet>,
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Pet {
    #[schema(inline)]
    pub name: kernel::Line<1, 20>,
    pub cat: bool,
}

#[utoipa::path(post, path = "/people", operation_id = "addPerson", request_body = Person, responses((status = 200, body = String, content_type = "application/json")))]
async fn add_person(_: Anyone, Json(person): Json<Person>) -> HandlerResult {
    Ok(Reply::ok(&person.name))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct PeopleFilter {
    age: Option<u32>,
}

#[utoipa::path(get, path = "/people", operation_id = "listPeople", params(PeopleFilter, Paging), responses((status = 200, body = u32, content_type = "application/json")))]
async fn list_people(_: Anyone, listing: Listing<PeopleFilter>) -> HandlerResult {
    Ok(Reply::ok(&listing.filter.age.unwrap_or_default()))
}

#[utoipa::path(get, path = "/vault", operation_id = "openVault", responses((status = 200, body = String, content_type = "application/json")))]
async fn open_vault(_: Admin) -> HandlerResult {
    Err(Problem::unavailable("/var/lib/vault 4711 is shut").into())
}

#[utoipa::path(get, path = "/long", operation_id = "long", responses((status = 200, body = String, content_type = "application/json")))]
async fn long(_: Anyone) -> HandlerResult {
    Ok(Reply::ok(&"souk ".repeat(2000)))
}

pub fn service(work: &UnitOfWork) -> Service {
    let routes =
        shell::routes!(bump_tally, replace_tally, get_tally, get_mail, panics, long, keep_picture, add_person, list_people, open_vault)
            .with_state(work.clone());
    Service::new(work).routes(routes)
}

/// Looks until the condition holds.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let looking = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(20), looking).await.is_ok(), "waited in vain: {what}");
}

/// A consumer of mails that hands all of them to one function.
pub fn subscribed<F>(
    name: &'static str,
    handle: impl Fn(Delivery) -> F + Send + Sync + 'static,
) -> Consumer<impl Clone + Send + Sync + 'static>
where
    F: Future<Output = Result<(), Problem>> + Send + 'static,
{
    Consumer::new(name, Arc::new(handle)).on::<MailQueued>(|handle, delivery, _| Box::pin(handle(delivery.clone())))
}
