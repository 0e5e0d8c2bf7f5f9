//! A rebuild of the index from the stores, beside the one that answers. `rebuilding.rs` does the work.
//!
//! ```text
//! wanted ──► running ──► done | failed ──► wanted
//! ```
//!
//! A rebuild that was cut off is still running when the next process looks, and begins again.

use contracts::Decision;
use kernel::{Problem, Timestamp};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = RebuildStatus)]
pub enum Status {
    Wanted,
    Running,
    Done,
    Failed,
}

/// The latest rebuild: there is one at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Rebuild {
    pub status: Status,
    pub reason: String,
    pub wanted_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// Documents in the new index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub documents: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Rebuild {
    /// One that is wanted or running already is enough.
    pub fn want(before: Option<Self>, reason: &str, now: Timestamp) -> Decision<Self> {
        match before {
            Some(rebuild) if matches!(rebuild.status, Status::Wanted | Status::Running) => Decision::unchanged(rebuild),
            Some(_) | None => Decision::changed(Self {
                status: Status::Wanted,
                reason: reason.into(),
                wanted_at: now,
                ended_at: None,
                documents: None,
                error: None,
            }),
        }
    }

    /// Also from running: then the process that ran it has died.
    pub fn start(mut self) -> Decision<Self> {
        match self.status {
            Status::Wanted => {
                self.status = Status::Running;
                Decision::changed(self)
            }
            Status::Running | Status::Done | Status::Failed => Decision::unchanged(self),
        }
    }

    pub fn end(mut self, outcome: &Result<u64, Problem>, now: Timestamp) -> Decision<Self> {
        match self.status {
            Status::Running => {
                self.ended_at = Some(now);
                match outcome {
                    Ok(documents) => (self.status, self.documents) = (Status::Done, Some(*documents)),
                    Err(problem) => (self.status, self.error) = (Status::Failed, Some(problem.to_string())),
                }
                Decision::changed(self)
            }
            Status::Wanted | Status::Done | Status::Failed => Decision::unchanged(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rebuild_is_wanted_once_and_ends_once() {
        let now = Timestamp::from_millis(5);
        let in_status = |status| Rebuild { status, ..Rebuild::want(None, "x", now).into_state() };
        for (status, want, start, end) in [
            (Status::Wanted, Status::Wanted, Status::Running, Status::Wanted),
            (Status::Running, Status::Running, Status::Running, Status::Done),
            (Status::Done, Status::Wanted, Status::Done, Status::Done),
            (Status::Failed, Status::Wanted, Status::Failed, Status::Failed),
        ] {
            assert_eq!(Rebuild::want(Some(in_status(status)), "y", now).state().status, want, "{status:?}");
            assert_eq!(in_status(status).start().state().status, start, "{status:?}");
            assert_eq!(in_status(status).end(&Ok(3), now).state().status, end, "{status:?}");
        }
        let failed = in_status(Status::Running).end(&Err(Problem::unavailable("disk")), now).into_state();
        assert_eq!((failed.status, failed.documents), (Status::Failed, None));
        assert!(failed.error.unwrap().contains("disk"));
    }
}
