//! What the directory does about events of others: it follows the ratings of businesses, and forgets people.

use contracts::{RatingChanged, UserErased};
use kernel::{BusinessId, ClaimId, LeadId, Problem, ReviewTarget, UserId};
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
/// Items that are listed together.
const AT_ONCE: usize = 100;
/// Pages of one kind of item: more than anybody could have made.
const PAGES_MAX: usize = 1_000;

pub fn consumer(work: UnitOfWork) -> Consumer<UnitOfWork> {
    Consumer::new("directory", work)
        .on::<RatingChanged>(|work, delivery, changed| Box::pin(rate(work, delivery, changed)))
        .on::<UserErased>(|work, _, erased| Box::pin(forget(work, erased)))
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
/// the lists.
async fn forget(work: &UnitOfWork, erased: &UserErased) -> Result<(), Problem> {
    let user = erased.user_id;
    each(work, storage::memberships_query(user), |membership: Stored<Membership>| leave(work, user, membership.value.business_id)).await?;
    let forget_count = |count: Option<Stored<MembershipCount>>, _: &DecisionContext| {
        let delete = |count: Stored<_>| Changes::none().delete(storage::membership_count_key(user), count.version);
        Ok(count.map_or_else(Changes::none, delete))
    };
    work.run_job(CAUSE, |_| editing::memberships(work.table(), user), forget_count).await?;
    each(work, storage::claims_of_user(user), |claim: Stored<Claim>| forget_claim(work, claim.value.id)).await?;
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

/// What somebody wrote to prove that a business is theirs. A business that they got by it was left before.
async fn forget_claim(work: &UnitOfWork, id: ClaimId) -> Result<bool, Problem> {
    let forget = |claim: Option<Stored<Claim>>, _: &DecisionContext| {
        Ok(claim.map_or_else(Changes::none, |claim| Changes::none().delete(storage::claim_key(id), claim.version)))
    };
    let key = storage::claim_key(id);
    work.run_job(CAUSE, |_| work.table().get(&key), forget).await
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
    let mut cursor = None;
    for _ in 0..PAGES_MAX {
        let page = work.table().list::<T>(listing.clone().limit(AT_ONCE).after(cursor)).await?;
        for item in page.items {
            step(item).await?;
        }
        cursor = page.next;
        if cursor.is_none() {
            return Ok(());
        }
    }
    Err(Problem::internal(format!("a person has more than {PAGES_MAX} pages of one kind of item")))
}
