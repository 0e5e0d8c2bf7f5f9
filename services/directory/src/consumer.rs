//! What the directory does about events of others: it follows the ratings of businesses, and forgets people.

use contracts::{RatingChanged, UserErased};
use kernel::{BusinessId, LeadId, Problem, ReviewTarget, UserId};
use ports::store::{Query, Stored};
use serde::de::DeserializeOwned;
use shell::{Changes, Consumer, DecisionContext, Delivery, UnitOfWork};

use crate::business::Business;
use crate::business::membership::{Membership, MembershipCount};
use crate::business::rating::BusinessRating;
use crate::category::Tree;
use crate::claim::Claim;
use crate::editing;
use crate::lead::Lead;
use crate::lead::enquiry::Contact;
use crate::lead::storage as leads;
use crate::storage;

const CAUSE: &str = "directory.forget";

pub fn consumer(work: UnitOfWork) -> Consumer<UnitOfWork> {
    Consumer::new("directory", work)
        .on::<RatingChanged>(|work, delivery, changed| Box::pin(rate(work, delivery, changed)))
        .on::<UserErased>(|work, _, erased| Box::pin(forget(work, erased)))
}

async fn rate(work: &UnitOfWork, delivery: &Delivery, changed: &RatingChanged) -> Result<(), Problem> {
    let ReviewTarget::Business(id) = changed.target else { return Ok(()) };
    let follow = |before: Option<Stored<BusinessRating>>, _: &DecisionContext| {
        let version = before.as_ref().map(|before| before.version);
        Changes::put(version, BusinessRating::follow(before.map(|before| before.value), id, changed, delivery.envelope.sequence))
    };
    let key = storage::rating_key(id);
    work.handle_event_guarded(delivery, |_| work.table().get(&key), follow).await
}

/// Delivered again, or broken off and delivered again, it finds what is left: each step takes what it has done out of
/// the lists.
async fn forget(work: &UnitOfWork, erased: &UserErased) -> Result<(), Problem> {
    let user = erased.user_id;
    each(work, storage::memberships_query(user), |membership: Stored<Membership>| leave(work, user, membership.value.business_id)).await?;
    // A list may be behind. Whoever acts for a business still has to be counted, for the commit in which they leave it.
    let forget_count = |count: Option<Stored<MembershipCount>>, _: &DecisionContext| {
        let unused = count.filter(|count| count.businesses == 0);
        let delete = |count: Stored<_>| Changes::none().delete(storage::membership_count_key(user), count.version);
        Ok(unused.map_or_else(Changes::none, delete))
    };
    work.run_job(CAUSE, |_| editing::memberships(work.table(), user), forget_count).await?;
    // What somebody wrote to prove that a business is theirs. A business that they got by it was left before.
    work.delete_listed(CAUSE, storage::claims_of_user(user), |_: &Claim| None).await?;
    each(work, leads::leads_of_customer(user), |lead: Stored<Lead>| forget_lead(work, lead.value.id, user)).await?;
    match &erased.email {
        Some(email) => {
            each(work, leads::contacts_with_email(email), |contact: Stored<Contact>| forget_lead(work, contact.value.lead_id, user)).await
        }
        None => Ok(()),
    }
}

/// The business stays, without the person.
async fn leave(work: &UnitOfWork, user: UserId, business: BusinessId) -> Result<bool, Problem> {
    let leave = |(before, tree): (Stored<Business>, Stored<Tree>), context: &DecisionContext| {
        let decision = before.value.clone().forget_member(user, context.now);
        storage::save(Some(&before), None, &tree, decision)
    };
    work.run_job(CAUSE, |_| editing::load(work.table(), business), leave).await
}

/// Who asked, and what they wrote. What a business pays stays. An enquiry of somebody else who was signed in stays as
/// well, whatever address they gave.
async fn forget_lead(work: &UnitOfWork, id: LeadId, user: UserId) -> Result<bool, Problem> {
    let forget = |lead: Option<Stored<Lead>>, _: &DecisionContext| {
        let changes = Changes::none().delete_derived(leads::contact_key(id));
        let Some(lead) = lead else { return Ok(changes) };
        if lead.customer_id.is_some_and(|customer| customer != user) {
            return Ok(Changes::none());
        }
        Ok(match lead.value.forget_customer() {
            Some(decision) => changes.and(Changes::update(lead.version, decision)?),
            None => changes.delete(leads::lead_key(id), lead.version),
        })
    };
    let key = leads::lead_key(id);
    work.run_job(CAUSE, |_| work.table().get(&key), forget).await
}

/// Takes one step for each item of a listing.
async fn each<T, F>(work: &UnitOfWork, listing: Query, step: impl Fn(Stored<T>) -> F) -> Result<(), Problem>
where
    T: DeserializeOwned,
    F: Future<Output = Result<bool, Problem>>,
{
    for item in work.table().list_all::<T>(listing).await? {
        step(item).await?;
    }
    Ok(())
}
