//! What the delivery of a lead is decided with, and what it leads to beside the lead itself.

use contracts::Decision;
use kernel::{BusinessId, Problem, Timestamp};
use ports::store::{Key, Stored};
use shell::Changes;
use shell::http::Client;

use crate::App;
use crate::business::Business;
use crate::lead::enquiry::Contact;
use crate::lead::limits::{Asked, Counted, Month};
use crate::lead::storage as leads;
use crate::lead::{Delivery, Lead};
use crate::storage;

/// All of it is loaded again after a conflict.
pub struct Circumstances {
    pub business: Stored<Business>,
    /// Of who asked, each with the mark that they have left at the business.
    senders: Vec<(String, Option<Stored<Asked>>)>,
    month: Option<Stored<Month>>,
}

/// What limits count of an enquiry to a business.
pub fn counted(app: &App, hashes: &[String], client: Client, business: BusinessId) -> Vec<Counted> {
    let mac = |text: String| app.deps.signer.mac(&text);
    let of_client = Counted::Client(mac(format!("enquiring client {client} {business}")));
    let of_business = Counted::Business(mac(format!("enquired business {business}")));
    hashes.iter().cloned().map(Counted::Person).chain([of_client, of_business]).collect()
}

/// The hashes by which somebody is known again.
pub fn hashes(app: &App, contact: &Contact) -> Vec<String> {
    contact.identities().iter().map(|identity| app.deps.signer.mac(&format!("enquirer {identity}"))).collect()
}

impl Circumstances {
    pub async fn load(app: &App, id: BusinessId, hashes: &[String]) -> Result<Self, Problem> {
        let table = app.work.table();
        let keys: Vec<Key> = hashes.iter().map(|hash| leads::asked_key(hash, id)).collect();
        let asked: Vec<Option<Stored<Asked>>> = table.get_many(&keys).await?;
        Ok(Self {
            business: storage::business(table, id).await?,
            senders: hashes.iter().cloned().zip(asked).collect(),
            month: table.get(&leads::month_key(id, &Month::name(app.work.now()))).await?,
        })
    }

    pub fn delivery(&self, app: &App, confirmed: bool, now: Timestamp) -> Delivery {
        Delivery {
            shop_price: app.settings.lead_price,
            terms: self.business.lead_terms,
            duplicate_of: self.senders.iter().find_map(|(_, asked)| asked.as_ref().map(|asked| asked.lead_id)),
            this_month: self.month(now).map_or(0, |month| month.delivered),
            confirmed,
        }
    }

    /// The marks by which a duplicate is known, and the count of the month, if the lead has just been delivered.
    pub fn counted(&self, decision: &Decision<Lead>, now: Timestamp) -> Result<Changes, Problem> {
        let lead = decision.state();
        if !decision.is_changed() || !lead.counts() {
            return Ok(Changes::none());
        }
        let month = self.month(now);
        let count = Month::count(month.map(|month| month.value.clone()), lead.business_id, now);
        self.senders.iter().try_fold(Changes::put(month.map(|month| month.version), count)?, |changes, (hash, asked)| {
            let mark = Asked::note(hash.clone(), lead.business_id, lead.id, now);
            Ok(changes.and(Changes::put(asked.as_ref().map(|asked| asked.version), mark)?))
        })
    }

    /// A month that has begun since the load counts from zero.
    fn month(&self, now: Timestamp) -> Option<&Stored<Month>> {
        self.month.as_ref().filter(|month| month.month == Month::name(now))
    }
}
