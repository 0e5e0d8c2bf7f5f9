//! What notifications keep of a person: the mails to the address, and whether it refuses mail.

use async_trait::async_trait;
use kernel::{Email, Problem};
use ports::{Person, PersonalData};
use serde_json::{Value, json};
use shell::{Changes, DecisionContext, Table, UnitOfWork};

use crate::mail::MailRecord;
use crate::mailing::Mailing;
use crate::storage;

const CAUSE: &str = "notifications.forget";

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
        let mailings = self.table.list_all::<Mailing>(storage::to_person(email)).await?;
        let mails: Vec<_> = mailings
            .iter()
            .flat_map(|mailing| mailing.all())
            .map(|MailRecord { origin, mail, .. }| {
                json!({ "at": origin.created_at, "mail": mail.message, "status": mail.status, "order": origin.order })
            })
            .collect();
        Ok(if mails.is_empty() { Value::Null } else { json!({ "mails": mails }) })
    }
}

/// Deletes the mails to an address, and that it refuses mail. Delivered again, it finds what is left.
pub async fn forget(work: &UnitOfWork, address: &Email) -> Result<(), Problem> {
    work.delete_listed(CAUSE, storage::to_person(address), |_: &Mailing| None).await?;
    let delete = |(), _: &DecisionContext| Ok(Changes::none().delete_derived(storage::suppression_key(address)));
    work.run_job(CAUSE, async |_| Ok(()), delete).await.map(|_| ())
}
