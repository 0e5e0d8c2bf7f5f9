//! What clients see of categories.

use std::collections::HashMap;

use kernel::CategoryId;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Category, Tree};

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BusinessCategoryRef)]
pub struct CategoryRef {
    pub id: CategoryId,
    pub slug: String,
    pub name: String,
    /// The names from the root of the tree to the category itself.
    pub path: Vec<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BusinessCategoryView)]
pub struct CategoryView {
    pub id: CategoryId,
    pub slug: String,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<CategoryId>,
    /// Among its siblings, ascending; equals are ordered by name.
    pub position: u32,
    /// 1 at the root of the tree.
    pub level: usize,
    /// Published businesses in the category itself.
    pub businesses: i64,
    /// Places of published businesses in the category and all below it; a business in two of them counts twice.
    pub businesses_below: i64,
}

/// All categories: a tree by `parent_id`, in the order in which siblings are shown.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BusinessCategoriesView)]
pub struct CategoriesView {
    pub items: Vec<CategoryView>,
}

impl CategoryRef {
    /// The categories that are still there.
    pub fn all(ids: &[CategoryId], tree: &Tree) -> Vec<Self> {
        let name = |id: &CategoryId| tree.get(*id).map(|category| category.name.clone());
        let refer = |category: &Category| Self {
            id: category.id,
            slug: category.slug.clone(),
            name: category.name.clone(),
            path: tree.path(category.id).iter().filter_map(name).collect(),
        };
        ids.iter().filter_map(|id| tree.get(*id)).map(refer).collect()
    }
}

impl CategoryView {
    pub fn of(category: &Category, tree: &Tree, counts: &HashMap<CategoryId, i64>) -> Self {
        let count = |id: &CategoryId| counts.get(id).copied().unwrap_or(0);
        Self {
            id: category.id,
            slug: category.slug.clone(),
            name: category.name.clone(),
            parent_id: category.parent_id,
            position: category.position,
            level: tree.path(category.id).len(),
            businesses: count(&category.id),
            businesses_below: tree.subtree(category.id).iter().map(count).sum(),
        }
    }
}
