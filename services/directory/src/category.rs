//! The tree of categories. All of it is one item: it is small, changed by admins only, and a move
//! can be checked against the whole tree.

pub mod views;

use contracts::{CategoryChanged, Decision};
use kernel::{CategoryId, Code, Line, Problem, is_slug, slugify};
use serde::{Deserialize, Serialize};

/// Levels of the tree.
pub const DEPTH_MAX: usize = 5;
pub const CATEGORIES_MAX: usize = 1_000;

pub type Name = Line<1, 80>;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Category {
    pub id: CategoryId,
    pub slug: String,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<CategoryId>,
    /// Among its siblings, ascending; equals are ordered by name.
    #[serde(default)]
    pub position: u32,
    /// What the files call it that imports have found it by: names from the root of their tree. So it is
    /// found again after it was renamed or moved.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub imported_as: Vec<Vec<String>>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tree {
    pub categories: Vec<Category>,
}

/// What an admin wants a category to be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BusinessCategoryInput, example = json!({ "name": "Bakeries", "parent_id": "cat_01J8Z3T4M7Q2C9V5N6X8B0D1FK" }))]
pub struct CategoryDraft {
    #[schema(min_length = 1, max_length = 80)]
    pub name: String,
    /// Made from the name if absent; kept if absent in an edit.
    #[schema(max_length = 100, pattern = "^[a-z0-9]+(-[a-z0-9]+)*$")]
    pub slug: Option<String>,
    pub parent_id: Option<CategoryId>,
    /// Among its siblings, ascending.
    #[serde(default)]
    pub position: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CategoryError {
    #[error("there is no such category")]
    NotFound,
    #[error("{field}: {reason}")]
    Field { field: &'static str, reason: String },
    #[error("the slug {0} belongs to another category")]
    SlugTaken(String),
    #[error("there are {CATEGORIES_MAX} categories already")]
    TooMany,
    #[error("categories are at most {DEPTH_MAX} levels deep")]
    TooDeep,
    #[error("a category cannot be below itself")]
    Cycle,
    #[error("the category holds businesses or other categories")]
    NotEmpty,
}

impl From<CategoryError> for Problem {
    fn from(error: CategoryError) -> Self {
        let code = match &error {
            CategoryError::Field { field, reason } => return Self::field(*field, reason),
            CategoryError::NotFound => Code::NotFound,
            CategoryError::SlugTaken(_) => Code::AlreadyExists,
            CategoryError::TooMany | CategoryError::NotEmpty => Code::Conflict,
            CategoryError::TooDeep | CategoryError::Cycle => Code::Invalid,
        };
        Self::new(code, error.to_string())
    }
}

impl Tree {
    pub fn get(&self, id: CategoryId) -> Option<&Category> {
        self.categories.iter().find(|category| category.id == id)
    }

    pub fn by_slug(&self, slug: &str) -> Option<&Category> {
        self.categories.iter().find(|category| category.slug == slug)
    }

    /// The category that has this id or slug.
    pub fn referred(&self, reference: &str) -> Option<&Category> {
        match reference.parse() {
            Ok(id) => self.get(id),
            Err(_) => self.by_slug(reference),
        }
    }

    /// The ids from the root to the category itself; empty for one that is not there.
    pub fn path(&self, id: CategoryId) -> Vec<CategoryId> {
        let mut path = Vec::new();
        let mut next = Some(id);
        while let Some(category) = next.and_then(|id| self.get(id)) {
            // The tree has no cycles; should one ever be stored, this still ends.
            if path.len() > DEPTH_MAX {
                break;
            }
            path.push(category.id);
            next = category.parent_id;
        }
        path.reverse();
        path
    }

    /// The category and all below it.
    pub fn subtree(&self, id: CategoryId) -> Vec<CategoryId> {
        self.categories.iter().map(|category| category.id).filter(|other| self.path(*other).contains(&id)).collect()
    }

    pub fn children(&self, parent: Option<CategoryId>) -> impl Iterator<Item = &Category> {
        self.categories.iter().filter(move |category| category.parent_id == parent)
    }

    pub fn create(mut self, id: CategoryId, draft: &CategoryDraft) -> Result<Decision<Self>, CategoryError> {
        if self.categories.len() >= CATEGORIES_MAX {
            return Err(CategoryError::TooMany);
        }
        let name = checked_name(&draft.name)?;
        let slug = draft.slug.clone().unwrap_or_else(|| slugify(&name));
        let category = Category { id, slug, name, parent_id: draft.parent_id, position: draft.position, imported_as: Vec::new() };
        let event = CategoryChanged { category_id: id, name: category.name.clone(), deleted: false };
        self.categories.push(category);
        self.check(id)?;
        Ok(Decision::changed(self).emit(event))
    }

    /// Renames and moves, with all that is below.
    pub fn edit(mut self, id: CategoryId, draft: &CategoryDraft) -> Result<Decision<Self>, CategoryError> {
        let place = self.categories.iter().position(|category| category.id == id).ok_or(CategoryError::NotFound)?;
        let before = self.categories[place].clone();
        let name = checked_name(&draft.name)?;
        let slug = draft.slug.clone().unwrap_or_else(|| before.slug.clone());
        let after = Category { slug, name, parent_id: draft.parent_id, position: draft.position, ..before.clone() };
        if after == before {
            return Ok(Decision::unchanged(self));
        }
        let event = CategoryChanged { category_id: id, name: after.name.clone(), deleted: false };
        if after.parent_id.is_some_and(|parent| self.subtree(id).contains(&parent)) {
            return Err(CategoryError::Cycle);
        }
        self.categories[place] = after;
        self.check(id)?;
        Ok(Decision::changed(self).emit(event))
    }

    /// The category that a file calls by these names from the root.
    pub fn imported(&self, path: &[String]) -> Option<&Category> {
        self.categories.iter().find(|category| category.imported_as.iter().any(|known| known == path))
    }

    /// The category is what a file calls by these names, whatever becomes of its own name and place.
    pub fn remember_import(mut self, id: CategoryId, path: &[String]) -> Result<Decision<Self>, CategoryError> {
        let category = self.categories.iter_mut().find(|category| category.id == id).ok_or(CategoryError::NotFound)?;
        if category.imported_as.iter().any(|known| known == path) {
            return Ok(Decision::unchanged(self));
        }
        category.imported_as.push(path.to_vec());
        Ok(Decision::changed(self))
    }

    pub fn delete(mut self, id: CategoryId, businesses: i64) -> Result<Decision<Self>, CategoryError> {
        let category = self.get(id).ok_or(CategoryError::NotFound)?;
        if businesses > 0 || self.children(Some(id)).next().is_some() {
            return Err(CategoryError::NotEmpty);
        }
        let event = CategoryChanged { category_id: id, name: category.name.clone(), deleted: true };
        self.categories.retain(|category| category.id != id);
        Ok(Decision::changed(self).emit(event))
    }

    /// What must hold after the category has come or moved.
    fn check(&self, id: CategoryId) -> Result<(), CategoryError> {
        let category = self.get(id).ok_or(CategoryError::NotFound)?;
        if !is_slug(&category.slug) {
            return Err(CategoryError::Field { field: "slug", reason: "must be lower-case letters, digits and single hyphens".into() });
        }
        if self.categories.iter().any(|other| other.id != id && other.slug == category.slug) {
            return Err(CategoryError::SlugTaken(category.slug.clone()));
        }
        if category.parent_id.is_some_and(|parent| self.get(parent).is_none()) {
            return Err(CategoryError::Field { field: "parent_id", reason: "names no category".into() });
        }
        if self.subtree(id).into_iter().any(|below| self.path(below).len() > DEPTH_MAX) {
            return Err(CategoryError::TooDeep);
        }
        Ok(())
    }
}

/// Whether a tree could have these names below one another.
pub fn check_path(path: &[String]) -> Result<(), CategoryError> {
    if path.len() > DEPTH_MAX {
        return Err(CategoryError::TooDeep);
    }
    path.iter().try_for_each(|name| checked_name(name).map(|_| ()))
}

fn checked_name(name: &str) -> Result<String, CategoryError> {
    let name = Name::new(name).map(Line::into_string);
    name.map_err(|error| CategoryError::Field { field: "name", reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(name: &str, parent: Option<u128>) -> CategoryDraft {
        CategoryDraft { name: name.into(), parent_id: parent.map(CategoryId), ..CategoryDraft::default() }
    }

    fn grown(drafts: &[(&str, Option<u128>)]) -> Tree {
        let plant = |tree: Tree, (place, (name, parent)): (usize, &(&str, Option<u128>))| {
            tree.create(CategoryId(place as u128 + 1), &draft(name, *parent)).unwrap().into_state()
        };
        drafts.iter().enumerate().fold(Tree::default(), plant)
    }

    #[test]
    fn a_tree_grows_and_moves() {
        let tree = grown(&[("Food", None), ("Restaurants", Some(1)), ("Italian", Some(2)), ("Sports", None)]);
        assert_eq!(tree.path(CategoryId(3)), [1, 2, 3].map(CategoryId));
        assert_eq!(tree.subtree(CategoryId(1)), [1, 2, 3].map(CategoryId));
        let moved = tree.clone().edit(CategoryId(2), &draft("Restaurants", Some(4))).unwrap();
        assert_eq!(moved.state().path(CategoryId(3)), [4, 2, 3].map(CategoryId), "what is below moves along");
        assert_eq!(moved.events().len(), 1);
        assert!(!tree.clone().edit(CategoryId(2), &draft("Restaurants", Some(1))).unwrap().is_changed());
        let path = ["Food".to_owned(), "Restaurants".to_owned()];
        let known = tree.clone().remember_import(CategoryId(2), &path).unwrap();
        assert!(known.is_changed() && known.events().is_empty());
        assert!(!known.state().clone().remember_import(CategoryId(2), &path).unwrap().is_changed());
        let moved_again = known.into_state().edit(CategoryId(2), &draft("Eateries", Some(4))).unwrap().into_state();
        assert_eq!(moved_again.imported(&path).map(|category| category.id), Some(CategoryId(2)));
        for parent in [1, 2, 3] {
            assert_eq!(tree.clone().edit(CategoryId(1), &draft("Food", Some(parent))), Err(CategoryError::Cycle), "below {parent}");
        }
    }

    #[test]
    fn the_tree_has_limits() {
        let deep = grown(&[("A", None), ("B", Some(1)), ("C", Some(2)), ("D", Some(3)), ("E", Some(4)), ("Z", None)]);
        assert_eq!(deep.clone().create(CategoryId(9), &draft("F", Some(5))), Err(CategoryError::TooDeep));
        assert_eq!(deep.clone().edit(CategoryId(1), &draft("A", Some(6))), Err(CategoryError::TooDeep), "so would be what is below");
        assert_eq!(deep.clone().create(CategoryId(9), &draft("a", None)), Err(CategoryError::SlugTaken("a".into())));
        for (wrong, field) in [(draft(" ", None), "name"), (draft("☕", None), "slug"), (draft("F", Some(77)), "parent_id")] {
            let error = deep.clone().create(CategoryId(9), &wrong).unwrap_err();
            assert!(matches!(error, CategoryError::Field { field: at, .. } if at == field), "{error}");
        }
        assert_eq!(deep.clone().delete(CategoryId(1), 0), Err(CategoryError::NotEmpty));
        assert_eq!(deep.clone().delete(CategoryId(6), 1), Err(CategoryError::NotEmpty));
        assert_eq!(deep.delete(CategoryId(6), 0).unwrap().state().categories.len(), 5);
    }
}
