//! Where a request stands in a distributed trace: the `traceparent` of W3C Trace Context, which
//! CloudEvents carries as an extension.

use std::fmt;
use std::num::{NonZeroU64, NonZeroU128};
use std::str::FromStr;

use crate::written::serde_as_text;

/// Why a text is not a `traceparent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a traceparent of the form 00-(32 hex digits)-(16 hex digits)-(2 hex digits)")]
pub struct TraceParentError;

/// `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01`: the trace, the span that called, whether
/// it is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceParent {
    pub trace_id: NonZeroU128,
    pub parent_id: NonZeroU64,
    pub sampled: bool,
}

impl TraceParent {
    /// A trace of our own. Zeroes, which the standard forbids, become ones.
    pub fn from_chance(chance: [u8; 24]) -> Self {
        let (mut trace, mut parent) = ([0; 16], [0; 8]);
        trace.copy_from_slice(&chance[..16]);
        parent.copy_from_slice(&chance[16..]);
        Self {
            trace_id: NonZeroU128::new(u128::from_be_bytes(trace)).unwrap_or(NonZeroU128::MIN),
            parent_id: NonZeroU64::new(u64::from_be_bytes(parent)).unwrap_or(NonZeroU64::MIN),
            sampled: true,
        }
    }

    /// The trace in 32 hexadecimal digits, as logs and tracing tools show it.
    pub fn shown_id(self) -> impl fmt::Display {
        Hexadecimal(self.trace_id.get())
    }
}

struct Hexadecimal(u128);

impl fmt::Display for Hexadecimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.parent_id, u8::from(self.sampled))
    }
}

impl FromStr for TraceParent {
    type Err = TraceParentError;

    fn from_str(text: &str) -> Result<Self, TraceParentError> {
        let mut parts = text.split('-');
        let mut hex = |digits: usize| {
            let part = parts.next().ok_or(TraceParentError)?;
            let known = part.len() == digits && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            if known { u128::from_str_radix(part, 16).map_err(|_| TraceParentError) } else { Err(TraceParentError) }
        };
        let (version, trace_id, parent_id, flags) = (hex(2)?, hex(32)?, hex(16)?, hex(2)?);
        let trace_id = NonZeroU128::new(trace_id).ok_or(TraceParentError)?;
        let parent_id = u64::try_from(parent_id).ok().and_then(NonZeroU64::new).ok_or(TraceParentError)?;
        // A later version may go on after the flags, but begins the same; 255 is forbidden.
        let ended = version > 0 || parts.next().is_none();
        if version == 255 || !ended {
            return Err(TraceParentError);
        }
        Ok(Self { trace_id, parent_id, sampled: flags & 1 == 1 })
    }
}

serde_as_text!(TraceParent, "a traceparent");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_the_standard() {
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let parsed: TraceParent = text.parse().unwrap();
        assert_eq!(parsed.to_string(), text);
        assert_eq!(parsed.shown_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(serde_json::from_str::<TraceParent>(&serde_json::to_string(&parsed).unwrap()).unwrap(), parsed);
        assert!("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more".parse::<TraceParent>().is_ok(), "a later version");
        for bad in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert!(bad.parse::<TraceParent>().is_err(), "{bad}");
        }
        assert_eq!(TraceParent::from_chance([0; 24]).to_string(), "00-00000000000000000000000000000001-0000000000000001-01");
    }
}
