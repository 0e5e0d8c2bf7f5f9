//! Requests of many rows, each of which is decided by itself and answered by itself.

use kernel::{FieldError, Problem};
use serde::Serialize;
use utoipa::ToSchema;

use super::reply::{HandlerResult, Reply};
use super::request_context::RequestContext;

/// Rows of one request.
pub const ROWS_MAX: usize = 100;

/// What became of the rows, in their order. The status of the answer is 207, whatever became of them.
#[derive(Debug, Serialize, ToSchema)]
pub struct RowAnswers {
    pub items: Vec<RowAnswer>,
    /// How many were refused.
    pub refused: usize,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct RowAnswer {
    /// As the request of the row alone would have been answered.
    pub status: u16,
    /// After the change, for the next If-Match.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// Why nothing of the row was changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<RowProblem>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct RowProblem {
    /// As in a Problem.
    pub code: &'static str,
    pub detail: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<RowError>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct RowError {
    /// Within the row.
    pub field: String,
    pub message: String,
}

impl RowAnswers {
    /// Refuses no rows, and too many of them.
    pub fn check(field: &str, rows: usize) -> Result<(), Problem> {
        if (1..=ROWS_MAX).contains(&rows) { Ok(()) } else { Err(Problem::field(field, format!("must be 1 to {ROWS_MAX}"))) }
    }

    pub fn of(items: Vec<RowAnswer>) -> Self {
        Self { refused: items.iter().filter(|item| item.problem.is_some()).count(), items }
    }

    pub fn reply(self) -> Reply {
        Reply::ok(&self).status(207)
    }
}

impl From<HandlerResult> for RowAnswer {
    fn from(result: HandlerResult) -> Self {
        match result {
            Ok(reply) => Self { status: reply.code(), version: reply.version(), problem: None },
            Err(failure) => {
                let (problem, detail) = (failure.problem(), failure.detail().to_owned());
                let error = |error: &FieldError| RowError { field: error.field.clone(), message: error.message.clone() };
                let errors = problem.fields.iter().map(error).collect();
                let shown = RowProblem { code: problem.code.as_str(), detail, errors };
                Self { status: problem.code.status(), version: None, problem: Some(shown) }
            }
        }
    }
}

impl RequestContext {
    /// The request of one row: with the version that the row names in the place of If-Match, and an idempotency key of its own, so
    /// that a repetition goes on where the first one ended.
    #[must_use]
    pub fn row(&self, number: usize, version: Option<u64>) -> Self {
        let idempotency_key = self.idempotency_key.as_ref().map(|key| format!("{key}#{number}"));
        Self { if_match: version, idempotency_key, is_row: true, ..self.clone() }
    }
}
