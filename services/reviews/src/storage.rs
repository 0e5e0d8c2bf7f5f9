//! Keys of the review service.
//!
//! | access pattern | how |
//! |---|---|
//! | a review | `review#<review>` / `review` |
//! | a reader's report of a review | `review#<review>` / `report#<user>` |
//! | the average of a thing | `target#<target>` / `aggregate` |
//! | what a customer may review as verified | `customer#<user>` / `target#<target>` |
//! | a reminder of an order; a reader's vote | `customer#<user>` / `reminder#<order>`, `vote#<review>` |
//! | published reviews of a thing, newest first | index 1: `target#<target>`, sk = when published |
//! | published reviews of a thing by rating | index 2: `target#<target>`, sk = rating, when published |
//! | all reviews of an author | index 3: `author#<user>`, sk = when submitted |
//! | all reports by a reader | index 3: `reporter#<user>`, sk = review |
//! | published reviews of a business and of what it sells | index 5: `business#<business>`, sk = `1` unanswered or `0`, when published |
//! | what waits for a moderator, longest first | index 4: `queue`, sk = since when |
//! | reminders that are due | index 4: `reminders`, sk = when |

use kernel::{BusinessId, OrderId, Problem, ReviewId, ReviewTarget, Timestamp, UserId};
use ports::store::{Bounds, IndexEntry, Key, Query, Record, Stored, TableSchema, Write};
use serde::{Deserialize, Serialize};
use shell::{Changes, Table};

use contracts::Decision;

use crate::aggregate::Aggregate;
use crate::review::{Review, ReviewError, Status};

pub const TABLE: TableSchema = TableSchema { name: "reviews", indexes: 5 };

/// Reminders that one tick looks at; the next tick goes on.
const REMINDERS_AT_ONCE: usize = 100;

impl Record for Review {
    fn key(&self) -> Key {
        review_key(self.id)
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        let mut entries = Vec::new();
        if let Some(at) = self.published_at {
            let target = target(self.target);
            entries.push(IndexEntry::new(1, &target, format!("{at}#{}", self.id)));
            entries.push(IndexEntry::new(2, target, format!("{}#{at}#{}", self.contents.rating, self.id)));
            let unanswered = u8::from(self.reply.is_none());
            entries.push(IndexEntry::new(5, business(self.business_id), format!("{unanswered}#{at}#{}", self.id)));
        }
        match self.status {
            Status::Pending | Status::Published | Status::Rejected => {
                entries.push(IndexEntry::new(3, format!("author#{}", self.author_id), format!("{}#{}", self.submitted_at, self.id)));
            }
            Status::Removed => {}
        }
        if let Some(since) = self.queued_at {
            entries.push(IndexEntry::new(4, "queue", format!("{since}#{}", self.id)));
        }
        entries
    }
}

impl Record for Aggregate {
    fn key(&self) -> Key {
        aggregate_key(self.target)
    }
}

/// A customer of this business or buyer of this product: the review will be a verified one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Eligibility {
    pub customer_id: UserId,
    pub target: ReviewTarget,
    /// What made the customer one: an order's or a lead's id.
    pub reference: String,
    pub since: Timestamp,
}

impl Record for Eligibility {
    fn key(&self) -> Key {
        eligibility_key(self.customer_id, self.target)
    }
}

/// A reader who found the review helpful.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Vote {
    pub review_id: ReviewId,
    pub reader_id: UserId,
}

impl Vote {
    /// Moves the counter of the review. It is an `Add`, so readers do not wait for one another.
    pub fn counted(&self, delta: i64) -> Write {
        Write::Add { key: review_key(self.review_id), deltas: vec![("helpful", delta)], bounds: Vec::new() }
    }
}

impl Record for Vote {
    fn key(&self) -> Key {
        vote_key(self.reader_id, self.review_id)
    }
}

/// That a customer shall be asked for a review, some days after the goods have arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reminder {
    pub order_id: OrderId,
    pub customer_id: UserId,
    pub targets: Vec<ReviewTarget>,
    pub due_at: Timestamp,
}

impl Record for Reminder {
    fn key(&self) -> Key {
        reminder_key(self.customer_id, self.order_id)
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        vec![IndexEntry::new(4, "reminders", format!("{}#{}", self.due_at, self.order_id))]
    }
}

pub(crate) fn review_key(id: ReviewId) -> Key {
    Key::new(format!("review#{id}"), "review")
}

pub(crate) fn aggregate_key(of: ReviewTarget) -> Key {
    Key::new(target(of), "aggregate")
}

pub(crate) fn eligibility_key(customer: UserId, of: ReviewTarget) -> Key {
    Key::new(customer_partition(customer), target(of))
}

pub(crate) fn reminder_key(customer: UserId, order: OrderId) -> Key {
    Key::new(customer_partition(customer), format!("reminder#{order}"))
}

pub(crate) fn vote_key(reader: UserId, review: ReviewId) -> Key {
    Key::new(customer_partition(reader), format!("vote#{review}"))
}

fn customer_partition(customer: UserId) -> String {
    format!("customer#{customer}")
}

fn business(id: BusinessId) -> String {
    format!("business#{id}")
}

fn target(of: ReviewTarget) -> String {
    format!("target#{of}")
}

/// A review with the average that it may be a part of.
pub(crate) struct State {
    pub target: ReviewTarget,
    pub review: Option<Stored<Review>>,
    pub aggregate: Option<Stored<Aggregate>>,
}

impl State {
    /// The commit that moves a review; what it counts moves in the same one.
    pub fn moved(&self, decision: Decision<Review>) -> Result<Changes, Problem> {
        let before = self.review.as_ref().and_then(|review| review.counted());
        let aggregate = self.aggregate.as_ref().map_or_else(|| Aggregate::empty(self.target), |aggregate| aggregate.value.clone());
        let counted = aggregate.moved(before, decision.state().counted())?;
        let review = Changes::put(self.review.as_ref().map(|review| review.version), decision)?;
        if !counted.is_changed() {
            return Ok(review);
        }
        Ok(review.and(Changes::put(self.aggregate.as_ref().map(|aggregate| aggregate.version), counted)?))
    }

    /// The version of the review after `moved`.
    pub fn version_after(&self, changed: bool) -> u64 {
        self.review.as_ref().map_or(0, |review| review.version) + u64::from(changed)
    }
}

/// What is there of an author's review of a thing.
pub(crate) async fn state(table: &Table, of: ReviewTarget, author: UserId) -> Result<State, Problem> {
    let (review, aggregate) = (review_key(Review::id_of(of, author)), aggregate_key(of));
    let (review, aggregate) = futures::try_join!(table.get(&review), table.get(&aggregate))?;
    Ok(State { target: of, review, aggregate })
}

pub(crate) async fn review(table: &Table, id: ReviewId) -> Result<Stored<Review>, Problem> {
    Ok(table.get(&review_key(id)).await?.ok_or(ReviewError::Unknown)?)
}

/// A review that must be there, by its id.
pub(crate) async fn existing(table: &Table, id: ReviewId) -> Result<State, Problem> {
    let review = review(table, id).await?;
    let aggregate = table.get(&aggregate_key(review.target)).await?;
    Ok(State { target: review.target, review: Some(review), aggregate })
}

pub(crate) async fn eligibility(table: &Table, customer: UserId, of: ReviewTarget) -> Result<Option<Stored<Eligibility>>, Problem> {
    table.get(&eligibility_key(customer, of)).await
}

/// What is listed of a customer.
pub(crate) const ELIGIBILITIES: &str = "target#";
pub(crate) const REMINDERS: &str = "reminder#";
pub(crate) const VOTES: &str = "vote#";

pub(crate) fn of_customer(customer: UserId, prefix: &str) -> Query {
    Query::table(customer_partition(customer)).prefix(prefix)
}

pub(crate) fn of_author(author: UserId) -> Query {
    Query::index(3, format!("author#{author}")).descending()
}

pub(crate) fn of_reporter(reader: UserId) -> Query {
    Query::index(3, format!("reporter#{reader}"))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ReviewSort)]
pub(crate) enum Sort {
    #[default]
    Newest,
    Highest,
    Lowest,
}

pub(crate) fn published(of: ReviewTarget, sort: Sort, rating: Option<u8>) -> Query {
    match (sort, rating) {
        (Sort::Newest | Sort::Highest | Sort::Lowest, Some(rating)) => {
            Query::index(2, target(of)).prefix(format!("{rating}#")).descending()
        }
        (Sort::Newest, None) => Query::index(1, target(of)).descending(),
        (Sort::Highest, None) => Query::index(2, target(of)).descending(),
        (Sort::Lowest, None) => Query::index(2, target(of)),
    }
}

/// Those that wait for an answer first, and of both the newest first.
pub(crate) fn of_business(id: BusinessId, answered: Option<bool>) -> Query {
    let all = Query::index(5, business(id)).descending();
    match answered {
        Some(answered) => all.prefix(if answered { "0#" } else { "1#" }),
        None => all,
    }
}

pub(crate) fn queue() -> Query {
    Query::index(4, "queue")
}

pub(crate) fn reports(id: ReviewId) -> Query {
    Query::table(format!("review#{id}")).prefix("report#")
}

pub(crate) async fn reminders_due(table: &Table, now: Timestamp) -> Result<Vec<Stored<Reminder>>, Problem> {
    let due = Query::index(4, "reminders").bounds(Bounds::AtMost(format!("{now}~"))).limit(REMINDERS_AT_ONCE);
    Ok(table.list(due).await?.items)
}
