//! Our metering is what DynamoDB charges: a long random run on the memory adapter, which counts by
//! `ports::store::units`, and on a server, operation by operation. Results are compared on the way.

#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Arc;

use contracts::{Envelope, StockLow};
use kernel::{Actor, Duration};
use memory::MemoryStores;
use ports::store::{
    Body, Bound, Bounds, Commit, CommitError, Consistency, Expect, IdempotencyRecord, IndexEntry, Item, Key, Metered, NewItem, Query,
    StoreError, Write,
};
use ports::{Clock, Entropy, FixedEntropy, ManualClock, Store};
use serde_json::{Value, json};
use suite::SHELF;
use support::{DYNOXIDE, Home, MINISTACK, endpoint, home, random};

const STEPS: u32 = 3000;

/// Draws what to do.
struct Dice {
    chance: FixedEntropy,
    clock: Arc<ManualClock>,
    events: u128,
}

impl Dice {
    fn below(&self, end: u64) -> u64 {
        let mut bytes = [0; 8];
        self.chance.fill(&mut bytes);
        u64::from_le_bytes(bytes) % end
    }

    fn one_in(&self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn key(&self) -> Key {
        Key::new(format!("p{}", self.below(3)), format!("s{}", self.below(8)))
    }

    fn expect(&self) -> Expect {
        match self.below(6) {
            0 | 1 => Expect::Absent,
            2 => Expect::Anything,
            _ => Expect::Version(self.below(4)),
        }
    }

    fn value(&self, depth: u64) -> Value {
        match self.below(9 + depth) {
            0 => json!(null),
            1 => json!(self.one_in(2)),
            2 => json!(self.below(u64::MAX)),
            3 => json!(-(self.below(1 << 40) as i64)),
            4 => json!(self.below(100_000) as f64 / 100.0),
            5 => json!(self.below(9) * 1000),
            6 => json!("ä\"\n".repeat(self.below(30) as usize)),
            7 => json!(""),
            8 => json!("x".repeat(self.below(900) as usize)),
            9 => (0..self.below(5)).map(|_| self.value(depth - 1)).collect(),
            _ => (0..self.below(5))
                .map(|n| (["", "$", "name", "ß", "a_longer_name"][n as usize].to_owned(), self.value(depth - 1)))
                .collect(),
        }
    }

    fn item(&self) -> NewItem {
        let mut body = json!({ "n": self.below(100), "m": -(self.below(100) as i64) });
        for name in 0..self.below(6) {
            body[format!("field{name}")] = self.value(3);
        }
        if self.one_in(10) {
            body["long"] = json!("x".repeat(self.below(20_000) as usize));
        }
        let entry = |index| IndexEntry::new(index, format!("q{}", self.below(2)), format!("r{}", self.below(5)));
        let indexes = (1..=SHELF.indexes).filter(|_| self.one_in(2)).map(entry).collect();
        let expires_at = self.one_in(4).then(|| self.clock.now().plus(Duration::from_millis(self.below(50_000))));
        NewItem { key: self.key(), body: Body::of(&body).unwrap(), indexes, expires_at }
    }

    fn write(&self) -> Write {
        match self.below(10) {
            0..5 => Write::Put { item: self.item(), expect: self.expect() },
            5 => Write::Delete { key: self.key(), expect: self.expect() },
            6 => match self.expect() {
                Expect::Anything => Write::Check { key: self.key(), expect: Expect::Absent },
                expect => Write::Check { key: self.key(), expect },
            },
            _ => Write::Add {
                key: self.key(),
                deltas: vec![("n", self.below(20) as i64 - 10), ("m", 1)],
                bounds: if self.one_in(2) { vec![Bound::AtLeast("n", 5), Bound::AtMost("m", 50)] } else { vec![] },
            },
        }
    }

    fn commit(&mut self) -> Commit {
        let count = if self.one_in(2) { 1 } else { self.below(5) };
        let mut writes: Vec<Write> = Vec::new();
        for _ in 0..count {
            let write = self.write();
            if writes.iter().all(|other| other.key() != write.key()) {
                writes.push(write);
            }
        }
        let events = (0..if self.one_in(3) { self.below(3) } else { 0 }).map(|_| self.event()).collect();
        let expires_at = self.clock.now().plus(Duration::from_secs(30));
        let cause = self.one_in(3).then(|| IdempotencyRecord {
            id: format!("c{}", self.below(400)),
            fingerprint: None,
            response: None,
            expires_at,
        });
        Commit { writes, events, idempotency: cause }
    }

    fn event(&mut self) -> Envelope {
        self.events += 1;
        Envelope {
            id: self.events.into(),
            time: self.clock.now(),
            sequence: 100,
            causation_id: "req".into(),
            correlation_id: "req".into(),
            actor: Actor::System,
            traceparent: None,
            event: StockLow {
                variant_id: self.events.into(),
                seller_id: None,
                sku: "TEA".into(),
                title: "Tea".into(),
                available: 2,
                threshold: 3,
            }
            .into(),
        }
    }

    fn query(&self) -> Query {
        let query = if self.one_in(2) {
            Query::table(format!("p{}", self.below(3))).bounds(self.bounds('s'))
        } else {
            Query::index(1 + u8::from(self.one_in(2)), format!("q{}", self.below(2))).bounds(self.bounds('r'))
        };
        let query = query.limit(1 + self.below(12) as usize);
        if self.one_in(2) { query.descending() } else { query }
    }

    fn bounds(&self, letter: char) -> Bounds {
        let at = format!("{letter}{}", self.below(8));
        match self.below(5) {
            0 => Bounds::Prefix(at),
            1 => Bounds::AtLeast(at),
            2 => Bounds::AtMost(at),
            3 => Bounds::Between(format!("{letter}2"), format!("{letter}5")),
            _ => Bounds::All,
        }
    }

    fn consistency(&self) -> Consistency {
        if self.one_in(2) { Consistency::Strong } else { Consistency::Eventual }
    }
}

/// An item with its body as a value: the order of names is nobody's promise.
fn seen(item: Item) -> (Key, u64, Value, Option<i64>, usize) {
    (item.key, item.version, item.body.read().unwrap(), item.expires_at.map(kernel::Timestamp::as_millis), item.size_bytes)
}

fn split<T, E>(result: Result<Metered<T>, E>) -> (Result<T, E>, Option<f64>) {
    match result {
        Ok(metered) => (Ok(metered.value), Some(metered.units)),
        Err(error) => (Err(error), None),
    }
}

/// One operation on both: its name, what it was, and the units of each.
struct Step {
    what: String,
    ours: Option<f64>,
    theirs: Option<f64>,
}

async fn step(dice: &mut Dice, ours: &Arc<dyn Store>, theirs: &Arc<dyn Store>) -> Step {
    match dice.below(10) {
        0 => {
            dice.clock.advance(Duration::from_millis(dice.below(5_000)));
            Step { what: "time".into(), ours: None, theirs: None }
        }
        1..6 => {
            let commit = dice.commit();
            let what = format!("commit {commit:?}");
            let (mine, units) = split(ours.commit(commit.clone()).await);
            let (other, their_units) = split(theirs.commit(commit).await);
            assert_eq!(mine, other, "{what}");
            assert!(!matches!(other, Err(CommitError::Store(StoreError::Failed(_) | StoreError::Unavailable(_)))), "{what}: {other:?}");
            Step { what, ours: units, theirs: their_units }
        }
        6 => {
            let (key, consistency) = (dice.key(), dice.consistency());
            let (mine, units) = split(ours.get(&key, consistency).await);
            let (other, their_units) = split(theirs.get(&key, consistency).await);
            assert_eq!(mine.unwrap().map(seen), other.unwrap().map(seen), "{key:?}");
            Step { what: format!("get {key:?} {consistency:?}"), ours: units, theirs: their_units }
        }
        7 => {
            let consistency = dice.consistency();
            let mut keys: Vec<Key> = (0..dice.below(6)).map(|_| dice.key()).collect();
            keys.sort();
            keys.dedup();
            let (mine, units) = split(ours.get_many(&keys, consistency).await);
            let (other, their_units) = split(theirs.get_many(&keys, consistency).await);
            let list = |found: Vec<Option<Item>>| found.into_iter().map(|item| item.map(seen)).collect::<Vec<_>>();
            assert_eq!(list(mine.unwrap()), list(other.unwrap()), "{keys:?}");
            Step { what: format!("get_many {keys:?} {consistency:?}"), ours: units, theirs: their_units }
        }
        _ => {
            let query = dice.query();
            let (mine, units) = split(ours.query(&query).await);
            let (other, their_units) = split(theirs.query(&query).await);
            let (mine, other) = (mine.unwrap(), other.unwrap());
            let list = |items: Vec<Item>| items.into_iter().map(seen).collect::<Vec<_>>();
            // The order among equal sort keys of an index is the store's own, so what a short page has is too.
            if query.index.is_none() {
                assert!(mine.next == other.next || mine.next.is_none(), "a page that is full may be followed by an empty one");
                assert_eq!(list(mine.items), list(other.items), "{query:?}");
            }
            let comparable = query.index.is_none() || (mine.next.is_none() && other.next.is_none());
            Step { what: format!("query {query:?}"), ours: units.filter(|_| comparable), theirs: their_units.filter(|_| comparable) }
        }
    }
}

/// Runs the steps. Returns how many were compared, and those where the units differ.
async fn run(home: Home, seed: u64) -> (u32, Vec<Step>) {
    eprintln!("the seed of the run is {seed}");
    let ours = MemoryStores::new(home.clock.clone()).table(SHELF);
    let theirs = home.dynamo.table(SHELF);
    let mut dice = Dice { chance: FixedEntropy::new(seed), clock: home.clock.clone(), events: u128::from(seed) << 32 };
    let (mut compared, mut different) = (0, Vec::new());
    for _ in 0..STEPS {
        let step = step(&mut dice, &ours, &theirs).await;
        compared += u32::from(step.ours.is_some());
        if step.ours != step.theirs {
            different.push(step);
        }
    }
    (compared, different)
}

fn assert_none(different: &[&Step], compared: u32) {
    if let Some(first) = different.first() {
        panic!("{} of {compared} differ, first: ours {:?}, theirs {:?}, {}", different.len(), first.ours, first.theirs, first.what);
    }
    assert!(compared > STEPS / 3, "only {compared} operations were compared");
}

#[tokio::test]
async fn as_dynoxide_charges() {
    let (compared, different) = run(home(&endpoint(DYNOXIDE)).await, random()).await;
    assert_none(&different.iter().collect::<Vec<_>>(), compared);
}

/// MiniStack takes every read for one of at most 4 KB, so only its writes are held against ours.
#[tokio::test]
async fn as_ministack_charges_for_writes() {
    let (compared, different) = run(home(&endpoint(MINISTACK)).await, random()).await;
    assert_none(&different.iter().filter(|step| step.what.starts_with("commit")).collect::<Vec<_>>(), compared);
}
