//! A commit made ready for a table: checked, its events as texts, the sizes of what it puts.

use contracts::Envelope;
use kernel::Duration;

use super::units::{WriteMeter, events_bytes, index_entry_bytes, item_bytes};
use super::{Body, COMMIT_BYTES_MAX, Commit, EVENT_BYTES_MAX, Expect, ITEM_BYTES_MAX, Key, NewItem, StoreError, TableSchema, Write};

/// How long an outbox record stays: a week to find out why the relay stands still.
const OUTBOX_KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
/// The version that idempotency records and records of events are written with.
pub const RECORD_VERSION: u64 = 1;

/// What carries a commit's events in a table with a stream. Any later write of that item drops them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// There are no events.
    None,
    /// The idempotency record.
    IdempotencyRecord,
    /// The item of this write: the first put that is guarded.
    Put(usize),
    /// A record of their own.
    Outbox,
}

impl Commit {
    pub fn carrier(&self) -> Carrier {
        if self.events.is_empty() {
            return Carrier::None;
        }
        if self.idempotency.is_some() {
            return Carrier::IdempotencyRecord;
        }
        self.writes.iter().position(Write::is_guarded).map_or(Carrier::Outbox, Carrier::Put)
    }

    /// Refuses what DynamoDB would refuse, and tells the sizes that follow from the commit alone.
    pub fn prepare(self, schema: &TableSchema) -> Result<Prepared, StoreError> {
        self.check(schema)?;
        let carrier = self.carrier();
        let record = match (&self.idempotency, carrier) {
            (Some(record), _) => Some(record.to_item()?),
            (None, Carrier::Outbox) => self.events.first().map(outbox_item),
            (None, Carrier::None | Carrier::IdempotencyRecord | Carrier::Put(_)) => None,
        };
        let events: Vec<(Envelope, String)> = self.events.into_iter().map(with_text).collect::<Result<_, _>>()?;
        let carried = events_bytes(events.iter().map(|(_, text)| &**text));
        let on_put = |place| if carrier == Carrier::Put(place) { carried } else { 0 };
        let on_record = if record.is_some() { carried } else { 0 };
        let put_bytes: Vec<usize> = self
            .writes
            .iter()
            .enumerate()
            .map(|(place, write)| match write {
                Write::Put { item, expect } => new_bytes(item, expect.version_after()) + on_put(place),
                Write::Delete { .. } | Write::Check { .. } | Write::Add { .. } => 0,
            })
            .collect();
        let record_bytes = record.as_ref().map_or(0, |record| new_bytes(record, RECORD_VERSION) + on_record);
        let total = put_bytes.iter().sum::<usize>() + record_bytes;
        if let Some(bytes) = put_bytes.iter().chain([&record_bytes]).find(|bytes| **bytes > ITEM_BYTES_MAX) {
            return Err(StoreError::Invalid(format!("an item of {bytes} bytes with its events")));
        }
        if total > COMMIT_BYTES_MAX {
            return Err(StoreError::Invalid(format!("{total} bytes in one commit")));
        }
        Ok(Prepared { writes: self.writes, put_bytes, record, record_bytes, events, carrier })
    }
}

/// A commit with everything serialized that can be before the table is asked.
#[derive(Debug, Clone)]
pub struct Prepared {
    pub writes: Vec<Write>,
    /// For every write the bytes of the item that it puts, with events that ride on it; 0 for other writes.
    pub put_bytes: Vec<usize>,
    /// The idempotency record, or else a record of the events alone (`Carrier::Outbox`). A home with a log
    /// of events keeps only the former, and charges for both.
    pub record: Option<NewItem>,
    /// Its size, with the events that it carries.
    pub record_bytes: usize,
    /// With the texts that are stored of them (`Envelope::stored_json`).
    pub events: Vec<(Envelope, String)>,
    pub carrier: Carrier,
}

impl Prepared {
    /// The idempotency record, where there is one.
    pub fn idempotency(&self) -> Option<&NewItem> {
        self.record.as_ref().filter(|_| self.carrier != Carrier::Outbox)
    }

    /// The put that is all of the commit, if it is guarded. On DynamoDB that is a plain write, and whatever
    /// else there is a transaction, at twice the price: only such a put is known again when it had to be
    /// sent twice.
    pub fn only_put(&self) -> Option<(&NewItem, Expect)> {
        match (&*self.writes, &self.record) {
            ([Write::Put { item, expect: expect @ (Expect::Absent | Expect::Version(_)) }], None) => Some((item, *expect)),
            ([], Some(record)) => Some((record, Expect::Absent)),
            _ => None,
        }
    }

    /// Write units of a commit that only puts, where there was nothing before.
    pub fn least_units(&self) -> f64 {
        let mut meter = WriteMeter::new(self.only_put().is_none());
        let records = self.record.iter().map(|record| (record, self.record_bytes));
        let puts = self.writes.iter().zip(&self.put_bytes).filter_map(|(write, bytes)| match write {
            Write::Put { item, .. } => Some((item, *bytes)),
            Write::Delete { .. } | Write::Check { .. } | Write::Add { .. } => None,
        });
        for (item, bytes) in records.chain(puts) {
            meter.write(None, Some(bytes));
            item.indexes.iter().for_each(|entry| meter.entry(index_entry_bytes(&item.key, &entry.pk, &entry.sk)));
        }
        meter.units()
    }

    /// A meter that has counted a record of the events alone: nothing was there before it.
    pub fn meter(&self) -> WriteMeter {
        let mut meter = WriteMeter::new(self.only_put().is_none());
        if self.carrier == Carrier::Outbox {
            meter.write(None, Some(self.record_bytes));
        }
        meter
    }
}

fn new_bytes(item: &NewItem, version: u64) -> usize {
    item_bytes(&item.key, version, &item.body, &item.indexes, item.expires_at)
}

/// Named after the first event, so that it is as unique as that.
fn outbox_item(first: &Envelope) -> NewItem {
    NewItem {
        key: Key::new(format!("events#{}", first.id), "events"),
        body: Body::from_stored("{}"),
        indexes: Vec::new(),
        expires_at: Some(first.time.plus(OUTBOX_KEPT)),
    }
}

fn with_text(envelope: Envelope) -> Result<(Envelope, String), StoreError> {
    let text = envelope.stored_json().map_err(|error| StoreError::Invalid(format!("the event {}: {error}", envelope.id)))?;
    if text.len() > EVENT_BYTES_MAX {
        return Err(StoreError::Invalid(format!("the event {} of {} bytes", envelope.id, text.len())));
    }
    Ok((envelope, text))
}
