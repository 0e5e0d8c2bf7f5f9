use kernel::{Code, Problem};

use super::{CATEGORIES_MAX, DEPTH_MAX};

/// Why a rule refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CategoryError {
    #[error("must be lower-case letters, digits and single hyphens")]
    Slug,
    #[error("the slug {0} belongs to another category")]
    SlugTaken(String),
    #[error("there are {CATEGORIES_MAX} categories already")]
    TooMany,
    #[error("categories are at most {DEPTH_MAX} levels deep")]
    TooDeep,
    #[error("a category cannot be below itself")]
    Cycle,
    #[error("the category holds products or other categories, so it stays where it is")]
    NotEmpty,
}

impl From<CategoryError> for Problem {
    fn from(error: CategoryError) -> Self {
        let code = match &error {
            CategoryError::Slug => return Self::field("slug", error.to_string()),
            CategoryError::SlugTaken(_) => Code::AlreadyExists,
            CategoryError::TooMany | CategoryError::NotEmpty => Code::Conflict,
            CategoryError::TooDeep | CategoryError::Cycle => Code::Invalid,
        };
        Self::new(code, error.to_string())
    }
}
