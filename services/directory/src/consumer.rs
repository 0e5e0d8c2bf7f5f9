//! What the directory does about events of others: it follows the ratings of businesses, and forgets people.

use contracts::{RatingChanged, UserErased};
use kernel::{BusinessId, Problem, ReviewTarget, UserId};
use ports::store::{Query, Stored};
use serde::de::DeserializeOwned;
use shell::{Changes, Consumer, DecisionContext, Delivery, UnitOfWork};

use crate::business::membership::{Membership, MembershipCount};
use crate::business::rating::BusinessRating;
use crate::business::{Business, editing};
use crate::category::Tree;
use crate::claim::Claim;
use crate::lead::Lead;
use crate::storage;

const CAUSE: &str = "directory.forget";
/// Items that are forgotten in one step.
const AT_ONCE: usize = 20;
/// Steps in which one kind of item is forgotten; more than anybody could have made.
const STEPS_MAX: usize = 10_000;

pub fn consumer(work: UnitOfWork) -> Consumer<UnitOfWork> {
    Consumer::new("directory", work)
        .on::<RatingChanged>(|work, delivery, changed| Box::pin(rate(work, delivery, changed)))
        .on::<UserErased>(|work, _, erased| Box::pin(forget(work, erased.user_id)))
}

async fn rate(work: &UnitOfWork, delivery: &Delivery, changed: &RatingChanged) -> Result<(), Problem> {
    let ReviewTarget::Business(id) = changed.target else { return Ok(()) };
    let follow = |before: Option<Stored<BusinessRating>>, _: &DecisionContext| {
        let rating = before.as_ref().map(|before| before.value.clone());
        storage::put(before.as_ref(), BusinessRating::follow(rating, id, changed, delivery.envelope.sequence))
    };
    let key = storage::rating_key(id);
    work.handle_event_guarded(delivery, |_| work.table().get(&key), follow).await
}

/// Delivered again, or broken off and delivered again, it finds what is left: each step takes what it has done out of
/// the list that the next one reads.
async fn forget(work: &UnitOfWork, user: UserId) -> Result<(), Problem> {
    leave(work, user).await?;
    forget_claims(work, user).await?;
    forget_leads(work, user).await
}

/// The businesses stay, without the person.
async fn leave(work: &UnitOfWork, user: UserId) -> Result<(), Problem> {
    let mut cursor = None;
    for _ in 0..STEPS_MAX {
        let page = work.table().list::<Membership>(storage::memberships_query(user).limit(AT_ONCE).after(cursor)).await?;
        for membership in page.items {
            leave_one(work, user, membership.business_id).await?;
        }
        cursor = page.next;
        if cursor.is_none() {
            let forget = |count: Option<Stored<MembershipCount>>, _: &DecisionContext| {
                let none = Changes::none();
                Ok(count.map_or_else(Changes::none, |count| none.delete(storage::membership_count_key(user), count.version)))
            };
            work.run_job(CAUSE, |_| editing::memberships(work.table(), user), forget).await?;
            return Ok(());
        }
    }
    Err(endless())
}

async fn leave_one(work: &UnitOfWork, user: UserId, business: BusinessId) -> Result<(), Problem> {
    let leave = |(before, tree): (Stored<Business>, Stored<Tree>), context: &DecisionContext| {
        let decision = before.value.clone().forget_member(user, context.now);
        storage::save(Some(&before), None, &tree, decision)
    };
    work.run_job(CAUSE, |_| editing::load(work.table(), business), leave).await?;
    Ok(())
}

/// What somebody wrote to prove that a business is theirs. A business that they got by it was left before.
async fn forget_claims(work: &UnitOfWork, user: UserId) -> Result<(), Problem> {
    let load = |_| first::<Claim>(work, storage::claims_of_user(user));
    let forget = |claims: Vec<Stored<Claim>>, _: &DecisionContext| {
        Ok(claims.iter().fold(Changes::none(), |changes, claim| changes.delete(storage::claim_key(claim.id), claim.version)))
    };
    in_steps(|| work.run_job(CAUSE, load, forget)).await
}

/// The enquiries that somebody sent while they were signed in: who asked, and what they wrote. What a business pays stays.
async fn forget_leads(work: &UnitOfWork, user: UserId) -> Result<(), Problem> {
    let load = |_| first::<Lead>(work, storage::leads_of_customer(user));
    let forget = |leads: Vec<Stored<Lead>>, _: &DecisionContext| {
        leads.iter().try_fold(Changes::none(), |changes, lead| {
            let changes = changes.delete_derived(storage::contact_key(lead.id));
            Ok(match lead.value.clone().forget_customer() {
                Some(decision) => changes.and(Changes::update(lead.version, decision)?),
                None => changes.delete(storage::lead_key(lead.id), lead.version),
            })
        })
    };
    in_steps(|| work.run_job(CAUSE, load, forget)).await
}

async fn first<T: DeserializeOwned>(work: &UnitOfWork, query: Query) -> Result<Vec<Stored<T>>, Problem> {
    Ok(work.table().list::<T>(query.limit(AT_ONCE)).await?.items)
}

/// Runs the step until it changes nothing any more.
async fn in_steps<F: Future<Output = Result<bool, Problem>>>(step: impl Fn() -> F) -> Result<(), Problem> {
    for _ in 0..STEPS_MAX {
        if !step().await? {
            return Ok(());
        }
    }
    Err(endless())
}

fn endless() -> Problem {
    Problem::internal(format!("there is more to forget than {STEPS_MAX} steps take"))
}
