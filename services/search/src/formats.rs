//! Samples of all that is stored, held against the golden file.

use kernel::Timestamp;
use shell::testing::Golden;

use crate::rebuild::{Rebuild, Status};

#[test]
fn what_was_stored_once_stays_readable() {
    let rebuild = |status| Rebuild {
        status,
        reason: "An admin asked for it.".into(),
        wanted_at: Timestamp::from_millis(1),
        ended_at: None,
        documents: None,
        error: None,
    };
    let ended = |status| Rebuild { ended_at: Some(Timestamp::from_millis(2)), ..rebuild(status) };
    let rebuilds = [
        rebuild(Status::Wanted),
        rebuild(Status::Running),
        Rebuild { documents: Some(300), ..ended(Status::Done) },
        Rebuild { error: Some("The index could not be reached.".into()), ..ended(Status::Failed) },
    ];
    Golden::of(env!("CARGO_MANIFEST_DIR")).record("Rebuild", rebuilds).check();
}
