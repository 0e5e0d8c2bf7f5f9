//! Short messages to telephones.

use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

/// A telephone number in the form of E.164: `+`, the country and the number, 7 to 15 digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PhoneNumber(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a telephone number of the form +491712345678")]
pub struct PhoneNumberError;

impl PhoneNumber {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PhoneNumber {
    type Err = PhoneNumberError;

    /// Blanks, dashes, dots, slashes and brackets between the digits are left out. A national number,
    /// without a leading `+`, is refused: it says nothing about the country.
    fn from_str(text: &str) -> Result<Self, PhoneNumberError> {
        let written = text.trim().strip_prefix('+').ok_or(PhoneNumberError)?;
        let digits: String = written.chars().filter(|character| !" -./()".contains(*character)).collect();
        let known = (7..=15).contains(&digits.len()) && !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit());
        if known { Ok(Self(format!("+{digits}"))) } else { Err(PhoneNumberError) }
    }
}

impl TryFrom<String> for PhoneNumber {
    type Error = PhoneNumberError;

    fn try_from(text: String) -> Result<Self, PhoneNumberError> {
        text.parse()
    }
}

impl From<PhoneNumber> for String {
    fn from(number: PhoneNumber) -> Self {
        number.0
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a text may have: about ten parts of a long message.
pub const TEXT_CHARS_MAX: usize = 1500;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SmsError {
    /// This home sends no text messages.
    #[error("text messages are not set up")]
    Disabled,
    /// Trying again can help.
    #[error("not sent yet: {0}")]
    Transient(String),
    /// The number or the text is refused for good.
    #[error("refused: {0}")]
    Permanent(String),
}

#[async_trait]
pub trait Sms: Send + Sync {
    /// At most `TEXT_CHARS_MAX` characters. Sent at least once: networks know no way to recognize a repetition.
    async fn send(&self, to: &PhoneNumber, text: &str) -> Result<(), SmsError>;
}

/// The home that sends none, which is the default.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSms;

#[async_trait]
impl Sms for NoSms {
    async fn send(&self, _: &PhoneNumber, _: &str) -> Result<(), SmsError> {
        Err(SmsError::Disabled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_name_their_country() {
        for (text, expect) in [
            ("+491712345678", Some("+491712345678")),
            (" +49 (171) 234-56.78 ", Some("+491712345678")),
            ("+1234567", Some("+1234567")),
            ("+123456789012345", Some("+123456789012345")),
            ("0171 2345678", None),
            ("+0171 2345678", None),
            ("+123456", None),
            ("+1234567890123456", None),
            ("+49 171 CALLME", None),
            ("", None),
        ] {
            assert_eq!(text.parse::<PhoneNumber>().ok().as_ref().map(PhoneNumber::as_str), expect, "{text}");
        }
    }
}
