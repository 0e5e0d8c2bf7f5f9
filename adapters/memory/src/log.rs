//! The event log.

use std::sync::Arc;

use async_trait::async_trait;
use kernel::Timestamp;
use ports::store::StoreError;
use ports::{EventLog, LogPage, LoggedEvent, Position, check_log_limit};
use tokio::sync::watch;

use crate::Shared;

pub struct MemoryLog {
    pub shared: Arc<Shared>,
}

#[async_trait]
impl EventLog for MemoryLog {
    async fn read(&self, after: Position, types: &[&str], limit: usize) -> Result<LogPage, StoreError> {
        check_log_limit(limit)?;
        let mut page = LogPage { events: Vec::new(), through: after };
        for (&position, entry) in self.shared.lock().log.range(after.saturating_add(1)..) {
            if page.events.len() == limit {
                break;
            }
            page.through = position;
            if types.contains(&&*entry.kind) {
                page.events.push(LoggedEvent { position, envelope: entry.envelope.clone() });
            }
        }
        Ok(page)
    }

    async fn at(&self, position: Position) -> Result<Option<LoggedEvent>, StoreError> {
        Ok(self.shared.lock().log.get(&position).map(|entry| LoggedEvent { position, envelope: entry.envelope.clone() }))
    }

    async fn head(&self) -> Result<Position, StoreError> {
        Ok(self.shared.lock().head)
    }

    async fn prune(&self, before: Timestamp, keep_after: Position, limit: usize) -> Result<usize, StoreError> {
        check_log_limit(limit)?;
        let mut state = self.shared.lock();
        let newest = state.head;
        let old = state
            .log
            .iter()
            .take(limit)
            .take_while(|(position, entry)| **position <= keep_after && **position < newest && entry.time < before);
        let positions: Vec<Position> = old.map(|(position, _)| *position).collect();
        for position in &positions {
            state.log.remove(position);
        }
        Ok(positions.len())
    }

    fn appended(&self) -> watch::Receiver<Position> {
        self.shared.appended.subscribe()
    }
}
