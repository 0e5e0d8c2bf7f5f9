//! Whether the things of a seller may be for sale: only those of a published business are, as the directory last told.

use contracts::Decision;
use kernel::{BusinessId, Problem};
use ports::store::{Expect, Key, Record, Stored, Write};
use serde::{Deserialize, Serialize};
use shell::Table;

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

impl Record for Seller {
    fn key(&self) -> Key {
        seller_key(self.business_id)
    }
}

pub fn seller_key(id: BusinessId) -> Key {
    Key::new(format!("seller#{id}"), "seller")
}

/// What a product's seller is known by while the product is decided about.
#[derive(Debug)]
pub struct Standing {
    business_id: BusinessId,
    known: Option<Stored<Seller>>,
}

impl Standing {
    pub async fn load(table: &Table, business_id: BusinessId) -> Result<Self, Problem> {
        // The house is no business of the directory.
        let wanted = (business_id != BusinessId::HOUSE).then(|| seller_key(business_id));
        Ok(Self { business_id, known: table.find(wanted).await? })
    }

    pub fn sells(&self) -> bool {
        self.business_id == BusinessId::HOUSE || self.known.as_ref().is_some_and(|seller| seller.published)
    }

    /// Refused, and so decided again, if the seller was published or taken away meanwhile.
    pub fn unchanged(&self) -> Option<Write> {
        let expect = self.known.as_ref().map_or(Expect::Absent, |seller| Expect::Version(seller.version));
        (self.business_id != BusinessId::HOUSE).then(|| Write::Check { key: seller_key(self.business_id), expect })
    }
}

/// Whether one of the businesses is published.
pub async fn any_sells(table: &Table, businesses: &[BusinessId]) -> Result<bool, Problem> {
    let keys: Vec<Key> = businesses.iter().map(|id| seller_key(*id)).collect();
    let found = table.get_many_eventual::<Seller>(&keys).await?;
    Ok(businesses.contains(&BusinessId::HOUSE) || found.iter().flatten().any(|seller| seller.published))
}
