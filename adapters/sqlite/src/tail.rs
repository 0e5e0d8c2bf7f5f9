//! The newest events of the log, kept in memory, so that the consumers that keep up need not read and
//! parse what this process has just written.
//!
//! The tail is a piece of the log without gaps that ends at the log's head. Another process may append
//! too: the next event of ours does not follow then, or the writer notices the change, and the tail
//! begins anew.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use contracts::Envelope;
use ports::{LogPage, LoggedEvent, Position};

/// A consumer that is further behind reads the file.
const EVENTS_MAX: usize = 4096;

struct Events {
    kept: VecDeque<(Position, Arc<Envelope>)>,
    /// The head of the log, or none while that is not known for sure.
    end: Option<Position>,
}

pub struct Tail(Mutex<Events>);

impl Tail {
    pub fn new() -> Self {
        Self(Mutex::new(Events { kept: VecDeque::new(), end: None }))
    }

    pub fn append(&self, events: impl IntoIterator<Item = (Position, Arc<Envelope>)>) {
        let mut tail = self.lock();
        for (position, envelope) in events {
            if tail.end.is_some_and(|end| end + 1 != position) {
                tail.kept.clear();
            }
            tail.kept.push_back((position, envelope));
            tail.end = Some(position);
        }
        let surplus = tail.kept.len().saturating_sub(EVENTS_MAX);
        tail.kept.drain(..surplus);
    }

    /// Another process has written: the log may go on after the tail.
    pub fn forget(&self) {
        *self.lock() = Events { kept: VecDeque::new(), end: None };
    }

    /// As `EventLog::read`; `None` if the file must be asked.
    pub fn read(&self, after: Position, types: &[&str], limit: usize) -> Option<LogPage> {
        let tail = self.lock();
        let end = tail.end?;
        let first = tail.kept.front().map_or(end + 1, |(position, _)| *position);
        if after + 1 < first || after > end {
            return None;
        }
        let mut page = LogPage { events: Vec::new(), through: after };
        let skipped = usize::try_from(after + 1 - first).ok()?;
        for (position, envelope) in tail.kept.range(skipped..) {
            if page.events.len() == limit {
                break;
            }
            page.through = *position;
            if types.contains(&envelope.event.kind()) {
                page.events.push(LoggedEvent { position: *position, envelope: Ok(envelope.clone()) });
            }
        }
        Some(page)
    }

    fn lock(&self) -> MutexGuard<'_, Events> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::StockLow;
    use kernel::{Actor, Timestamp};

    fn event(position: Position) -> (Position, Arc<Envelope>) {
        let event =
            StockLow { variant_id: 1.into(), seller_id: None, sku: "TEA".into(), title: "Tea".into(), available: 1, threshold: 2 }.into();
        let (causation_id, correlation_id) = (String::new(), String::new());
        let envelope = Envelope {
            id: u128::from(position).into(),
            time: Timestamp::MIN,
            sequence: position,
            causation_id,
            correlation_id,
            traceparent: None,
            actor: Actor::System,
            event,
        };
        (position, Arc::new(envelope))
    }

    fn read(tail: &Tail, after: Position, limit: usize) -> Option<(Vec<Position>, Position)> {
        tail.read(after, &["stock.low"], limit).map(|page| (page.events.iter().map(|event| event.position).collect(), page.through))
    }

    #[test]
    fn a_tail_has_no_gaps_and_ends_at_the_head() {
        let tail = Tail::new();
        assert_eq!(read(&tail, 0, 10), None, "nothing is known yet");
        tail.append([event(5), event(6), event(7)]);
        assert_eq!(read(&tail, 3, 10), None, "5 may not be the next");
        assert_eq!(read(&tail, 4, 10), Some((vec![5, 6, 7], 7)));
        assert_eq!(read(&tail, 5, 1), Some((vec![6], 6)));
        assert_eq!(read(&tail, 7, 10), Some((vec![], 7)), "the head");
        assert_eq!(tail.read(4, &["order.placed"], 10).unwrap().through, 7, "unwanted events are passed over");
        tail.append([event(9)]);
        assert_eq!(read(&tail, 7, 10), None, "8 is another process's");
        assert_eq!(read(&tail, 8, 10), Some((vec![9], 9)));
        tail.forget();
        assert_eq!(read(&tail, 9, 10), None);
        tail.append((10..10 + EVENTS_MAX as u64 + 5).map(event));
        assert_eq!(read(&tail, 10, 10), None, "too far behind");
        assert_eq!(read(&tail, 20, 2), Some((vec![21, 22], 22)));
    }
}
