//! What is counted of enquiries: of a person, of a client and of a business within a while, and of a business in a month.

use contracts::Decision;
use kernel::{BusinessId, Duration, LeadId, Timestamp};
use serde::{Deserialize, Serialize};

use super::error::LeadError;

const DAY: Duration = Duration::from_secs(24 * 3600);
const HOUR: Duration = Duration::from_secs(3600);
/// Of one person, to whichever business.
const OF_PERSON: Limit = Limit { most: 10, within: DAY };
/// From one address of the network to one business. Where there is a cap, they may not use up more than a quarter of it,
/// once that is more than the few that are charged anyway.
const OF_CLIENT: Limit = Limit { most: 30, within: DAY };
const CLIENTS_PART_OF_CAP: u32 = 4;
/// To one business, whoever asks.
const OF_BUSINESS: Limit = Limit { most: 100, within: HOUR };
/// So many enquiries of a client to a business within a day are charged although nobody has shown that the address is theirs.
const UNCONFIRMED_CHARGED_MAX: u32 = 5;
/// The same person who asks the same business again within it is not charged again.
const DUPLICATE_WITHIN: Duration = Duration::from_secs(30 * 24 * 3600);

/// That somebody has asked a business lately, by a keyed hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    pub hash: String,
    pub business_id: BusinessId,
    pub lead_id: LeadId,
    pub expires_at: Timestamp,
}

/// How many enquiries are taken within a while, which begins with the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    most: u32,
    within: Duration,
}

/// What a limit counts, by a keyed hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Counted {
    Person(String),
    /// At one business.
    Client(String),
    Business(String),
}

/// How often somebody has asked, or a business was asked, lately.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskedLately {
    pub hash: String,
    pub count: u32,
    pub expires_at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Month {
    pub business_id: BusinessId,
    /// `2026-11`, UTC.
    pub month: String,
    pub delivered: u32,
}

impl Asked {
    pub fn note(hash: String, business_id: BusinessId, lead_id: LeadId, now: Timestamp) -> Decision<Self> {
        Decision::changed(Self { hash, business_id, lead_id, expires_at: now.plus(DUPLICATE_WITHIN) })
    }
}

impl Counted {
    pub fn hash(&self) -> &str {
        match self {
            Self::Person(hash) | Self::Client(hash) | Self::Business(hash) => hash,
        }
    }

    pub fn limit(&self, monthly_cap: Option<u32>) -> Limit {
        match self {
            Self::Person(_) => OF_PERSON,
            Self::Client(_) => {
                let part = monthly_cap.map_or(OF_CLIENT.most, |cap| (cap / CLIENTS_PART_OF_CAP).max(UNCONFIRMED_CHARGED_MAX));
                Limit { most: OF_CLIENT.most.min(part), ..OF_CLIENT }
            }
            Self::Business(_) => OF_BUSINESS,
        }
    }
}

impl AskedLately {
    pub fn count(before: Option<Self>, hash: &str, limit: Limit, now: Timestamp) -> Result<Decision<Self>, LeadError> {
        match before {
            Some(lately) if lately.count >= limit.most => Err(LeadError::TooMany { retry_after: lately.expires_at.since(now) }),
            Some(lately) => Ok(Decision::changed(Self { count: lately.count + 1, ..lately })),
            None => Ok(Decision::changed(Self { hash: hash.to_owned(), count: 1, expires_at: now.plus(limit.within) })),
        }
    }

    /// Whether a client has sent a business so few that another one is charged like that of a known person.
    pub fn are_few(before: Option<&Self>) -> bool {
        before.is_none_or(|lately| lately.count < UNCONFIRMED_CHARGED_MAX)
    }
}

impl Month {
    pub fn count(before: Option<Self>, business_id: BusinessId, now: Timestamp) -> Decision<Self> {
        let delivered = before.map_or(0, |before| before.delivered);
        Decision::changed(Self { business_id, month: Self::name(now), delivered: delivered + 1 })
    }

    /// `2026-11`, UTC.
    pub fn name(at: Timestamp) -> String {
        at.to_string().chars().take(7).collect()
    }
}
