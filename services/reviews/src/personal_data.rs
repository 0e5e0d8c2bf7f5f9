//! What reviews keep of a person: a copy of it, and its erasure.

use async_trait::async_trait;
use kernel::{Page, Problem, UserId};
use ports::store::{Query, Record, Stored, Write};
use ports::{Person, PersonalData};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use shell::{Changes, DecisionContext, Table, UnitOfWork};

use crate::reads::Reads;
use crate::report::Report;
use crate::review::Review;
use crate::storage::{self, Eligibility, Reminder, State, Vote};
use crate::views::{EligibilityView, ReviewView};

/// Items that are read or erased together. With a vote goes its count, so that a commit has twice as many writes.
const PAGE: usize = 40;
const PAGES_MAX: usize = 1000;
const CAUSE: &str = "reviews.forget";

#[async_trait]
impl PersonalData for Reads {
    async fn export(&self, person: &Person) -> Result<Value, Problem> {
        let (table, user) = (&self.table, person.user_id);
        let eligibilities = storage::of_customer(user, storage::ELIGIBILITIES);
        let reminders = storage::of_customer(user, storage::REMINDERS);
        let votes = storage::of_customer(user, storage::VOTES);
        let lists = [
            ("reviews", all(table, storage::of_author(user), |review: Review| ReviewView::own(&review)).await?),
            ("eligibilities", all(table, eligibilities, EligibilityView::of).await?),
            ("reminders", all(table, reminders, |reminder: Reminder| reminder).await?),
            ("helpful_votes", all(table, votes, |vote: Vote| vote.review_id).await?),
            ("reports", all(table, storage::of_reporter(user), |report: Report| report).await?),
        ];
        let kept: Map<String, Value> =
            lists.into_iter().filter(|(_, list)| !list.is_empty()).map(|(name, list)| (name.to_owned(), list.into())).collect();
        Ok(if kept.is_empty() { Value::Null } else { kept.into() })
    }
}

async fn all<T: DeserializeOwned, V: Serialize>(table: &Table, listing: Query, view: impl Fn(T) -> V) -> Result<Vec<Value>, Problem> {
    let (mut views, mut next) = (Vec::new(), None);
    for _ in 0..PAGES_MAX {
        let page = table.list::<T>(listing.clone().limit(PAGE).after(next)).await?;
        for item in page.items {
            views.push(serde_json::to_value(view(item.value)).map_err(Problem::internal)?);
        }
        next = page.next;
        if next.is_none() {
            return Ok(views);
        }
    }
    Err(endless())
}

/// Removes all that an erased account has written, and what it could have written. Begun again, it goes on.
pub(crate) async fn forget(work: &UnitOfWork, user: UserId) -> Result<(), Problem> {
    remove_reviews(work, user).await?;
    delete_all(work, storage::of_customer(user, storage::ELIGIBILITIES), |_: &Eligibility| None).await?;
    delete_all(work, storage::of_customer(user, storage::REMINDERS), |_: &Reminder| None).await?;
    delete_all(work, storage::of_customer(user, storage::VOTES), |vote: &Vote| Some(vote.counted(-1))).await?;
    delete_all(work, storage::of_reporter(user), |_: &Report| None).await
}

/// What is removed leaves the listing, so that its first page is read until it is empty.
async fn remove_reviews(work: &UnitOfWork, user: UserId) -> Result<(), Problem> {
    let table = work.table();
    for _ in 0..PAGES_MAX {
        let page = table.list::<Review>(storage::of_author(user).limit(PAGE)).await?;
        if page.items.is_empty() {
            return Ok(());
        }
        for review in page.items {
            let load = |_| storage::existing(table, review.id);
            let remove = |state: State, _: &DecisionContext| match &state.review {
                Some(review) => state.moved(review.value.clone().remove()),
                None => Ok(Changes::none()),
            };
            work.run_job(CAUSE, load, remove).await?;
        }
    }
    Err(endless())
}

/// Deletes what a listing holds, with the write that follows from it.
async fn delete_all<T>(work: &UnitOfWork, listing: Query, follows: impl Fn(&T) -> Option<Write>) -> Result<(), Problem>
where
    T: Record + DeserializeOwned + Send,
{
    let load = |_| work.table().list::<T>(listing.clone().limit(PAGE));
    let delete = |page: Page<Stored<T>>, _: &DecisionContext| {
        let deleted = page.items.iter().fold(Changes::none(), |changes, item| {
            follows(item).into_iter().fold(changes.delete(item.key(), item.version), Changes::write)
        });
        Ok(deleted)
    };
    for _ in 0..PAGES_MAX {
        if !work.run_job(CAUSE, load, delete).await? {
            return Ok(());
        }
    }
    Err(endless())
}

fn endless() -> Problem {
    Problem::internal("a person has more in reviews than can be read")
}
