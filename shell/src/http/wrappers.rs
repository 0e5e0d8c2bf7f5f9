//! Which headers of a request count, as a wrapper of the first argument of a handler. The API document follows from it, and so
//! does what the edge reads: a header that an operation does not heed is no part of its `RequestContext`.

use std::ops::Deref;

use axum::extract::FromRequestParts;
use http::request::Parts;

use super::Failure;
use super::access::Access;
use super::caller::Caller;
use super::heeds::{Heeds, Version};

macro_rules! wrappers {
    ($($(#[$doc:meta])* $name:ident: $field:ident = $value:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name<C>(C);

        impl<C: Caller> Caller for $name<C> {
            const ACCESS: Access = C::ACCESS;
            const HEEDS: Heeds = Heeds { $field: $value, ..C::HEEDS };
        }

        impl<C> Deref for $name<C> {
            type Target = C;

            fn deref(&self) -> &C {
                &self.0
            }
        }

        impl<C: FromRequestParts<S, Rejection = Failure>, S: Sync> FromRequestParts<S> for $name<C> {
            type Rejection = Failure;

            async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
                C::from_request_parts(parts, state).await.map(Self)
            }
        }
    )*};
}

wrappers! {
    /// About something that has a version: the answer has its ETag. A GET answers 304 to whoever knows it (If-None-Match); a
    /// change is refused to whoever knows an older one (If-Match, `RequestContext::check_version`).
    Versioned: version = Version::Known;
    /// The answer has the ETag of what was made or found, and there is nothing to compare before.
    Tagged: version = Version::Shown;
    /// Changes what nobody may change without having seen it: needs If-Match (`RequestContext::require_version`).
    VersionRequired: version = Version::Required;
    /// May wait for an outcome, as `Prefer: wait=N` asks for (`RequestContext::wait`).
    MayWait: wait = true;
    /// Keeps no answer for a repetition and takes no Idempotency-Key: it is repeatable in itself. So is whatever has a secret in
    /// the request or in the answer, since the store keeps neither.
    Unrecorded: key = false;
}

#[cfg(test)]
mod tests {
    use super::super::{Anyone, SignedIn};
    use super::*;

    #[test]
    fn the_document_says_what_the_types_say() {
        for (heeds, expect) in [
            (Anyone::HEEDS, Heeds::NOTHING),
            (SignedIn::HEEDS, Heeds::KEY),
            (Unrecorded::<SignedIn>::HEEDS, Heeds::NOTHING),
            (VersionRequired::<SignedIn>::HEEDS, Heeds { version: Version::Required, ..Heeds::KEY }),
            (MayWait::<Versioned<SignedIn>>::HEEDS, Heeds { version: Version::Known, key: true, wait: true }),
        ] {
            assert_eq!((heeds, Heeds::said(&heeds.parameters("PUT"))), (expect, expect));
        }
        let shown = Versioned::<Anyone>::HEEDS;
        assert_eq!(Heeds::said(&shown.parameters("GET")), shown);
        assert_eq!(Heeds::said(&Tagged::<SignedIn>::HEEDS.parameters("POST")), Heeds::KEY);
    }
}
