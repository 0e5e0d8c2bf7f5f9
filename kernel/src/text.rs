//! Text that people type, with its limits in its type: whoever holds one need not check it again.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, SchemaFormat, Type};

/// Why a text was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    #[error("must be {min} to {max} characters")]
    Length { min: usize, max: usize },
    #[error("must not hold control characters, nor invisible ones that turn or hide what is read")]
    ControlCharacter,
}

/// Control characters, and the format characters of Unicode (Cf), which turn the direction of what is read or are not seen
/// at all. Two of them are not among these, since scripts and emoji need them: the joiner and the non-joiner of zero width.
pub fn is_unseen(character: char) -> bool {
    let format = matches!(character,
        '\u{AD}' | '\u{600}'..='\u{605}' | '\u{61C}' | '\u{6DD}' | '\u{70F}' | '\u{890}'..='\u{891}' | '\u{8E2}' | '\u{180E}'
        | '\u{200B}' | '\u{200E}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{206F}'
        | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{110BD}' | '\u{110CD}' | '\u{13430}'..='\u{1343F}' | '\u{1BCA0}'..='\u{1BCA3}'
        | '\u{1D173}'..='\u{1D17A}' | '\u{E0001}' | '\u{E0020}'..='\u{E007F}');
    format || character.is_control()
}

/// One line of `MIN` to `MAX` characters (Unicode scalar values) without those of [`is_unseen`]. White space around it
/// is taken away.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Line<const MIN: usize, const MAX: usize>(String);

/// Text in any number of lines, without control characters but line feeds and tabs; `\r\n` becomes `\n`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Paragraph<const MIN: usize, const MAX: usize>(String);

fn checked(text: &str, min: usize, max: usize, refused: impl Fn(char) -> bool) -> Result<String, TextError> {
    if text.chars().any(refused) {
        return Err(TextError::ControlCharacter);
    }
    if (min..=max).contains(&text.chars().count()) { Ok(text.to_owned()) } else { Err(TextError::Length { min, max }) }
}

impl<const MIN: usize, const MAX: usize> Line<MIN, MAX> {
    pub const MAX: usize = MAX;

    pub fn new(text: &str) -> Result<Self, TextError> {
        checked(text.trim(), MIN, MAX, is_unseen).map(Self)
    }
}

impl<const MIN: usize, const MAX: usize> Paragraph<MIN, MAX> {
    pub const MAX: usize = MAX;

    pub fn new(text: &str) -> Result<Self, TextError> {
        let text = text.trim().replace("\r\n", "\n");
        checked(&text, MIN, MAX, |character| character.is_control() && !matches!(character, '\n' | '\t')).map(Self)
    }
}

macro_rules! text {
    ($($name:ident)*) => {$(
        impl<const MIN: usize, const MAX: usize> $name<MIN, MAX> {
            pub fn as_str(&self) -> &str {
                &self.0
            }

            pub fn into_string(self) -> String {
                self.0
            }
        }

        impl<const MIN: usize, const MAX: usize> Deref for $name<MIN, MAX> {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl<const MIN: usize, const MAX: usize> fmt::Display for $name<MIN, MAX> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<const MIN: usize, const MAX: usize> From<$name<MIN, MAX>> for String {
            fn from(text: $name<MIN, MAX>) -> Self {
                text.0
            }
        }

        impl<const MIN: usize, const MAX: usize> std::str::FromStr for $name<MIN, MAX> {
            type Err = TextError;

            fn from_str(text: &str) -> Result<Self, TextError> {
                Self::new(text)
            }
        }

        impl<'de, const MIN: usize, const MAX: usize> Deserialize<'de> for $name<MIN, MAX> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<str>::deserialize(deserializer)?;
                Self::new(&text).map_err(serde::de::Error::custom)
            }
        }

        /// The limits of the type are those of the API: write `#[schema(inline)]` at the field.
        impl<const MIN: usize, const MAX: usize> utoipa::PartialSchema for $name<MIN, MAX> {
            fn schema() -> RefOr<Schema> {
                let format = SchemaFormat::Custom(stringify!($name).to_ascii_lowercase());
                ObjectBuilder::new().schema_type(Type::String).format(Some(format)).min_length(Some(MIN)).max_length(Some(MAX)).into()
            }
        }

        impl<const MIN: usize, const MAX: usize> utoipa::ToSchema for $name<MIN, MAX> {
            fn name() -> Cow<'static, str> {
                format!("{}{MIN}To{MAX}", stringify!($name)).into()
            }
        }
    )*};
}

text!(Line Paragraph);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_trimmed_and_bounded() {
        let length = TextError::Length { min: 2, max: 4 };
        for (text, line, paragraph) in [
            (" ab ", Ok("ab"), Ok("ab")),
            ("äöüß", Ok("äöüß"), Ok("äöüß")),
            ("a", Err(length), Err(length)),
            ("abcde", Err(length), Err(length)),
            ("a\nb", Err(TextError::ControlCharacter), Ok("a\nb")),
            ("a\r\nb", Err(TextError::ControlCharacter), Ok("a\nb")),
            ("a\u{202E}b", Err(TextError::ControlCharacter), Ok("a\u{202E}b")),
            ("a\u{200B}b", Err(TextError::ControlCharacter), Ok("a\u{200B}b")),
            ("a\u{200D}b", Ok("a\u{200D}b"), Ok("a\u{200D}b")),
            ("a\u{7}b", Err(TextError::ControlCharacter), Err(TextError::ControlCharacter)),
        ] {
            assert_eq!(Line::<2, 4>::new(text).as_deref(), line.as_deref(), "{text:?}");
            assert_eq!(Paragraph::<2, 4>::new(text).as_deref(), paragraph.as_ref().copied(), "{text:?}");
        }
    }

    #[test]
    fn a_text_that_does_not_fit_is_not_read() {
        let error = serde_json::from_str::<Line<1, 3>>("\"four\"").unwrap_err();
        assert!(error.to_string().starts_with("must be 1 to 3 characters"), "{error}");
        assert_eq!(serde_json::to_string(&Line::<1, 3>::new("two").unwrap()).unwrap(), "\"two\"");
    }
}
