//! The category: a node of the tree by which customers find products.

mod error;

use contracts::{Decision, ProductCategoryChanged};
use kernel::{CategoryId, Line, is_slug, slugify};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use error::CategoryError;

/// Levels of the tree.
pub const DEPTH_MAX: usize = 4;
pub const CATEGORIES_MAX: usize = 1_000;

pub type CategoryName = Line<1, 100>;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Category {
    pub id: CategoryId,
    pub slug: String,
    pub name: String,
    /// From the root of the tree to the parent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ancestors: Vec<CategoryId>,
    /// Among its siblings, ascending; equals are ordered by name.
    pub position: u32,
}

/// What a category holds. An item of its own, since products come and go far more often than
/// categories are edited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holdings {
    pub category_id: CategoryId,
    /// Products that are not archived, in the category itself.
    pub products: i64,
    pub children: i64,
}

/// What an admin wants a category to be.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CategoryInput, example = json!({ "name": "Tea", "parent_id": "cat_01J8Z3T4M7Q2C9V5N6X8B0D1FK" }))]
pub struct CategoryDraft {
    #[schema(inline)]
    pub name: CategoryName,
    /// Made from the name if absent; kept if absent in an edit.
    #[schema(max_length = 100, pattern = "^[a-z0-9]+(-[a-z0-9]+)*$")]
    pub slug: Option<String>,
    pub parent_id: Option<CategoryId>,
    /// Among its siblings, ascending.
    #[serde(default)]
    pub position: u32,
}

impl Category {
    pub fn create(id: CategoryId, parent: Option<&Self>, draft: CategoryDraft) -> Result<Decision<Self>, CategoryError> {
        let slug = draft.checked_slug()?;
        let category = Self { id, slug, name: draft.name.into(), ancestors: Vec::new(), position: draft.position };
        Ok(category.below(parent)?.emit_changed())
    }

    /// An empty category may move; one that holds something stays, since its products are listed
    /// under all its ancestors.
    pub fn edit(self, holdings: &Holdings, parent: Option<&Self>, draft: CategoryDraft) -> Result<Decision<Self>, CategoryError> {
        let slug = if draft.slug.is_some() { draft.checked_slug()? } else { self.slug.clone() };
        let edited = Self { slug, name: draft.name.into(), position: draft.position, ..self.clone() }.below(parent)?;
        if edited == self {
            return Ok(Decision::unchanged(self));
        }
        if edited.ancestors != self.ancestors && !holdings.is_empty() {
            return Err(CategoryError::NotEmpty);
        }
        Ok(edited.emit_changed())
    }

    pub fn may_be_deleted(&self, holdings: &Holdings) -> Result<(), CategoryError> {
        if holdings.is_empty() { Ok(()) } else { Err(CategoryError::NotEmpty) }
    }

    pub fn parent_id(&self) -> Option<CategoryId> {
        self.ancestors.last().copied()
    }

    /// From the root of the tree to the category itself.
    pub fn path(&self) -> Vec<CategoryId> {
        self.ancestors.iter().copied().chain([self.id]).collect()
    }

    pub fn deleted(&self) -> ProductCategoryChanged {
        ProductCategoryChanged { category_id: self.id, name: self.name.clone(), deleted: true }
    }

    fn emit_changed(self) -> Decision<Self> {
        let changed = ProductCategoryChanged { category_id: self.id, name: self.name.clone(), deleted: false };
        Decision::changed(self).emit(changed)
    }

    fn below(self, parent: Option<&Self>) -> Result<Self, CategoryError> {
        let ancestors = parent.map(Self::path).unwrap_or_default();
        if ancestors.contains(&self.id) {
            return Err(CategoryError::Cycle);
        }
        if ancestors.len() >= DEPTH_MAX {
            return Err(CategoryError::TooDeep);
        }
        Ok(Self { ancestors, ..self })
    }
}

impl Holdings {
    pub fn is_empty(&self) -> bool {
        self.products == 0 && self.children == 0
    }
}

impl CategoryDraft {
    /// The slug that was asked for, or the one nearest to the name.
    pub fn checked_slug(&self) -> Result<String, CategoryError> {
        let slug = self.slug.clone().unwrap_or_else(|| slugify(&self.name));
        if is_slug(&slug) { Ok(slug) } else { Err(CategoryError::Slug) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(name: &str) -> CategoryDraft {
        CategoryDraft { name: name.parse().unwrap(), slug: None, parent_id: None, position: 0 }
    }

    fn category(id: u128, parent: Option<&Category>) -> Category {
        Category::create(id.into(), parent, draft(&format!("Category {id}"))).unwrap().into_state()
    }

    fn holding(products: i64, children: i64) -> Holdings {
        Holdings { category_id: 3.into(), products, children }
    }

    #[test]
    fn the_tree_has_four_levels_and_no_cycles() {
        let root = category(1, None);
        let second = category(2, Some(&root));
        let third = category(3, Some(&second));
        let fourth = category(4, Some(&third));
        assert_eq!(fourth.path(), [1, 2, 3, 4].map(CategoryId));
        assert_eq!(fourth.parent_id(), Some(CategoryId(3)));
        assert_eq!(Category::create(5.into(), Some(&fourth), draft("x")), Err(CategoryError::TooDeep));
        let edit =
            |category: &Category, parent: Option<&Category>, holdings| category.clone().edit(holdings, parent, draft(&category.name));
        let empty = &holding(0, 0);
        assert_eq!(edit(&root, Some(&third), empty), Err(CategoryError::Cycle));
        assert_eq!(edit(&root, Some(&root), empty), Err(CategoryError::Cycle));
        let not_empty = [holding(1, 0), holding(0, 1)];
        for holdings in &not_empty {
            assert_eq!(edit(&third, Some(&root), holdings), Err(CategoryError::NotEmpty));
            assert_eq!(third.may_be_deleted(holdings), Err(CategoryError::NotEmpty));
            assert!(!edit(&third, Some(&second), holdings).unwrap().is_changed(), "where it was");
        }
        assert_eq!(edit(&third, Some(&root), empty).unwrap().into_state().path(), [1, 3].map(CategoryId));
        assert_eq!(third.may_be_deleted(empty), Ok(()));
    }

    #[test]
    fn names_and_slugs() {
        for (name, slug, expect) in [
            (" Tea & Spices ", None, Ok("tea-spices")),
            ("Tea", Some("fine-tea"), Ok("fine-tea")),
            ("Tea", Some("Fine Tea"), Err(CategoryError::Slug)),
            ("☕", None, Err(CategoryError::Slug)),
            ("茶", None, Ok("cha")),
            ("茶", Some("tea"), Ok("tea")),
        ] {
            let draft = CategoryDraft { name: name.parse().unwrap(), slug: slug.map(str::to_owned), parent_id: None, position: 0 };
            let slug = Category::create(1.into(), None, draft).map(|decision| decision.into_state().slug);
            assert_eq!(slug, expect.map(str::to_owned), "{name}");
        }
        assert!(CategoryName::new(" ").is_err() && CategoryName::new("a\nb").is_err());
    }

    #[test]
    fn a_renamed_category_keeps_its_slug() {
        let tea = Category::create(1.into(), None, draft("Tea")).unwrap().into_state();
        let renamed = tea.edit(&holding(5, 0), None, CategoryDraft { position: 3, ..draft("Fine teas") }).unwrap();
        assert!(renamed.is_changed());
        assert_eq!((renamed.state().slug.as_str(), renamed.state().name.as_str(), renamed.state().position), ("tea", "Fine teas", 3));
    }
}
