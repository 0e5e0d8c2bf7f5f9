//! Sort keys by time.

use kernel::Timestamp;

pub fn time_sk(at: Timestamp, id: impl std::fmt::Display) -> String {
    format!("{:015}#{id}", at.as_millis().max(0))
}
