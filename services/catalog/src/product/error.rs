use kernel::{Code, Problem};

/// Why a rule refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProductError {
    #[error("{field}: {reason}")]
    Field { field: String, reason: String },
    /// For those who may not know that there is such a product, too.
    #[error("there is no such product")]
    Unknown,
    #[error("the slug {0} belongs to another product")]
    SlugTaken(String),
    #[error("only owners and managers of its seller may change a product")]
    NotYours,
    #[error("the product is archived; make it a draft first")]
    Archived,
    #[error("the business that sells it is not published; prepare the product as a draft until it is")]
    SellerNotPublished,
    #[error("an archived product becomes a draft before it is published")]
    PublishArchived,
}

impl From<ProductError> for Problem {
    fn from(error: ProductError) -> Self {
        let code = match &error {
            ProductError::Field { field, reason } => return Self::field(field, reason),
            ProductError::Unknown => Code::NotFound,
            ProductError::SlugTaken(_) => Code::AlreadyExists,
            ProductError::NotYours => Code::Forbidden,
            ProductError::Archived | ProductError::SellerNotPublished => Code::Conflict,
            ProductError::PublishArchived => Code::IllegalTransition,
        };
        Self::new(code, error.to_string())
    }
}
