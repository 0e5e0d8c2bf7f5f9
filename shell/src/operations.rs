//! What admins do about the consumers' queues over HTTP, in every home: the queues are a port.

use std::sync::Arc;

use axum::extract::State;
use contracts::Envelope;
use futures::future::try_join_all;
use kernel::{Cursor, Page, Problem, Timestamp};
use ports::{Content, DeadLetter, DeadLetterId, QueueStatus, Queues};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::{HandlerResult, Path, Query, Reply, RequestContext, page_limit};
use crate::service::Service;

/// The name of the service that these routes are.
pub const OPERATIONS: &str = "operations";

/// Letters that one request delivers again: each takes several calls where queues are remote.
const REDRIVEN_AT_ONCE: usize = 100;

#[derive(Clone)]
struct Operations {
    queues: Arc<dyn Queues>,
    consumers: Arc<[String]>,
}

/// Keeps nothing itself.
pub fn operations(queues: Arc<dyn Queues>, consumers: impl IntoIterator<Item = String>) -> Service {
    let routes = OpenApiRouter::new()
        .routes(routes!(list_queues))
        .routes(routes!(list_dead_letters))
        .routes(routes!(redrive_letters))
        .routes(routes!(redrive_letter))
        .routes(routes!(drop_dead_letter));
    let operations = Operations { queues, consumers: consumers.into_iter().collect() };
    Service::without_table(OPERATIONS).routes(routes.with_state(operations))
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = QueueStatus)]
struct QueueView {
    consumer: String,
    /// The log's position up to which everything is settled, in a home with a log.
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<u64>,
    /// What waits for its first try. In a home with a log: all events after the position, wanted or not.
    backlog: u64,
    /// Deliveries that wait for another try.
    waiting: u64,
    /// Deliveries given up.
    dead: u64,
}

/// A delivery that was given up, as it is shown.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = DeadLetter)]
pub struct DeadLetterView {
    #[schema(value_type = String)]
    id: DeadLetterId,
    consumer: String,
    /// The event that was to be delivered.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    envelope: Option<Box<Envelope>>,
    /// The beginning of what lies there, if nobody can read it as an event.
    #[serde(skip_serializing_if = "Option::is_none")]
    unreadable: Option<String>,
    /// Tries so far. Absent where the queues do not know them apart from looks at the letter.
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts: Option<u32>,
    /// When it failed first, or where that is not known when it was queued.
    since: Timestamp,
    /// Why the last try failed. Absent where the queues do not keep it; the log has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Serialize, utoipa::ToSchema)]
struct Redriven {
    /// How many letters are delivered again. TestRequest until it is 0.
    redriven: usize,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct Paging {
    /// 1 to 100; 20 unless told.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    cursor: Option<String>,
}

impl QueueView {
    fn of(status: QueueStatus) -> Self {
        let QueueStatus { consumer, position, backlog, waiting, dead } = status;
        Self { consumer, position, backlog, waiting, dead }
    }
}

impl DeadLetterView {
    pub fn of(consumer: &str, letter: DeadLetter) -> Self {
        let DeadLetter { id, content, attempts, since, error } = letter;
        let (envelope, unreadable) = match content {
            Content::Event(envelope) => (Some(envelope), None),
            Content::Unreadable(text) => (None, Some(text)),
        };
        Self { id, consumer: consumer.to_owned(), envelope, unreadable, attempts, since, error }
    }
}

impl Operations {
    fn consumer(&self, name: &str) -> Result<&str, Problem> {
        let known = self.consumers.iter().find(|known| *known == name);
        known.map(String::as_str).ok_or_else(|| Problem::not_found(format_args!("consumer {name}")))
    }
}

/// The queue of every consumer: backlog, retries, dead letters.
#[utoipa::path(get, path = "/admin/queues", tag = "operations", operation_id = "listQueues", responses((status = 200, body = Vec<QueueView>)))]
async fn list_queues(State(operations): State<Operations>, request: RequestContext) -> HandlerResult {
    request.require_admin()?;
    let all = try_join_all(operations.consumers.iter().map(|consumer| operations.queues.status(consumer))).await?;
    Ok(Reply::ok(&all.into_iter().map(QueueView::of).collect::<Vec<_>>()))
}

/// What a consumer has given up, oldest first.
#[utoipa::path(get, path = "/admin/queues/{consumer}/dead-letters", tag = "operations", operation_id = "listDeadLetters", params(("consumer" = String, Path), Paging), responses((status = 200, body = Page<DeadLetterView>)))]
async fn list_dead_letters(
    State(operations): State<Operations>,
    request: RequestContext,
    Path(consumer): Path<String>,
    Query(paging): Query<Paging>,
) -> HandlerResult {
    request.require_admin()?;
    let consumer = operations.consumer(&consumer)?;
    let limit = page_limit(paging.limit)?;
    let page = operations.queues.dead_letters(consumer, limit.get(), paging.cursor.map(Cursor)).await?;
    Ok(Reply::ok(&page.map(|letter| DeadLetterView::of(consumer, letter))))
}

/// Delivers what a consumer has given up again: at most 100 letters, each with all its tries before it.
#[utoipa::path(post, path = "/admin/queues/{consumer}/dead-letters/redrive", tag = "operations", operation_id = "redriveDeadLetters", params(("consumer" = String, Path)), responses((status = 200, body = Redriven)))]
async fn redrive_letters(State(operations): State<Operations>, request: RequestContext, Path(consumer): Path<String>) -> HandlerResult {
    request.require_admin()?;
    let redriven = operations.queues.redrive_some(operations.consumer(&consumer)?, REDRIVEN_AT_ONCE).await?;
    Ok(Reply::ok(&Redriven { redriven }))
}

/// Delivers a dead letter again, with all its tries before it.
#[utoipa::path(post, path = "/admin/queues/{consumer}/dead-letters/{letter_id}/redrive", tag = "operations", operation_id = "redriveDeadLetter", params(("consumer" = String, Path), ("letter_id" = String, Path)), responses((status = 204)))]
async fn redrive_letter(
    State(operations): State<Operations>,
    request: RequestContext,
    Path((consumer, letter)): Path<(String, String)>,
) -> HandlerResult {
    request.require_admin()?;
    operations.queues.redrive(operations.consumer(&consumer)?, &DeadLetterId(letter)).await?;
    Ok(Reply::no_content())
}

/// Gives a dead letter up for good.
#[utoipa::path(delete, path = "/admin/queues/{consumer}/dead-letters/{letter_id}", tag = "operations", operation_id = "dropDeadLetter", params(("consumer" = String, Path), ("letter_id" = String, Path)), responses((status = 204)))]
async fn drop_dead_letter(
    State(operations): State<Operations>,
    request: RequestContext,
    Path((consumer, letter)): Path<(String, String)>,
) -> HandlerResult {
    request.require_admin()?;
    operations.queues.drop_dead_letter(operations.consumer(&consumer)?, &DeadLetterId(letter)).await?;
    Ok(Reply::no_content())
}
