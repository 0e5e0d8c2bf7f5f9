//! Identifiers that sort by time.

use kernel::Timestamp;

/// 48 bits of milliseconds, then 80 bits of chance: the layout of a ULID.
pub(crate) fn stamped(at: Timestamp, chance: &[u8; 32]) -> u128 {
    let mut low = [0; 16];
    low[6..].copy_from_slice(&chance[..10]);
    (u128::from(at.as_millis().unsigned_abs()) << 80) | u128::from_be_bytes(low)
}
