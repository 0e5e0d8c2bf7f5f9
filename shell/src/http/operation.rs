//! Which operations there are, and which of them nobody may call without a token.

use std::collections::HashSet;

use serde::Serialize;
use utoipa::openapi::path::Operation as Described;
use utoipa::openapi::{OpenApi, PathItem};

/// One method of one path, as the manifest lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Operation {
    pub method: &'static str,
    /// `/api/v1/orders/{order_id}`.
    pub path: String,
    pub authorization: Authorization,
}

/// Whether a gateway in front of the service may ask for a token already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Authorization {
    /// Without a token the answer is 401; a gateway may verify it before it calls.
    Jwt,
    /// Guests may ask; the handler decides what they get. A token that is sent is verified.
    Optional,
}

impl Authorization {
    /// Everything about admins and about the caller's own account needs to know who calls.
    pub fn of(path: &str) -> Self {
        let below = |folder: &str| path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        if below("/api/v1/admin") || below("/api/v1/me") { Self::Jwt } else { Self::Optional }
    }
}

impl Operation {
    pub fn new(method: &'static str, path: String) -> Self {
        let authorization = Authorization::of(&path);
        Self { method, path, authorization }
    }
}

/// The operations of a path, with their methods.
pub(crate) fn described(item: &PathItem) -> impl Iterator<Item = (&'static str, &Described)> {
    let all = [("GET", &item.get), ("POST", &item.post), ("PUT", &item.put), ("PATCH", &item.patch), ("DELETE", &item.delete)];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_ref()?)))
}

/// `GET /api/v1/me` and all the others that need a token.
pub(crate) fn closed(api: &OpenApi) -> HashSet<String> {
    let closed = api.paths.paths.iter().filter(|(path, _)| Authorization::of(path) == Authorization::Jwt);
    closed.flat_map(|(path, item)| described(item).map(move |(method, _)| format!("{method} {path}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn admins_and_accounts_need_a_token() {
        for (path, authorization) in [
            ("/api/v1/me", Authorization::Jwt),
            ("/api/v1/me/addresses/{address_id}", Authorization::Jwt),
            ("/api/v1/admin/queues", Authorization::Jwt),
            ("/api/v1/mentions", Authorization::Optional),
            ("/api/v1/orders", Authorization::Optional),
            ("/api/v1/administrators", Authorization::Optional),
            ("/me", Authorization::Optional),
        ] {
            assert_eq!(Authorization::of(path), authorization, "{path}");
        }
    }
}
