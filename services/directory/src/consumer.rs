//! What the directory forgets when somebody has their account erased.

use contracts::UserErased;
use kernel::{BusinessId, Problem, UserId};
use ports::store::{Query, Stored};
use serde::de::DeserializeOwned;
use shell::{Changes, Consumer, DecisionContext, UnitOfWork};

use crate::business::Business;
use crate::category::Tree;
use crate::claim::Claim;
use crate::editing;
use crate::lead::Lead;
use crate::storage::{self, Membership};

const CAUSE: &str = "directory.forget";
/// Items that are forgotten in one step.
const AT_ONCE: usize = 20;

pub fn consumer(work: UnitOfWork) -> Consumer<UnitOfWork> {
    Consumer::new("directory", work).on::<UserErased>(|work, _, erased| Box::pin(forget(work, erased.user_id)))
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
    loop {
        let page = work.table().list::<Membership>(storage::memberships_query(user).limit(AT_ONCE).after(cursor)).await?;
        for membership in page.items {
            leave_one(work, user, membership.business_id).await?;
        }
        cursor = page.next;
        if cursor.is_none() {
            return Ok(());
        }
    }
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
    while work.run_job(CAUSE, load, forget).await? {}
    Ok(())
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
    while work.run_job(CAUSE, load, forget).await? {}
    Ok(())
}

async fn first<T: DeserializeOwned>(work: &UnitOfWork, query: Query) -> Result<Vec<Stored<T>>, Problem> {
    Ok(work.table().list::<T>(query.limit(AT_ONCE)).await?.items)
}
