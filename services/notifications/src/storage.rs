//! How mails are kept.
//!
//! | What is asked | How |
//! |---|---|
//! | a mail by its id | table: `mails#<a digit of the mailing's id>`, `<mailing id>`, which begins the ids of its mails |
//! | the log, newest first | the sixteen partitions of the table, merged by id |
//! | the mails to an address, newest first | index 1: `to#<address>`, `<mailing id>`; those to the house from the log |
//! | the mails that failed or were suppressed, newest first | index 2: `trouble`, `<mailing id>` |
//! | whether an address refuses mail | table: `suppression#<address>`, `suppression` |
//!
//! A mailing's id begins with its time, so the table itself is the log. It is spread over sixteen
//! partitions because every order writes one, and one partition takes a thousand writes a
//! second on DynamoDB. Index 1 has the person that a mailing is for, not the house, index 2 no mailing
//! without a mail that needs attention.

use kernel::{Cursor, Email, MailId, Page, Problem, Timestamp};
use ports::store::{IndexEntry, Key, Query, Record, StoreError, Stored, TableSchema};
use shell::Table;

use crate::mail::{Mail, MailRecord, MailStatus, Suppression};
use crate::mailing::{Mailing, mailing_of};
use crate::mails::{Reader, Template};

pub const TABLE: TableSchema = TableSchema { name: "notifications", indexes: 2 };

const PARTITIONS: u8 = 16;
const BY_ADDRESS: u8 = 1;
const BY_TROUBLE: u8 = 2;
const TROUBLE: &str = "trouble";
/// Behind the bits that are a mail's place in its mailing.
const PLACE_DIGIT_BITS: u32 = 4;
/// How many mails one request looks at to find those that pass its filters.
const LOOKED_AT_MAX: usize = 2000;

impl Record for Mailing {
    fn key(&self) -> Key {
        mailing_key(self.id)
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        let mut entries = Vec::new();
        if let Some(person) = self.mails.iter().find(|mail| mail.message.reader() != Reader::House) {
            entries.push(IndexEntry::new(BY_ADDRESS, by_address(&person.to), self.id.to_string()));
        }
        if self.mails.iter().any(|mail| is_trouble(mail.status)) {
            entries.push(IndexEntry::new(BY_TROUBLE, TROUBLE, self.id.to_string()));
        }
        entries
    }

    fn expires_at(&self) -> Option<Timestamp> {
        Some(self.origin.expires_at)
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

/// The mailings to a person, newest first.
pub fn to_person(address: &Email) -> Query {
    Query::index(BY_ADDRESS, by_address(address)).descending()
}

pub fn mailing_key(id: MailId) -> Key {
    let digit = (id.0 >> PLACE_DIGIT_BITS) % u128::from(PARTITIONS);
    Key::new(partition(digit as u8), id.to_string())
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

fn is_trouble(status: MailStatus) -> bool {
    match status {
        MailStatus::Failed | MailStatus::Suppressed => true,
        MailStatus::Captured | MailStatus::Queued | MailStatus::Sent => false,
    }
}

/// The mailing of a mail, for deciding.
pub async fn mailing(table: &Table, mail: MailId) -> Result<Stored<Mailing>, Problem> {
    table.get(&mailing_key(mailing_of(mail))).await?.ok_or_else(missing)
}

/// A mail for showing, with the version of its mailing.
pub async fn peek(table: &Table, id: MailId) -> Result<Stored<MailRecord>, Problem> {
    let found: Option<Stored<Mailing>> = table.get_eventual(&mailing_key(mailing_of(id))).await?;
    let mailing = found.ok_or_else(missing)?;
    Ok(Stored { value: mailing.mail(id).ok_or_else(missing)?, version: mailing.version })
}

pub async fn is_written(table: &Table, mailing: MailId) -> Result<bool, Problem> {
    Ok(table.get::<Mailing>(&mailing_key(mailing)).await?.is_some())
}

/// At half the price, and for a moment still no after it was written.
pub async fn is_known_to_be_written(table: &Table, mailing: MailId) -> Result<bool, Problem> {
    Ok(table.get_eventual::<Mailing>(&mailing_key(mailing)).await?.is_some())
}

pub fn missing() -> Problem {
    Problem::not_found("mail of this id")
}

/// Which mails of the log are wanted.
#[derive(Debug, Clone)]
pub struct Filter {
    pub template: Option<Template>,
    pub status: Option<MailStatus>,
    pub to: Option<Email>,
    /// Where the mails to the house go.
    pub house: Email,
}

impl Filter {
    fn admits(&self, mail: &Mail) -> bool {
        self.template.is_none_or(|template| template == mail.message.template())
            && self.status.is_none_or(|status| status == mail.status)
            && self.to.as_ref().is_none_or(|to| *to == mail.to)
    }

    /// The listings whose mailings together hold every mail that passes.
    fn queries(&self) -> Vec<Query> {
        if let Some(to) = &self.to
            && *to != self.house
        {
            return vec![to_person(to)];
        }
        match self.status {
            Some(status) if is_trouble(status) => vec![Query::index(BY_TROUBLE, TROUBLE)],
            Some(_) | None => (0..PARTITIONS).map(|number| Query::table(partition(number))).collect(),
        }
    }
}

/// One page of the log, newest first. Where few mails pass the filter a page may hold fewer than
/// `limit`, and still have a next one. The cursor is the id of the last mail that was looked at.
pub async fn log(table: &Table, filter: &Filter, limit: usize, cursor: Option<Cursor>) -> Result<Page<MailRecord>, Problem> {
    let mut last = match &cursor {
        Some(Cursor(text)) => Some(text.parse::<MailId>().map_err(|_| Problem::from(StoreError::Cursor))?),
        None => None,
    };
    let mut passed = Page { items: Vec::new(), next: cursor };
    let mut looked_at = 0;
    while looked_at < LOOKED_AT_MAX {
        let mailings = table.merge_desc(filter.queries(), |mailing: &Mailing| mailing.id.to_string(), limit, passed.next.take()).await?;
        let all = mailings.items.iter().flat_map(|mailing| mailing.all().rev());
        let mut records = all.filter(|record| last.is_none_or(|last| record.id < last));
        while let Some(record) = records.next() {
            looked_at += 1;
            if !filter.admits(&record.mail) {
                continue;
            }
            let place = Cursor(record.id.to_string());
            passed.items.push(record);
            if passed.items.len() == limit {
                passed.next = if records.next().is_some() { Some(place) } else { mailings.next };
                return Ok(passed);
            }
        }
        drop(records);
        last = None;
        passed.next = mailings.next;
        if passed.next.is_none() {
            break;
        }
    }
    Ok(passed)
}
