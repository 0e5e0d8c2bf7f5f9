//! How mails are kept.
//!
//! | What is asked | How |
//! |---|---|
//! | a mail by its id | table: `mails#<last digit of the id>`, `<mail id>` |
//! | the log, newest first | the sixteen partitions of the table, merged by id |
//! | the mails to an address, newest first | index 1: `to#<address>`, `<mail id>`; those to the shop itself from the log |
//! | the mails that failed or were suppressed, newest first | index 2: `status#<status>`, `<mail id>` |
//! | whether an address refuses mail | table: `suppression#<address>`, `suppression` |
//!
//! A mail's id begins with its time, so the table itself is the log. It is spread over sixteen
//! partitions because every order writes three mails, and one partition takes a thousand writes a
//! second on DynamoDB. Index 1 has no entry for the mails that the shop writes to itself with each order, index 2 none
//! for the mails that need nobody's attention.

use std::cmp::Reverse;

use kernel::{Cursor, Email, MailId, Page, Problem, Timestamp};
use ports::store::{Bounds, IndexEntry, Key, Query, Record, Stored, TableSchema};
use shell::Table;

use crate::mail::{MailRecord, MailStatus, Suppression};
use crate::message::Template;

pub const TABLE: TableSchema = TableSchema { name: "notifications", indexes: 2 };

const PARTITIONS: u8 = 16;
const BY_ADDRESS: u8 = 1;
const BY_TROUBLE: u8 = 2;
/// How many mails one request looks at to find those that pass its filters.
const LOOKED_AT_MAX: usize = 2000;
/// How many pages of the store make one listing of at most 100 mails: large mails and expired ones end a page early.
const PAGES_MAX: usize = 100;

impl Record for MailRecord {
    fn key(&self) -> Key {
        mail_key(self.id)
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        let mut entries = Vec::new();
        if !self.template().is_to_the_shop() {
            entries.push(IndexEntry::new(BY_ADDRESS, by_address(&self.to), self.id.to_string()));
        }
        if let Some(pk) = by_trouble(self.status) {
            entries.push(IndexEntry::new(BY_TROUBLE, pk, self.id.to_string()));
        }
        entries
    }

    fn expires_at(&self) -> Option<Timestamp> {
        Some(self.expires_at)
    }
}

impl Record for Suppression {
    fn key(&self) -> Key {
        suppression_key(&self.address)
    }

    fn expires_at(&self) -> Option<Timestamp> {
        Some(self.expires_at)
    }
}

pub fn mail_key(id: MailId) -> Key {
    Key::new(partition((id.0 % u128::from(PARTITIONS)) as u8), id.to_string())
}

pub fn suppression_key(address: &Email) -> Key {
    Key::new(format!("suppression#{address}"), "suppression")
}

fn partition(number: u8) -> String {
    format!("mails#{number:x}")
}

fn by_address(address: &Email) -> String {
    format!("to#{address}")
}

fn by_trouble(status: MailStatus) -> Option<&'static str> {
    match status {
        MailStatus::Failed => Some("status#failed"),
        MailStatus::Suppressed => Some("status#suppressed"),
        MailStatus::Captured | MailStatus::Queued | MailStatus::Sent => None,
    }
}

/// For deciding.
pub async fn mail(table: &Table, id: MailId) -> Result<Stored<MailRecord>, Problem> {
    table.find(&mail_key(id)).await?.ok_or_else(|| Problem::not_found("mail of this id"))
}

/// For showing.
pub async fn peek(table: &Table, id: MailId) -> Result<Stored<MailRecord>, Problem> {
    table.peek(&mail_key(id)).await?.ok_or_else(|| Problem::not_found("mail of this id"))
}

pub async fn is_written(table: &Table, id: MailId) -> Result<bool, Problem> {
    Ok(table.find::<MailRecord>(&mail_key(id)).await?.is_some())
}

/// Which mails of the log are wanted.
#[derive(Debug, Clone)]
pub struct Filter {
    pub template: Option<Template>,
    pub status: Option<MailStatus>,
    pub to: Option<Email>,
    /// Where the shop's mails to itself go.
    pub shop: Email,
}

impl Filter {
    fn admits(&self, mail: &MailRecord) -> bool {
        self.template.is_none_or(|template| template == mail.template())
            && self.status.is_none_or(|status| status == mail.status)
            && self.to.as_ref().is_none_or(|to| *to == mail.to)
    }

    /// The listings that together hold every mail that passes.
    fn queries(&self) -> Vec<Query> {
        if let Some(to) = &self.to
            && *to != self.shop
        {
            return vec![Query::index(BY_ADDRESS, by_address(to))];
        }
        match self.status.and_then(by_trouble) {
            Some(pk) => vec![Query::index(BY_TROUBLE, pk)],
            None => (0..PARTITIONS).map(|number| Query::table(partition(number))).collect(),
        }
    }
}

/// One page of the log, newest first. Where few mails pass the filter a page may hold fewer than
/// `limit`, and still have a next one. The cursor is the id of the last mail that was looked at.
pub async fn log(table: &Table, filter: &Filter, limit: usize, cursor: Option<Cursor>) -> Result<Page<MailRecord>, Problem> {
    let mut last = match cursor {
        Some(Cursor(text)) => Some(text.parse::<MailId>().map_err(|_| Problem::from(ports::store::StoreError::Cursor))?),
        None => None,
    };
    let mut items = Vec::new();
    let mut looked_at = 0;
    while looked_at < LOOKED_AT_MAX {
        let batch = older_than(table, filter, limit, last).await?;
        let ended = batch.len() < limit;
        for mail in batch {
            looked_at += 1;
            last = Some(mail.id);
            if filter.admits(&mail) {
                items.push(mail);
            }
            if items.len() == limit {
                return Ok(Page { items, next: last.map(to_cursor) });
            }
        }
        if ended {
            return Ok(Page { items, next: None });
        }
    }
    Ok(Page { items, next: last.map(to_cursor) })
}

fn to_cursor(id: MailId) -> Cursor {
    Cursor(id.to_string())
}

/// The newest `limit` mails before `last`, of all listings of the filter; fewer only at the end of the log.
async fn older_than(table: &Table, filter: &Filter, limit: usize, last: Option<MailId>) -> Result<Vec<MailRecord>, Problem> {
    let mut found: Vec<MailRecord> = Vec::new();
    for query in filter.queries() {
        let query = match last {
            Some(MailId(0)) => continue,
            Some(MailId(last)) => query.bounds(Bounds::AtMost(MailId(last - 1).to_string())),
            None => query,
        };
        newest(table, query.descending().limit(limit), &mut found).await?;
    }
    found.sort_by_key(|mail| Reverse(mail.id));
    found.truncate(limit);
    Ok(found)
}

/// Adds the first `query.limit` mails of a listing, although a page of the store may end early.
async fn newest(table: &Table, query: Query, found: &mut Vec<MailRecord>) -> Result<(), Problem> {
    let wanted = found.len() + query.limit;
    let mut cursor = None;
    for _ in 0..PAGES_MAX {
        let page = table.list::<MailRecord>(query.clone().after(cursor)).await?;
        found.extend(page.items.into_iter().map(|stored| stored.value));
        cursor = page.next;
        if found.len() >= wanted || cursor.is_none() {
            return Ok(());
        }
    }
    Err(Problem::unavailable("the log of mails holds too many expired ones just now"))
}
