//! The paths of the API document.

use utoipa::openapi::PathItem;
use utoipa::openapi::path::Operation as Described;

/// The operations of a path, with their methods.
pub(crate) fn described(item: &PathItem) -> impl Iterator<Item = (&'static str, &Described)> {
    let all = [("GET", &item.get), ("POST", &item.post), ("PUT", &item.put), ("PATCH", &item.patch), ("DELETE", &item.delete)];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_ref()?)))
}

pub(super) fn described_mut(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Described)> {
    let PathItem { get, post, put, patch, delete, .. } = item;
    let all = [("GET", get), ("POST", post), ("PUT", put), ("PATCH", patch), ("DELETE", delete)];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}
