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
    /// As everybody sees it; empty until it was told.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The last part of its page.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub slug: String,
    /// Of the event that told whether it is published, which grows with every change of the business.
    pub sequence: u64,
    /// Of the event that told its name.
    #[serde(default)]
    pub name_sequence: u64,
}

/// What an event says about a seller. What it does not say stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct News {
    pub published: Option<bool>,
    /// Both are empty where nothing is said.
    pub name: String,
    pub slug: String,
}

impl Seller {
    /// An event that comes late changes nothing.
    pub fn follow(before: Option<Self>, business_id: BusinessId, news: &News, sequence: u64) -> Decision<Self> {
        let (name, slug) = (String::new(), String::new());
        let before = before.unwrap_or(Self { business_id, published: false, name, slug, sequence: 0, name_sequence: 0 });
        let mut after = before.clone();
        if let Some(published) = news.published.filter(|_| before.sequence < sequence) {
            (after.published, after.sequence) = (published, sequence);
        }
        if !news.name.is_empty() && before.name_sequence < sequence {
            (after.name, after.slug, after.name_sequence) = (news.name.clone(), news.slug.clone(), sequence);
        }
        if after == before { Decision::unchanged(before) } else { Decision::changed(after) }
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
