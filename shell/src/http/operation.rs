//! Which operations there are, who may call them, and what follows from that for their description.

use axum::handler::Handler;
use kernel::Code;
use serde::Serialize;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::Operation as Described;
use utoipa_axum::router::UtoipaMethodRouter;

use super::access::{ACCESS, Access};
use super::answers;
use super::caller::Caller;
use super::paths::described_mut;
use super::schemas;

/// One method of one path, as the manifest lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Operation {
    pub method: &'static str,
    /// `/api/v1/orders/{order_id}`.
    pub path: String,
    pub access: Access,
}

/// The routes of a handler, described with what its first argument says: whom it lets in, which headers count. `codes` are
/// the problems of its own; what every operation of its shape may answer is added. Used by `routes!`.
#[doc(hidden)]
pub fn described_operation<H, T, S>(_handler: &H, codes: &[Code], routes: UtoipaMethodRouter<S>) -> UtoipaMethodRouter<S>
where
    H: Handler<T, S>,
    T: FirstArgument,
    S: Clone + Send + Sync + 'static,
{
    let (schemas, mut paths, router) = routes;
    for (method, operation) in paths.paths.values_mut().flat_map(described_mut) {
        describe::<T::First>(method, operation, codes);
        schemas::note(operation, &schemas);
    }
    (schemas, paths, router)
}

fn describe<C: Caller>(method: &str, operation: &mut Described, codes: &[Code]) {
    operation.security = Some(C::ACCESS.security());
    let extensions = operation.extensions.get_or_insert_default();
    extensions.merge(ExtensionsBuilder::new().add(ACCESS, serde_json::json!(C::ACCESS)).build());
    let heeds = C::HEEDS.of_operation(method, operation);
    answers::describe(method, operation, C::ACCESS, heeds, codes);
    operation.parameters.get_or_insert_default().extend(heeds.parameters(method));
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

/// Routes of handlers with `#[utoipa::path]`. The first argument of a handler says who may call it (`Anyone`, `RequestContext`,
/// `SignedIn`, `Staff`, `Admin`) and which headers count (`Versioned<…>`, `VersionRequired<…>`, `MayWait<…>`, `Unrecorded<…>`).
/// The API document and the manifest follow from it, and the problems that every operation of such a shape may answer with. Those
/// of its own are listed beside it: `routes!(list, place: [PriceChanged, OutOfStock])`, as `kernel::Code` names them.
#[macro_export]
macro_rules! routes {
    ($($handler:ident $(: [$($code:ident),+ $(,)?])?),+ $(,)?) => {{
        let router = $crate::http::OpenApiRouter::new();
        $(let router = router.routes($crate::http::described_operation(
            &$handler,
            &[$($($crate::http::Code::$code),+)?],
            $crate::http::utoipa_axum::routes!($handler),
        ));)+
        router
    }};
}
