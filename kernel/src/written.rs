//! Types that are written as a text, in JSON as everywhere else: by `Display`, and read by `FromStr`.

use std::fmt::{self, Display};
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::{self, Visitor};

/// Reads a text where it stands, without a copy of it.
pub(crate) struct TextVisitor<T>(pub &'static str, pub PhantomData<T>);

impl<T: FromStr<Err: Display>> Visitor<'_> for TextVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

/// Serde by way of the text. `$expected` says what is wanted where there is something else, such as a number.
macro_rules! serde_as_text {
    ($name:ty, $expected:expr) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str($crate::written::TextVisitor($expected, std::marker::PhantomData))
            }
        }
    };
}
pub(crate) use serde_as_text;

/// The schema of such a type in the API document, with what it says beside its being a string.
macro_rules! text_schema {
    ($name:ty, |$schema:ident| $limited:expr) => {
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                let $schema = utoipa::openapi::ObjectBuilder::new().schema_type(utoipa::openapi::Type::String);
                $limited.into()
            }
        }

        impl utoipa::ToSchema for $name {}
    };
}
pub(crate) use text_schema;
