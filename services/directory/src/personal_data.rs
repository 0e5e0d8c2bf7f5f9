//! What the directory keeps of a person, for their copy of it. `consumer.rs` forgets the same.

use async_trait::async_trait;
use kernel::Problem;
use ports::store::Stored;
use ports::{Person, PersonalData};
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

#[async_trait]
impl PersonalData for Reads {
    async fn export(&self, person: &Person) -> Result<Value, Problem> {
        let (table, user) = (&self.table, person.user_id);
        let mut businesses = Vec::new();
        for membership in table.list_all::<Membership>(storage::memberships_query(user)).await? {
            // The list may still show a business that is gone.
            let business: Option<Stored<Business>> = table.get_eventual(&storage::business_key(membership.business_id)).await?;
            let Some(business) = business.map(|business| business.value) else { continue };
            let Some(role) = business.role_of(user) else { continue };
            let Business { id, profile, .. } = business;
            businesses.push(json!({ "business_id": id, "name": profile.name, "role": role }));
        }
        let claims: Vec<ClaimView> =
            table.list_all::<Claim>(storage::claims_of_user(user)).await?.into_iter().map(|claim| claim.value.into()).collect();
        let mut enquiries = Vec::new();
        for lead in table.list_all::<Lead>(leads::leads_of_customer(user)).await? {
            if let Some(contact) = table.get_eventual::<Contact>(&leads::contact_key(lead.id)).await? {
                enquiries.push(enquiry(&lead, &contact));
            }
        }
        if let Some(email) = &person.verified_email {
            for contact in table.list_all::<Contact>(leads::contacts_with_email(email)).await? {
                let lead: Option<Stored<Lead>> = table.get_eventual(&leads::lead_key(contact.lead_id)).await?;
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

fn enquiry(lead: &Lead, contact: &Contact) -> Value {
    json!({
        "lead_id": lead.id, "business_id": lead.business_id, "asked_at": lead.asked_at,
        "name": contact.name, "email": contact.email, "phone": contact.phone, "message": contact.message, "replies": contact.replies,
    })
}
