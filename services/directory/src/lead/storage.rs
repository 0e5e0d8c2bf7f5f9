//! Keys and queries of leads. The table is described in the `storage.rs` of the service.

use kernel::{BusinessId, Email, LeadId, Problem, Timestamp, UserId};
use ports::store::{IndexEntry, Key, Query, Record, Stored};
use shell::Table;

use super::enquiry::Contact;
use super::limits::{Asked, AskedLately, Month};
use super::{Lead, LeadError, Status};
use crate::sort_key::time_sk;

const CONTACTS: u8 = 1;
const LEADS_OF_BUSINESS: u8 = 1;
const LEADS_BY_STATUS: u8 = 2;
const LEADS_OF_CUSTOMER: u8 = 3;

pub fn lead_key(id: LeadId) -> Key {
    Key::new(format!("lead#{id}"), "lead")
}

pub fn contact_key(id: LeadId) -> Key {
    Key::new(format!("lead#{id}"), "contact")
}

pub fn asked_key(hash: &str, business: BusinessId) -> Key {
    Key::new(format!("sender#{hash}"), business.to_string())
}

pub fn asked_lately_key(hash: &str) -> Key {
    Key::new(format!("sender#{hash}"), "lately")
}

pub fn month_key(business: BusinessId, month: &str) -> Key {
    Key::new(format!("month#{business}"), month)
}

impl Record for Lead {
    fn key(&self) -> Key {
        lead_key(self.id)
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        let sk = time_sk(self.asked_at, self.id);
        let mut entries = vec![IndexEntry::new(LEADS_BY_STATUS, leads_pk(self.status), sk.clone())];
        if let Some(customer) = self.customer_id {
            entries.push(IndexEntry::new(LEADS_OF_CUSTOMER, leads_of_customer_pk(customer), sk.clone()));
        }
        if self.is_delivered() {
            entries.push(IndexEntry::new(LEADS_OF_BUSINESS, format!("leads#{}", self.business_id), sk));
        }
        entries
    }
}

impl Record for Contact {
    fn key(&self) -> Key {
        contact_key(self.lead_id)
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        vec![IndexEntry::new(CONTACTS, contacts_pk(&self.email), self.lead_id.to_string())]
    }
}

impl Record for Asked {
    fn key(&self) -> Key {
        asked_key(&self.hash, self.business_id)
    }

    fn expires_at(&self) -> Option<Timestamp> {
        Some(self.expires_at)
    }
}

impl Record for AskedLately {
    fn key(&self) -> Key {
        asked_lately_key(&self.hash)
    }

    fn expires_at(&self) -> Option<Timestamp> {
        Some(self.expires_at)
    }
}

impl Record for Month {
    fn key(&self) -> Key {
        month_key(self.business_id, &self.month)
    }
}

pub fn leads_of_customer(user: UserId) -> Query {
    Query::index(LEADS_OF_CUSTOMER, leads_of_customer_pk(user))
}

pub fn contacts_with_email(email: &Email) -> Query {
    Query::index(CONTACTS, contacts_pk(email))
}

pub fn leads_of_business(id: BusinessId) -> Query {
    Query::index(LEADS_OF_BUSINESS, format!("leads#{id}")).descending()
}

pub fn leads_in_status(status: Status) -> Query {
    Query::index(LEADS_BY_STATUS, leads_pk(status)).descending()
}

pub async fn lead(table: &Table, id: LeadId) -> Result<Stored<Lead>, Problem> {
    Ok(table.get(&lead_key(id)).await?.ok_or(LeadError::NotFound)?)
}

fn leads_of_customer_pk(user: UserId) -> String {
    format!("leads#customer#{user}")
}

fn contacts_pk(email: &Email) -> String {
    format!("contacts#{}", email.as_str().to_ascii_lowercase())
}

fn leads_pk(status: Status) -> String {
    format!("leads#status#{status}")
}
