//! Whether the things of a seller may be for sale: only those of a published business are, as the directory last told.

use contracts::Decision;
use kernel::{BusinessId, Code, Problem};
use serde::{Deserialize, Serialize};

/// What people may prepare before their business is published.
const EARLY_PICTURES_MAX: u32 = 20;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seller {
    pub business_id: BusinessId,
    pub published: bool,
    /// Of the event, which grows with every change of the business.
    pub sequence: u64,
}

impl Seller {
    /// An event that comes late changes nothing.
    pub fn follow(before: Option<Self>, business_id: BusinessId, published: bool, sequence: u64) -> Decision<Self> {
        match before {
            Some(before) if before.sequence >= sequence => Decision::unchanged(before),
            Some(_) | None => Decision::changed(Self { business_id, published, sequence }),
        }
    }
}

/// Pictures that the people of a business have uploaded before it was published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlyPictures {
    pub business_id: BusinessId,
    pub count: u32,
}

impl EarlyPictures {
    pub fn another(before: Option<Self>, business_id: BusinessId) -> Result<Decision<Self>, Problem> {
        match before.map_or(0, |before| before.count) {
            EARLY_PICTURES_MAX.. => {
                let message = format!("before a business is published, its people upload at most {EARLY_PICTURES_MAX} pictures");
                Err(Problem::new(Code::Conflict, message))
            }
            count => Ok(Decision::changed(Self { business_id, count: count + 1 })),
        }
    }
}
