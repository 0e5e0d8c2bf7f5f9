//! Samples of all that is stored, held against the golden file.

use kernel::Timestamp;
use ports::store::{IdempotencyRecord, StoredResponse};
use serde_json::value::to_raw_value;

use crate::checkpoint::Checkpoint;
use crate::lease::Lease;
use crate::queues::{FailedDelivery, Replay};
use crate::scheduler::ScheduleLease;
use crate::testing::Golden;

fn at() -> Timestamp {
    Timestamp::from_millis(1)
}

fn lease() -> Lease {
    Lease { holder: "Process 1".into(), until: at() }
}

fn failed_deliveries() -> [FailedDelivery; 2] {
    [(Some(at()), None), (None, Some("Run 1".into()))].map(|(next_at, replay)| FailedDelivery {
        consumer: "Orders".into(),
        position: 7,
        event: to_raw_value("What is left of an event that is no JSON").unwrap(),
        replay,
        attempts: 2,
        first_failed_at: at(),
        next_at,
        error: "The table could not be reached.".into(),
    })
}

/// Those of events have no response, and those of requests are repeated with theirs.
fn idempotency_records() -> [IdempotencyRecord; 3] {
    let record = |response| IdempotencyRecord { id: "9F86D081".into(), fingerprint: None, response, expires_at: at() };
    let response = StoredResponse { status: 201, location: None, etag: None, body: "{}".into() };
    let full = StoredResponse { location: Some("/api/v1/orders/1".into()), etag: Some("\"1\"".into()), ..response.clone() };
    [record(None), record(Some(response)), IdempotencyRecord { fingerprint: Some("60303AE2".into()), ..record(Some(full)) }]
}

#[test]
fn what_was_stored_once_stays_readable() {
    let checkpoint = |lease| Checkpoint { consumer: "Orders".into(), position: 7, lease };
    let replay = |again| Replay { consumer: "Orders".into(), after: 0, through: 7, again };
    Golden::of(env!("CARGO_MANIFEST_DIR"))
        .record("Checkpoint", [checkpoint(None), checkpoint(Some(lease()))])
        .record("ScheduleLease", [ScheduleLease { schedule: "Expiry".into(), lease: lease() }])
        .record("FailedDelivery", failed_deliveries())
        .record("Replay", [replay(None), replay(Some("Run 1".into()))])
        .record("IdempotencyRecord", idempotency_records())
        .check();
}
