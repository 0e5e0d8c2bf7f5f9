//! What went wrong, in the form of RFC 9457 (problem details). This file is the one table of codes:
//! a code is stable, a client may branch on it; its status and title follow from it.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $status:literal, $code:literal, $title:literal;)*) => {
        /// The stable name of a kind of problem.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];

            /// The `code` member, and the last part of the `type` URI.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The HTTP status.
            pub fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }
        }
    };
}

codes! {
    MalformedRequest = 400, "malformed-request", "The request could not be read";
    InvalidCursor = 400, "invalid-cursor", "The cursor is not one of ours";
    Unauthenticated = 401, "unauthenticated", "Sign in first";
    InvalidCredentials = 401, "invalid-credentials", "The address or the password is wrong";
    InvalidToken = 401, "invalid-token", "The token is invalid or has expired";
    Forbidden = 403, "forbidden", "You may not do this";
    NotFound = 404, "not-found", "There is no such thing";
    MethodNotAllowed = 405, "method-not-allowed", "The method is not allowed here";
    RequestTimeout = 408, "request-timeout", "The request came too slowly";
    Conflict = 409, "conflict", "The state does not allow this";
    AlreadyExists = 409, "already-exists", "This exists already";
    InsufficientStock = 409, "insufficient-stock", "There is not enough in stock";
    OutOfStock = 409, "out-of-stock", "Something is sold out";
    PriceChanged = 409, "price-changed", "A price has changed since it was shown";
    CartClosed = 409, "cart-closed", "The cart has been ordered already";
    CartEmpty = 409, "cart-empty", "The cart is empty";
    NotForSale = 409, "not-for-sale", "The product is not for sale";
    IllegalTransition = 409, "illegal-transition", "The status does not allow this step";
    RefundTooLarge = 409, "refund-too-large", "The refund exceeds what was captured";
    PreconditionFailed = 412, "precondition-failed", "It has been changed in the meantime";
    PayloadTooLarge = 413, "payload-too-large", "The body is too large";
    UnsupportedMediaType = 415, "unsupported-media-type", "The media type is not supported";
    Invalid = 422, "invalid", "The request is not valid";
    IdempotencyKeyReused = 422, "idempotency-key-reused", "The Idempotency-Key was used for another request";
    PreconditionRequired = 428, "precondition-required", "Send If-Match with the ETag that you read";
    TooManyRequests = 429, "too-many-requests", "Too many requests";
    TooManyAttempts = 429, "too-many-attempts", "Too many attempts";
    TooManyUnpaidOrders = 429, "too-many-unpaid-orders", "Too many orders wait for their payment";
    /// A defect of ours: logged with its cause, which the client is not told.
    Internal = 500, "internal", "Something went wrong on our side";
    /// The store kept changing under the command, or the machine is too busy: try again.
    Overloaded = 503, "overloaded", "Too busy right now";
    /// Something that we need is out of order: logged with its cause, which the client is not told.
    Unavailable = 503, "unavailable", "A part that this needs does not answer";
}

/// One field of the request that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FieldError {
    /// The path of the field: `lines[0].quantity`.
    pub field: String,
    pub message: String,
}

/// A refusal with its reason. Nothing has been changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub code: Code,
    /// A sentence for a person, about this occurrence.
    pub detail: String,
    pub fields: Vec<FieldError>,
    /// When to try again, in seconds.
    pub retry_after_secs: Option<u32>,
}

impl Problem {
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), fields: Vec::new(), retry_after_secs: None }
    }

    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(Code::Invalid, detail)
    }

    /// One field is wrong.
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::fields(vec![FieldError { field: field.into(), message: message.into() }])
    }

    /// All fields that are wrong, of which there is at least one.
    pub fn fields(fields: Vec<FieldError>) -> Self {
        let shown: Vec<_> = fields.iter().map(|field| format!("{}: {}", field.field, field.message)).collect();
        Self { fields, ..Self::invalid(shown.join("; ")) }
    }

    pub fn not_found(what: impl fmt::Display) -> Self {
        Self::new(Code::NotFound, format!("there is no {what}"))
    }

    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(Code::Forbidden, detail)
    }

    /// A defect of ours; `cause` is for the log only.
    pub fn internal(cause: impl fmt::Display) -> Self {
        Self::new(Code::Internal, cause.to_string())
    }

    /// Something else is out of order for now; `cause` is for the log only.
    pub fn unavailable(cause: impl fmt::Display) -> Self {
        Self { retry_after_secs: Some(1), ..Self::new(Code::Unavailable, cause.to_string()) }
    }

    pub fn add_field(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.fields.push(FieldError { field: field.into(), message: message.into() });
    }

    #[must_use]
    pub fn retry_after(mut self, secs: u32) -> Self {
        self.retry_after_secs = Some(secs);
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.detail)
    }
}

impl std::error::Error for Problem {}

impl From<crate::MoneyError> for Problem {
    fn from(error: crate::MoneyError) -> Self {
        Self::invalid(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct() {
        for (index, code) in Code::ALL.iter().enumerate() {
            assert!(Code::ALL[..index].iter().all(|other| other.as_str() != code.as_str()), "{} twice", code.as_str());
        }
    }
}
