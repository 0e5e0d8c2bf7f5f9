//! E-mail addresses, kept lower case, since no provider of note tells `Ann@` from `ann@` and two
//! accounts for one person are a support case.

use std::fmt;
use std::str::FromStr;

use utoipa::openapi::SchemaFormat;

use crate::written::{serde_as_text, text_schema};

/// A mailbox address as HTML's input type=email accepts it, at most 254 characters (RFC 5321), lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Email(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an e-mail address")]
pub struct EmailError;

/// Nobody has an address below `.invalid` (RFC 2606).
const ERASED: &str = "@erased.invalid";

impl Email {
    /// What stands for the address of a person who was erased, in what is kept without them.
    pub fn erased(id: impl fmt::Display) -> Self {
        Self(format!("{id}{ERASED}").to_ascii_lowercase())
    }

    /// Whether it stands for the address of a person who was erased: no mail goes there.
    pub fn is_erased(&self) -> bool {
        self.0.ends_with(ERASED)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Email {
    type Err = EmailError;

    fn from_str(text: &str) -> Result<Self, EmailError> {
        let text = text.trim();
        let (local, domain) = text.rsplit_once('@').ok_or(EmailError)?;
        let local_ok = !local.is_empty()
            && local.len() <= 64
            && !local.starts_with('.')
            && !local.ends_with('.')
            && !local.contains("..")
            && local.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&byte));
        let label_ok = |label: &str| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        let domain_ok = domain.contains('.') && domain.split('.').all(label_ok);
        if text.len() <= 254 && local_ok && domain_ok { Ok(Self(text.to_ascii_lowercase())) } else { Err(EmailError) }
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

serde_as_text!(Email, "an e-mail address");
text_schema!(Email, |schema| schema.format(Some(SchemaFormat::Custom("email".into()))).max_length(Some(254)));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for good in ["ann@example.com", "Ann.Lee+souk@mail.example.co.uk", " b@x.de ", "o'neil@example.ie"] {
            assert!(good.parse::<Email>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "ann",
            "ann@",
            "@example.com",
            "ann@localhost",
            "a b@example.com",
            "ann@ex..com",
            ".ann@example.com",
            "ann@-x.de",
            "ann@example.com\r\nBcc: x@y.de",
        ] {
            assert!(bad.parse::<Email>().is_err(), "{bad}");
        }
        assert_eq!("Ann@Example.COM".parse::<Email>().unwrap().as_str(), "ann@example.com");
    }
}
