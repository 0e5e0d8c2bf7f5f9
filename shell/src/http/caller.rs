//! Who calls, as the first argument of a handler. Each of these types lets in only those whom it names, before
//! anything else is read of the request. Who acts for a business is a question for the business, which knows its people
//! at once; the account hears of them by an event.

use std::ops::Deref;

use axum::extract::FromRequestParts;
use http::request::Parts;
use kernel::{Code, Problem, UserId};

use super::access::Access;
use super::heeds::Heeds;
use super::{Failure, RequestContext};

/// A first argument of a handler.
pub trait Caller {
    const ACCESS: Access;
    /// Which headers count besides the token. `Versioned` and its like change it.
    const HEEDS: Heeds = Heeds::KEY;
}

/// Guests too; the handler wants to know nothing of them.
#[derive(Debug, Clone, Copy)]
pub struct Anyone;

/// Somebody with an account.
#[derive(Debug, Clone)]
pub struct SignedIn {
    pub user_id: UserId,
    request: RequestContext,
}

/// Callers whose account must have a role.
macro_rules! callers_with_role {
    ($($(#[$doc:meta])* $name:ident = $access:ident, $has_role:ident, $refusal:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name(SignedIn);

        impl Caller for $name {
            const ACCESS: Access = Access::$access;
        }

        impl Deref for $name {
            type Target = SignedIn;

            fn deref(&self) -> &SignedIn {
                &self.0
            }
        }

        impl<S: Sync> FromRequestParts<S> for $name {
            type Rejection = Failure;

            async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
                let caller = SignedIn::from_request_parts(parts, state).await?;
                if caller.actor.$has_role() { Ok(Self(caller)) } else { Err(Problem::forbidden($refusal).into()) }
            }
        }
    )*};
}

callers_with_role! {
    /// An admin or somebody of support.
    Staff = Staff, is_staff, "this is for staff";
    Admin = Admin, is_admin, "this is for admins";
}

impl Caller for RequestContext {
    const ACCESS: Access = Access::Anyone;
}

impl Caller for Anyone {
    const ACCESS: Access = Access::Anyone;
    const HEEDS: Heeds = Heeds::NOTHING;
}

impl Caller for SignedIn {
    const ACCESS: Access = Access::SignedIn;
}

impl Deref for SignedIn {
    type Target = RequestContext;

    fn deref(&self) -> &RequestContext {
        &self.request
    }
}

impl<S: Sync> FromRequestParts<S> for Anyone {
    type Rejection = Failure;

    async fn from_request_parts(_: &mut Parts, _: &S) -> Result<Self, Failure> {
        Ok(Self)
    }
}

impl<S: Sync> FromRequestParts<S> for SignedIn {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let request = RequestContext::from_request_parts(parts, state).await?;
        let user_id = request.actor.user_id().ok_or_else(|| Problem::new(Code::Unauthenticated, "this needs an access token"))?;
        Ok(Self { user_id, request })
    }
}
