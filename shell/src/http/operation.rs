//! Which operations there are, and who may call them.

use axum::handler::Handler;
use serde::Serialize;
use utoipa::openapi::PathItem;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::Operation as Described;
use utoipa_axum::router::UtoipaMethodRouter;

use super::access::{ACCESS, Access};
use super::caller::Caller;

/// One method of one path, as the manifest lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Operation {
    pub method: &'static str,
    /// `/api/v1/orders/{order_id}`.
    pub path: String,
    pub access: Access,
}

/// The routes of a handler, described with whom its first argument lets in. Used by `routes!`.
#[doc(hidden)]
pub fn described_access<H, T, S>(_handler: &H, routes: UtoipaMethodRouter<S>) -> UtoipaMethodRouter<S>
where
    H: Handler<T, S>,
    T: FirstArgument,
    S: Clone + Send + Sync + 'static,
{
    let (schemas, mut paths, router) = routes;
    let access = <T::First as Caller>::ACCESS;
    for item in paths.paths.values_mut() {
        for operation in [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete].into_iter().flatten() {
            operation.security = Some(access.security());
            let extensions = operation.extensions.get_or_insert_default();
            extensions.merge(ExtensionsBuilder::new().add(ACCESS, serde_json::json!(access)).build());
        }
    }
    (schemas, paths, router)
}

/// The first argument of a handler, out of the tuple by which axum tells handlers apart.
#[doc(hidden)]
pub trait FirstArgument {
    type First: Caller;
}

macro_rules! first_argument {
    ($($rest:ident)*) => {
        impl<M, First: Caller, $($rest),*> FirstArgument for (M, First, $($rest,)*) {
            type First = First;
        }
    };
}

first_argument!();
first_argument!(A);
first_argument!(A B);
first_argument!(A B C);
first_argument!(A B C D);
first_argument!(A B C D E);
first_argument!(A B C D E F);

/// Routes of handlers with `#[utoipa::path]`. The first argument of a handler says who may call it
/// (`Anyone`, `RequestContext`, `SignedIn`, `Staff`, `Admin`), and the API document and the manifest follow from it.
#[macro_export]
macro_rules! routes {
    ($($handler:ident),+ $(,)?) => {{
        let router = $crate::http::OpenApiRouter::new();
        $(let router = router.routes($crate::http::described_access(&$handler, $crate::http::utoipa_axum::routes!($handler)));)+
        router
    }};
}

/// The operations of a path, with their methods.
pub(crate) fn described(item: &PathItem) -> impl Iterator<Item = (&'static str, &Described)> {
    let all = [("GET", &item.get), ("POST", &item.post), ("PUT", &item.put), ("PATCH", &item.patch), ("DELETE", &item.delete)];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_ref()?)))
}
