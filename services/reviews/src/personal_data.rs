//! What reviews keep of a person: a copy of it, and its erasure.

use async_trait::async_trait;
use kernel::{Problem, UserId};
use ports::store::Query;
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
    let listed = table.list_all(listing).await?.into_iter();
    listed.map(|item| serde_json::to_value(view(item.value)).map_err(Problem::internal)).collect()
}

/// Removes all that an erased account has written, and what it could have written. Begun again, it goes on.
pub(crate) async fn forget(work: &UnitOfWork, user: UserId) -> Result<(), Problem> {
    remove_reviews(work, user).await?;
    work.delete_listed(CAUSE, storage::of_customer(user, storage::ELIGIBILITIES), |_: &Eligibility| None).await?;
    work.delete_listed(CAUSE, storage::of_customer(user, storage::REMINDERS), |_: &Reminder| None).await?;
    work.delete_listed(CAUSE, storage::of_customer(user, storage::VOTES), |vote: &Vote| Some(vote.counted(-1))).await?;
    work.delete_listed(CAUSE, storage::of_reporter(user), |_: &Report| None).await
}

async fn remove_reviews(work: &UnitOfWork, user: UserId) -> Result<(), Problem> {
    let table = work.table();
    for review in table.list_all::<Review>(storage::of_author(user)).await? {
        let load = |_| storage::existing(table, review.id);
        let remove = |state: State, _: &DecisionContext| match &state.review {
            Some(review) => state.moved(review.value.clone().remove()),
            None => Ok(Changes::none()),
        };
        work.run_job(CAUSE, load, remove).await?;
    }
    Ok(())
}
