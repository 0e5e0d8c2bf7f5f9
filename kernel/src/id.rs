//! Identifiers: 128 bits in the layout of a ULID (48 bits of milliseconds, 80 bits of chance or of a
//! hash), written as a short prefix that names the kind and 26 characters of Crockford's base32:
//! `ord_01JD3Z5M9Q8X0V4W6Y2T7R5P1N`. They sort by the time of their making.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use ulid::Ulid;

use crate::written::{serde_as_text, text_schema};

/// Why a text is not an identifier of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier of the form {prefix}_ and 26 letters and digits")]
pub struct IdError {
    prefix: &'static str,
}

fn parse(prefix: &'static str, text: &str) -> Result<u128, IdError> {
    let error = IdError { prefix };
    let body = text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_')).ok_or(error.clone())?;
    // The canonical form is upper case; a second spelling of one id would be a second key.
    if body.len() != 26 || body.bytes().any(|byte| !(byte.is_ascii_digit() || byte.is_ascii_uppercase())) {
        return Err(error);
    }
    let value = Ulid::from_string(body).map_err(|_| error.clone())?.0;
    if encode(value).as_slice() == body.as_bytes() { Ok(value) } else { Err(error) }
}

fn encode(value: u128) -> [u8; 26] {
    let mut buffer = [0; 26];
    Ulid(value).array_to_str(&mut buffer);
    buffer
}

fn write(prefix: &str, value: u128, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let buffer = encode(value);
    f.write_str(prefix)?;
    f.write_str("_")?;
    f.write_str(std::str::from_utf8(&buffer).map_err(|_| fmt::Error)?)
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub u128);

        impl From<u128> for $name {
            fn from(value: u128) -> Self {
                Self(value)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write($prefix, self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                parse($prefix, text).map(Self)
            }
        }

        serde_as_text!($name, concat!("an identifier of the form ", $prefix, "_ and 26 letters and digits"));
        text_schema!($name, |schema| schema.pattern(Some(concat!("^", $prefix, "_[0-7][0-9A-HJKMNP-TV-Z]{25}$"))));
    )*

    /// The schemas of all identifiers by their names.
    pub fn id_schemas() -> Vec<(&'static str, utoipa::openapi::RefOr<utoipa::openapi::Schema>)> {
        vec![$((stringify!($name), <$name as utoipa::PartialSchema>::schema()),)*]
    }};
}

ids! {
    /// A person's account.
    UserId = "usr";
    /// A seller or provider.
    BusinessId = "biz";
    /// One sign-in of a user: a family of rotating refresh tokens.
    SessionId = "ses";
    /// An entry of a user's address book.
    AddressId = "adr";
    ProductId = "prd";
    /// A sellable variant of a product; stock is kept per variant.
    VariantId = "var";
    CategoryId = "cat";
    CartId = "crt";
    OrderId = "ord";
    PaymentId = "pay";
    RefundId = "rfd";
    /// One message to one person for one cause.
    MailId = "msg";
    EventId = "evt";
    UploadId = "upl";
    /// An enquiry to a business.
    LeadId = "led";
    /// Somebody's word that a listed business is theirs.
    ClaimId = "clm";
    ReviewId = "rev";
}

/// How the ids of a sale follow from one another: a rule that runs again makes the same ones, and one is found by another
/// without an index.
impl OrderId {
    /// One cart makes one order, so both have the same 128 bits.
    pub fn of_cart(cart: CartId) -> Self {
        Self(cart.0)
    }

    pub fn cart(self) -> CartId {
        CartId(self.0)
    }
}

impl PaymentId {
    /// The last byte of an order's id is chance; in the ids of its payments it is the number of the try.
    const TRY: u128 = 0xFF;

    /// The customer's try number `number` to pay the order, from 1. A later try has a higher id.
    pub fn of_try(order: OrderId, number: u8) -> Self {
        Self((order.0 & !Self::TRY) | u128::from(number))
    }

    /// The ids that the order of this payment may have.
    pub fn order_range(self) -> RangeInclusive<OrderId> {
        OrderId(self.0 & !Self::TRY)..=OrderId(self.0 | Self::TRY)
    }
}

impl RefundId {
    /// The one refund of what was paid for an order that was then cancelled.
    pub fn of_cancellation(order: OrderId) -> Self {
        Self(order.0)
    }

    /// The one refund of what was paid for a seller's part of an order that was then cancelled.
    pub fn of_part(order: OrderId, seller: BusinessId) -> Self {
        Self(stable_id(&[&order.to_string(), &seller.to_string()]))
    }
}

impl BusinessId {
    /// The shop itself, as the seller of whatever no other business sells.
    pub const HOUSE: Self = Self(1);
}

/// 128 bits that are always the same for the same parts: how an import finds again what it made.
pub fn stable_id(parts: &[&str]) -> u128 {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    let mut first = [0; 16];
    first.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    u128::from_be_bytes(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_value_are_one_to_one() {
        for value in [0, 1, u128::MAX, 0x0193_4f2a_77b1_0000_1234_5678_9abc_def0] {
            let id = OrderId(value);
            assert_eq!(id.to_string().parse::<OrderId>(), Ok(id));
        }
        let text = OrderId(7).to_string();
        assert_eq!(text, "ord_00000000000000000000000007");
        for bad in [
            "",
            "ord_",
            "usr_00000000000000000000000007",
            "ord_0000000000000000000000000o",
            &format!("{text}0"),
            "ord_0000000000000000000000000z",
            "ord_80000000000000000000000000",
        ] {
            assert!(bad.parse::<OrderId>().is_err(), "{bad} is no order id");
        }
    }

    #[test]
    fn the_ids_of_a_sale_follow_from_one_another() {
        let cart = CartId(0x0193_4f2a_77b1_0000_1234_5678_9abc_deef);
        let order = OrderId::of_cart(cart);
        assert_eq!(order.cart(), cart);
        let tries = [1, 2, u8::MAX].map(|number| PaymentId::of_try(order, number));
        assert!(tries.is_sorted() && tries[0] != tries[1] && tries[1] != tries[2]);
        for payment in tries {
            assert!(payment.order_range().contains(&order), "{payment}");
            assert!(
                !payment.order_range().contains(&OrderId(order.0 + 0x100)) && !payment.order_range().contains(&OrderId(order.0 - 0x100))
            );
        }
    }

    #[test]
    fn ids_tell_the_parts_apart() {
        assert_eq!(stable_id(&["a", "b"]), stable_id(&["a", "b"]));
        assert_ne!(stable_id(&["a", "b"]), stable_id(&["ab", ""]));
    }
}
