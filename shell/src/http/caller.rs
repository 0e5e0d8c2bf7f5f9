//! Who calls, as the first argument of a handler. Each of these types lets in only those whom it names, before
//! anything else is read of the request. Who acts for a business is a question for the business, which knows its people
//! at once; the account hears of them by an event.

use std::ops::Deref;

use axum::extract::FromRequestParts;
use http::request::Parts;
use kernel::{Code, Problem, UserId};

use super::access::Access;
use super::{Failure, RequestContext};

/// A first argument of a handler.
pub trait Caller {
    const ACCESS: Access;
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

/// An admin or somebody of support.
#[derive(Debug, Clone)]
pub struct Staff(RequestContext);

#[derive(Debug, Clone)]
pub struct Admin(RequestContext);

impl Caller for RequestContext {
    const ACCESS: Access = Access::Anyone;
}

impl Caller for Anyone {
    const ACCESS: Access = Access::Anyone;
}

impl Caller for SignedIn {
    const ACCESS: Access = Access::SignedIn;
}

impl Caller for Staff {
    const ACCESS: Access = Access::Staff;
}

impl Caller for Admin {
    const ACCESS: Access = Access::Admin;
}

impl Deref for SignedIn {
    type Target = RequestContext;

    fn deref(&self) -> &RequestContext {
        &self.request
    }
}

impl Deref for Staff {
    type Target = RequestContext;

    fn deref(&self) -> &RequestContext {
        &self.0
    }
}

impl Deref for Admin {
    type Target = RequestContext;

    fn deref(&self) -> &RequestContext {
        &self.0
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

impl<S: Sync> FromRequestParts<S> for Staff {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let SignedIn { request, .. } = SignedIn::from_request_parts(parts, state).await?;
        if request.actor.is_staff() { Ok(Self(request)) } else { Err(Problem::forbidden("this is for staff").into()) }
    }
}

impl<S: Sync> FromRequestParts<S> for Admin {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let SignedIn { request, .. } = SignedIn::from_request_parts(parts, state).await?;
        if request.actor.is_admin() { Ok(Self(request)) } else { Err(Problem::forbidden("this is for admins").into()) }
    }
}
