//! What other services read of the directory.

use async_trait::async_trait;
use kernel::{BusinessId, CategoryId, Cursor, LeadId, Page, Problem, StaffRole, UserId};
use ports::reads::{BusinessListing, CategoryListing, DirectoryReads, EnquiryReply};
use ports::store::{Key, Stored};
use shell::{Table, UnitOfWork};

use crate::business::Business;
use crate::category::Tree;
use crate::lead::enquiry::Contact;
use crate::lead::storage as leads;
use crate::storage;

const PAGE: usize = 100;

/// Reads businesses from the directory's table.
pub struct Reads {
    pub(crate) table: Table,
    /// Of businesses that name none.
    time_zone: String,
    region: String,
}

impl Reads {
    pub fn new(work: &UnitOfWork, time_zone: impl Into<String>, region: impl Into<String>) -> Self {
        Self { table: work.table().clone(), time_zone: time_zone.into(), region: region.into() }
    }

    async fn members(&self, id: BusinessId, roles: &[StaffRole]) -> Result<Vec<UserId>, Problem> {
        let business: Option<Stored<Business>> = self.table.get_eventual(&storage::business_key(id)).await?;
        let members = business.map(|business| business.value.members).unwrap_or_default();
        Ok(members.into_iter().filter(|member| roles.contains(&member.role)).map(|member| member.user_id).collect())
    }

    fn listing(&self, business: &Business, tree: &Tree) -> BusinessListing {
        let profile = &business.profile;
        let category = |id: &kernel::CategoryId| {
            let category = tree.get(*id)?;
            let path = tree.path(*id);
            let above = path.iter().filter(|above| *above != id).filter_map(|above| tree.get(*above));
            Some(CategoryListing { id: *id, name: category.name.clone(), above: above.map(|above| above.name.clone()).collect(), path })
        };
        BusinessListing {
            id: business.id,
            slug: business.slug.clone(),
            name: profile.name.clone(),
            description: profile.description.clone(),
            categories: profile.categories.iter().filter_map(category).collect(),
            tags: profile.tags.clone(),
            address: profile.postal_address(),
            district: profile.address.as_ref().map(|address| address.district.clone()).unwrap_or_default(),
            position: profile.position,
            opening_hours: profile.opening_hours.clone(),
            time_zone: Some(profile.time_zone.clone().unwrap_or_else(|| self.time_zone.clone())),
            region: profile.region(&self.region),
            phone: profile.phone.clone(),
            website: profile.website.clone(),
            image_url: profile.photos.first().map(|photo| photo.url.clone()),
            published: business.is_published(),
            created_at: business.created_at,
            updated_at: business.updated_at,
        }
    }
}

#[async_trait]
impl DirectoryReads for Reads {
    async fn businesses(&self, ids: &[BusinessId]) -> Result<Vec<Option<BusinessListing>>, Problem> {
        let mut distinct: Vec<BusinessId> = ids.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        let keys: Vec<Key> = distinct.iter().map(|id| storage::business_key(*id)).collect();
        let tree = storage::shown_tree(&self.table).await?;
        let found = self.table.get_many_eventual::<Business>(&keys).await?;
        let of = |id: &BusinessId| {
            let index = distinct.binary_search(id).ok()?;
            found.get(index)?.as_ref().map(|business| self.listing(business, &tree))
        };
        Ok(ids.iter().map(of).collect())
    }

    async fn page(&self, cursor: Option<Cursor>) -> Result<Page<BusinessListing>, Problem> {
        let tree = storage::shown_tree(&self.table).await?;
        let page = self.table.list::<Business>(storage::published_query().limit(PAGE).after(cursor)).await?;
        Ok(page.map(|business| self.listing(&business, &tree)))
    }

    async fn category(&self, reference: &str) -> Result<Option<CategoryId>, Problem> {
        Ok(storage::shown_tree(&self.table).await?.referred(reference).map(|category| category.id))
    }

    async fn owners(&self, id: BusinessId) -> Result<Vec<UserId>, Problem> {
        self.members(id, &[StaffRole::Owner]).await
    }

    async fn managers(&self, id: BusinessId) -> Result<Vec<UserId>, Problem> {
        self.members(id, &[StaffRole::Owner, StaffRole::Manager]).await
    }

    async fn enquiry_reply(&self, lead: LeadId, reply: u32) -> Result<Option<EnquiryReply>, Problem> {
        let contact: Option<Stored<Contact>> = self.table.get_eventual(&leads::contact_key(lead)).await?;
        let Some(contact) = contact.map(|contact| contact.value) else { return Ok(None) };
        let reply = usize::try_from(reply).ok().and_then(|reply| contact.replies.get(reply));
        // The read may be a moment behind the event.
        let reply = reply.ok_or_else(|| Problem::not_found(format!("the reply to {lead}")))?.text.clone();
        Ok(Some(EnquiryReply { email: contact.email, name: contact.name, message: contact.message, reply }))
    }
}
