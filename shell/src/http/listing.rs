//! What a request for a page of a list asks for.

use std::str::FromStr;

use axum::extract::FromRequestParts;
use http::request::Parts;
use kernel::{Code, Cursor, IdError, Limit, Problem};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Failure;
use super::extract::unreadable_query;

/// How much of a list is wanted, and from where: for `params(…)` of its description. `Listing` reads it.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// Page size, 1 to 100 (default 20).
    #[param(minimum = 1, maximum = 100, default = 20)]
    pub limit: Option<u32>,
    /// The `next` of the page before.
    pub cursor: Option<String>,
}

/// A page of a list, and which of its items are wanted. `F` refuses parameters that it does not know
/// (`#[serde(deny_unknown_fields)]`).
///
/// Errors: 400 for a parameter that cannot be read or is not known, 422 for a limit out of range.
#[derive(Debug, Clone)]
pub struct Listing<F = NoFilter> {
    pub filter: F,
    pub limit: Limit,
    pub cursor: Option<Cursor>,
}

/// All items are wanted.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoFilter {}

/// Different ids that are separated by commas, in their order.
///
/// Errors: 422 for what is no such id, and for more than `max`.
pub fn id_list<T: FromStr<Err = IdError> + PartialEq>(field: &str, text: &str, max: usize) -> Result<Vec<T>, Problem> {
    let mut ids: Vec<T> = Vec::new();
    for part in text.split(',') {
        let id = part.trim().parse().map_err(|error: IdError| Problem::field(field, error.to_string()))?;
        if ids.contains(&id) {
            continue;
        }
        if ids.len() == max {
            return Err(Problem::field(field, format!("at most {max} at once")));
        }
        ids.push(id);
    }
    Ok(ids)
}

impl<F: DeserializeOwned> Listing<F> {
    fn read(query: &str) -> Result<Self, Problem> {
        let unreadable = |error: &dyn std::fmt::Display| Problem::new(Code::MalformedRequest, error.to_string());
        let mut parameters: Vec<(String, String)> = serde_urlencoded::from_str(query).map_err(|error| unreadable(&error))?;
        let mut take = |name: &str| -> Result<Option<String>, Problem> {
            let value = parameters.iter().position(|(key, _)| key == name).map(|place| parameters.remove(place).1);
            if parameters.iter().any(|(key, _)| key == name) {
                return Err(unreadable(&format_args!("{name}: is given twice")));
            }
            Ok(value)
        };
        let limit = match take("limit")? {
            None => Limit::default(),
            Some(limit) => {
                let limit: u32 = limit.parse().map_err(|_| unreadable(&"limit: must be a whole number"))?;
                Limit::new(limit).ok_or_else(|| Problem::field("limit", format!("must be 1 to {}", Limit::MAX)))?
            }
        };
        let cursor = take("cursor")?.map(Cursor);
        let rest = serde_urlencoded::to_string(&parameters).map_err(Problem::internal)?;
        let filter = serde_urlencoded::from_str(&rest).map_err(|error| unreadable(&error))?;
        Ok(Self { filter, limit, cursor })
    }
}

impl<F: DeserializeOwned, S: Sync> FromRequestParts<S> for Listing<F> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let read = Self::read(parts.uri.query().unwrap_or_default());
        Ok(read.map_err(|problem| match problem.code {
            Code::MalformedRequest => unreadable_query(parts, &problem.detail),
            _ => problem,
        })?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct ByStatus {
        status: Option<String>,
    }

    #[test]
    fn pages_and_filters_share_a_query() {
        let listing = Listing::<ByStatus>::read("status=new&limit=7&cursor=a%2Fb").unwrap();
        assert_eq!((listing.filter.status.as_deref(), listing.limit.get(), listing.cursor), (Some("new"), 7, Some(Cursor("a/b".into()))));
        let plain = Listing::<NoFilter>::read("").unwrap();
        assert_eq!((plain.limit, plain.cursor), (Limit::default(), None));
    }

    #[test]
    fn what_is_not_known_or_out_of_range_is_refused() {
        for (query, code) in [
            ("limit=0", Code::Invalid),
            ("limit=101", Code::Invalid),
            ("limit=x", Code::MalformedRequest),
            ("limit=1&limit=2", Code::MalformedRequest),
            ("stauts=new", Code::MalformedRequest),
        ] {
            assert_eq!(Listing::<ByStatus>::read(query).unwrap_err().code, code, "{query}");
            assert_eq!(Listing::<NoFilter>::read(query).unwrap_err().code, code, "{query}");
        }
    }
}
