//! What other services read of the directory.

use async_trait::async_trait;
use contracts::StaffRole;
use kernel::{BusinessId, CategoryId, Cursor, Page, Problem, UserId};
use ports::reads::{BusinessListing, CategoryListing, DirectoryReads};
use ports::store::{Key, Stored};
use shell::{Table, UnitOfWork};

use crate::business::Business;
use crate::category::Tree;
use crate::storage;

const PAGE: usize = 100;

/// Reads businesses from the directory's table.
pub struct Reads {
    pub(crate) table: Table,
    /// Of businesses that name none.
    time_zone: String,
}

impl Reads {
    pub fn new(work: &UnitOfWork, time_zone: impl Into<String>) -> Self {
        Self { table: work.table().clone(), time_zone: time_zone.into() }
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
        if distinct.is_empty() {
            return Ok(Vec::new());
        }
        let keys: Vec<Key> = distinct.iter().map(|id| storage::business_key(*id)).collect();
        let tree = storage::shown_tree(&self.table).await?;
        let found: Vec<Option<Stored<Business>>> = self.table.get_many_eventual(&keys).await?;
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
        let business: Option<Stored<Business>> = self.table.get_eventual(&storage::business_key(id)).await?;
        let members = business.map(|business| business.value.members).unwrap_or_default();
        Ok(members.into_iter().filter(|member| member.role == StaffRole::Owner).map(|member| member.user_id).collect())
    }
}
