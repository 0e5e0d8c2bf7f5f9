//! What is counted of enquiries: of a person on one day, of a person at one business, of a business in a month.

use contracts::Decision;
use kernel::{BusinessId, Duration, LeadId, Timestamp};
use serde::{Deserialize, Serialize};

use super::error::LeadError;

/// Enquiries of one person within a day, to whichever business.
const PER_DAY_MAX: u32 = 10;
const DAY: Duration = Duration::from_secs(24 * 3600);
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

/// How often somebody has asked on one day, whichever business.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskedToday {
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

impl AskedToday {
    /// The day begins with the first enquiry.
    pub fn count(before: Option<Self>, hash: String, now: Timestamp) -> Result<Decision<Self>, LeadError> {
        match before {
            Some(today) if today.count >= PER_DAY_MAX => Err(LeadError::TooMany),
            Some(today) => Ok(Decision::changed(Self { count: today.count + 1, ..today })),
            None => Ok(Decision::changed(Self { hash, count: 1, expires_at: now.plus(DAY) })),
        }
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
