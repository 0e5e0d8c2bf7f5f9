//! What the directory keeps of a person, for their copy of it. `consumer.rs` forgets the same.

use async_trait::async_trait;
use kernel::Problem;
use ports::store::{Query, Stored};
use ports::{Person, PersonalData};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::business::Business;
use crate::business::membership::Membership;
use crate::claim::Claim;
use crate::claim::views::ClaimView;
use crate::lead::Lead;
use crate::lead::enquiry::Contact;
use crate::lead::storage as leads;
use crate::reads::Reads;
use crate::storage;

const PAGE: usize = 100;
/// Pages of one kind of item: more than anybody could have made.
const PAGES_MAX: usize = 1_000;

#[async_trait]
impl PersonalData for Reads {
    async fn export(&self, person: &Person) -> Result<Value, Problem> {
        let user = person.user_id;
        let mut businesses = Vec::new();
        for membership in self.all::<Membership>(storage::memberships_query(user)).await? {
            // The list may still show a business that is gone.
            let business: Option<Stored<Business>> = self.table.get_eventual(&storage::business_key(membership.business_id)).await?;
            let Some(business) = business.map(|business| business.value) else { continue };
            let Some(role) = business.role_of(user) else { continue };
            let Business { id, profile, .. } = business;
            businesses.push(json!({ "business_id": id, "name": profile.name, "role": role }));
        }
        let claims: Vec<ClaimView> = self.all::<Claim>(storage::claims_of_user(user)).await?.into_iter().map(ClaimView::from).collect();
        let mut enquiries = Vec::new();
        for lead in self.all::<Lead>(leads::leads_of_customer(user)).await? {
            if let Some(contact) = self.table.get_eventual::<Contact>(&leads::contact_key(lead.id)).await? {
                enquiries.push(enquiry(&lead, &contact));
            }
        }
        if let Some(email) = &person.verified_email {
            for contact in self.all::<Contact>(leads::contacts_with_email(email)).await? {
                let lead: Option<Stored<Lead>> = self.table.get_eventual(&leads::lead_key(contact.lead_id)).await?;
                if let Some(lead) = lead.filter(|lead| lead.customer_id.is_none()) {
                    enquiries.push(enquiry(&lead, &contact));
                }
            }
        }
        if businesses.is_empty() && claims.is_empty() && enquiries.is_empty() {
            return Ok(Value::Null);
        }
        Ok(json!({ "businesses": businesses, "claims": claims, "enquiries": enquiries }))
    }
}

impl Reads {
    async fn all<T: DeserializeOwned>(&self, listing: Query) -> Result<Vec<T>, Problem> {
        let (mut all, mut cursor) = (Vec::new(), None);
        for _ in 0..PAGES_MAX {
            let page = self.table.list::<T>(listing.clone().limit(PAGE).after(cursor)).await?;
            all.extend(page.items.into_iter().map(|item: Stored<T>| item.value));
            cursor = page.next;
            if cursor.is_none() {
                return Ok(all);
            }
        }
        Err(Problem::internal(format!("a person has more than {PAGES_MAX} pages of one kind of item")))
    }
}

fn enquiry(lead: &Lead, contact: &Contact) -> Value {
    json!({
        "lead_id": lead.id, "business_id": lead.business_id, "asked_at": lead.asked_at,
        "name": contact.name, "email": contact.email, "phone": contact.phone, "message": contact.message,
    })
}
