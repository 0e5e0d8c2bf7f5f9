//! Making and editing categories: what has to be read for it, and what is written.

use kernel::{CategoryId, Problem};
use ports::store::Stored;
use shell::{Changes, Table};

use crate::category::{CATEGORIES_MAX, Category, CategoryDraft, CategoryError};
use crate::storage::{self, SlugOwner};

/// What a new or edited category stands beside.
pub struct Surroundings {
    pub parent: Option<Stored<Category>>,
    /// Who has the wanted slug.
    pub slug: Option<Stored<SlugOwner<CategoryId>>>,
    /// All categories; read for a new one only.
    all: Vec<Stored<Category>>,
}

impl Surroundings {
    pub async fn load_for_new(table: &Table, parent_id: Option<CategoryId>, slug: &str) -> Result<Self, Problem> {
        let all = table.list::<Category>(storage::categories_query()).await?.items;
        Ok(Self { all, ..Self::load(table, parent_id, Some(slug)).await? })
    }

    pub async fn load(table: &Table, parent_id: Option<CategoryId>, slug: Option<&str>) -> Result<Self, Problem> {
        let parent = table.find(parent_id.map(storage::category_key)).await?;
        if parent.is_none() && parent_id.is_some() {
            return Err(Problem::field("parent_id", "names no category"));
        }
        let slug = table.find(slug.map(storage::slug_key::<CategoryId>)).await?;
        Ok(Self { parent, slug, all: Vec::new() })
    }

    /// The one category that has the name, wherever it is.
    pub fn named(&self, name: &str) -> Option<CategoryId> {
        let mut found = self.all.iter().filter(|category| category.name == name).map(|category| category.id);
        found.next().filter(|_| found.next().is_none())
    }

    pub fn create(&self, id: CategoryId, draft: CategoryDraft) -> Result<(Category, Changes), Problem> {
        if self.all.len() >= CATEGORIES_MAX {
            return Err(CategoryError::TooMany.into());
        }
        let decision = Category::create(id, self.parent.as_ref().map(|parent| &parent.value), draft)?;
        Ok((decision.state().clone(), storage::create_category(decision, self.parent.as_ref(), self.slug.as_ref())?))
    }
}
