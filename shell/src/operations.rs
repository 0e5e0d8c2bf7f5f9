//! The consumers' queues over HTTP, for admins, in every home: the queues are a port.

use std::sync::Arc;

use axum::extract::State;
use contracts::Envelope;
use futures::future::try_join_all;
use kernel::{Page, Problem, Timestamp};
use ports::{Content, DeadLetter, DeadLetterId, QueueStatus, Queues};
use serde::Serialize;

use crate::http::{Admin, HandlerResult, Listing, OpenApiRouter, Paging, Path, Reply, Unrecorded};
use crate::service::Service;

/// The name of the service that these routes are.
pub const OPERATIONS: &str = "operations";

/// Dead letters that one request delivers again: each takes several calls where queues are remote.
const REDRIVEN_AT_ONCE: usize = 100;

#[derive(Clone)]
struct Operations {
    queues: Arc<dyn Queues>,
    consumers: Arc<[String]>,
}

/// Keeps nothing itself.
pub fn operations(queues: Arc<dyn Queues>, consumers: impl IntoIterator<Item = String>) -> Service {
    let routes: OpenApiRouter<Operations> =
        crate::routes!(list_queues, list_dead_letters, redrive_dead_letters, redrive_dead_letter, drop_dead_letter);
    let operations = Operations { queues, consumers: consumers.into_iter().collect() };
    Service::without_table(OPERATIONS).routes(routes.with_state(operations))
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
    /// The beginning of its text, if it cannot be read as an event.
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
    /// How many are delivered again. Ask again until it is 0.
    redriven: usize,
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

/// List the queue of every consumer: its backlog, retries and dead letters.
#[utoipa::path(get, path = "/admin/queues", tag = "operations", operation_id = "listQueues", responses((status = 200, body = Vec<QueueStatus>)))]
async fn list_queues(_: Admin, State(operations): State<Operations>) -> HandlerResult {
    let all = try_join_all(operations.consumers.iter().map(|consumer| operations.queues.status(consumer))).await?;
    Ok(Reply::ok(&all))
}

/// List the dead letters of a consumer, oldest first.
#[utoipa::path(get, path = "/admin/queues/{consumer}/dead-letters", tag = "operations", operation_id = "listDeadLetters", params(("consumer" = String, Path), Paging), responses((status = 200, body = Page<DeadLetterView>)))]
async fn list_dead_letters(
    _: Admin,
    State(operations): State<Operations>,
    Path(consumer): Path<String>,
    Listing { limit, cursor, .. }: Listing,
) -> HandlerResult {
    let consumer = operations.consumer(&consumer)?;
    let page = operations.queues.dead_letters(consumer, limit.get(), cursor).await?;
    Ok(Reply::ok(&page.map(|letter| DeadLetterView::of(consumer, letter))))
}

/// Redrive the dead letters of a consumer: at most 100, each with all its tries before it.
#[utoipa::path(post, path = "/admin/queues/{consumer}/dead-letters/redrive", tag = "operations", operation_id = "redriveDeadLetters", params(("consumer" = String, Path)), responses((status = 200, body = Redriven)))]
async fn redrive_dead_letters(_: Unrecorded<Admin>, State(operations): State<Operations>, Path(consumer): Path<String>) -> HandlerResult {
    let redriven = operations.queues.redrive_some(operations.consumer(&consumer)?, REDRIVEN_AT_ONCE).await?;
    Ok(Reply::ok(&Redriven { redriven }))
}

/// Redrive a dead letter, with all its tries before it.
#[utoipa::path(post, path = "/admin/queues/{consumer}/dead-letters/{letter_id}/redrive", tag = "operations", operation_id = "redriveDeadLetter", params(("consumer" = String, Path), ("letter_id" = String, Path)), responses((status = 204)))]
async fn redrive_dead_letter(
    _: Unrecorded<Admin>,
    State(operations): State<Operations>,
    Path((consumer, letter)): Path<(String, String)>,
) -> HandlerResult {
    operations.queues.redrive(operations.consumer(&consumer)?, &DeadLetterId(letter)).await?;
    Ok(Reply::no_content())
}

/// Drop a dead letter for good.
#[utoipa::path(delete, path = "/admin/queues/{consumer}/dead-letters/{letter_id}", tag = "operations", operation_id = "dropDeadLetter", params(("consumer" = String, Path), ("letter_id" = String, Path)), responses((status = 204)))]
async fn drop_dead_letter(
    _: Unrecorded<Admin>,
    State(operations): State<Operations>,
    Path((consumer, letter)): Path<(String, String)>,
) -> HandlerResult {
    operations.queues.drop_dead_letter(operations.consumer(&consumer)?, &DeadLetterId(letter)).await?;
    Ok(Reply::no_content())
}
