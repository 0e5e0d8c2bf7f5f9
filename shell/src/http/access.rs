//! Who may call an operation, as the document and the manifest say it.

use serde::{Deserialize, Serialize};
use utoipa::openapi::path::Operation as Described;
use utoipa::openapi::security::SecurityRequirement;

/// Where an operation of the API document keeps who may call it.
pub(super) const ACCESS: &str = "x-access";
pub(super) const BEARER: &str = "bearer";

/// Whom an operation lets in. A rule may still refuse: it knows whose order it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Guests too. A token that is sent is verified.
    Anyone,
    /// Whoever has an account.
    SignedIn,
    /// Admins and support.
    Staff,
    Admin,
}

impl Access {
    /// What the document says of the operation, as `routes!` has written it.
    ///
    /// # Panics
    /// If it says nothing: such an operation was not made by `routes!`, and must not pass for one that is open.
    pub fn of(operation: &Described) -> Self {
        let said = operation.extensions.as_ref().and_then(|extensions| extensions.get(ACCESS));
        let access = said.and_then(|access| serde_json::from_value(access.clone()).ok());
        access.unwrap_or_else(|| panic!("{:?} does not say who may call it", operation.operation_id))
    }

    /// The security requirements of OpenAPI, with the roles of which the caller needs one (OpenAPI 3.1, 4.8.30).
    pub(super) fn security(self) -> Vec<SecurityRequirement> {
        let bearer = |roles: &[&str]| SecurityRequirement::new(BEARER, roles.iter().copied());
        match self {
            Self::Anyone => vec![SecurityRequirement::default(), bearer(&[])],
            Self::SignedIn => vec![bearer(&[])],
            Self::Staff => vec![bearer(&["support"]), bearer(&["admin"])],
            Self::Admin => vec![bearer(&["admin"])],
        }
    }
}
