//! What notifications keep of a person: the mails to the address, and whether it refuses mail.

use async_trait::async_trait;
use kernel::{Email, Problem};
use ports::store::{Key, Query, Stored};
use ports::{Person, PersonalData};
use serde_json::{Value, json};
use shell::{Changes, DecisionContext, Table, UnitOfWork};

use crate::mail::{MailRecord, Suppression};
use crate::mailing::Mailing;
use crate::storage;

/// Mailings that are read, or deleted in one commit.
const PAGE: usize = 50;
const PAGES_MAX: usize = 200;

pub struct Reads {
    table: Table,
}

impl Reads {
    pub fn new(work: &UnitOfWork) -> Self {
        Self { table: work.table().clone() }
    }
}

#[async_trait]
impl PersonalData for Reads {
    async fn export(&self, person: &Person) -> Result<Value, Problem> {
        let Some(email) = &person.verified_email else { return Ok(Value::Null) };
        let mut mails = Vec::new();
        let mut cursor = None;
        for _ in 0..PAGES_MAX {
            let page = self.table.list::<Mailing>(storage::to_person(email).limit(PAGE).after(cursor)).await?;
            mails.extend(page.items.iter().flat_map(|mailing| mailing.all()).map(|MailRecord { origin, mail, .. }| {
                json!({ "at": origin.created_at, "mail": mail.message, "status": mail.status, "order": origin.order })
            }));
            cursor = page.next;
            if cursor.is_none() {
                return Ok(if mails.is_empty() { Value::Null } else { json!({ "mails": mails }) });
            }
        }
        Err(Problem::internal(format!("{} has more than {} mailings", person.user_id, PAGES_MAX * PAGE)))
    }
}

/// Deletes the mails to an address. Delivered again, it finds what is left.
pub async fn forget(work: &UnitOfWork, address: &Email) -> Result<(), Problem> {
    let load = async |_| first(work.table(), storage::to_person(address)).await;
    let delete = |mailings: Vec<Stored<Mailing>>, _: &DecisionContext| {
        Ok(mailings.iter().fold(Changes::none(), |changes, mailing| changes.delete(storage::mailing_key(mailing.id), mailing.version)))
    };
    for _ in 0..PAGES_MAX {
        if !work.run_job("notifications.forget", load, delete).await? {
            return forget_suppression(work, storage::suppression_key(address)).await;
        }
    }
    Err(Problem::unavailable("there are more mails to the address; the next delivery deletes them"))
}

/// Those that are left under the index, read for deciding: the index may still show what is gone.
async fn first(table: &Table, query: Query) -> Result<Vec<Stored<Mailing>>, Problem> {
    let listed = table.list::<Mailing>(query.limit(PAGE)).await?;
    let keys: Vec<Key> = listed.items.iter().map(|mailing| storage::mailing_key(mailing.id)).collect();
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    Ok(table.get_many::<Mailing>(&keys).await?.into_iter().flatten().collect())
}

async fn forget_suppression(work: &UnitOfWork, key: Key) -> Result<(), Problem> {
    let delete = |found: Option<Stored<Suppression>>, _: &DecisionContext| {
        Ok(found.map_or_else(Changes::none, |found| Changes::none().delete(key.clone(), found.version)))
    };
    work.run_job("notifications.forget", async |_| work.table().get::<Suppression>(&key).await, delete).await?;
    Ok(())
}
