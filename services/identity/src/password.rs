//! Which passwords are good enough, in the manner of NIST SP 800-63B: long, not among those that
//! everyone tries first, and otherwise as the person likes.

use kernel::{Email, Problem};

pub const PASSWORD_CHARS_MIN: usize = 10;
pub const PASSWORD_CHARS_MAX: usize = 128;

/// One a line, lower case; shorter ones are refused for their length.
const COMMON: &str = include_str!("common_passwords.txt");

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    #[error("must be {PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX} characters")]
    Length,
    #[error("is one of the first that anyone would try")]
    Common,
    #[error("must not be made of your e-mail address")]
    Address,
}

impl PasswordError {
    /// `field` is the password's name in the request.
    pub fn at(self, field: &str) -> Problem {
        Problem::field(field, self.to_string())
    }
}

pub fn check_password(password: &str, email: &Email) -> Result<(), PasswordError> {
    if !(PASSWORD_CHARS_MIN..=PASSWORD_CHARS_MAX).contains(&password.chars().count()) {
        return Err(PasswordError::Length);
    }
    let lower = password.to_lowercase();
    let first = lower.chars().next();
    let one_character = lower.chars().all(|character| Some(character) == first);
    if one_character || COMMON.lines().any(|common| common == lower) {
        return Err(PasswordError::Common);
    }
    let (local, _) = email.as_str().split_once('@').unwrap_or((email.as_str(), ""));
    if lower == email.as_str() || lower == local { Err(PasswordError::Address) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords() {
        let email = "Margarete.Lee@example.com".parse().unwrap();
        for (password, expect) in [
            ("correct horse battery", Ok(())),
            ("ünïcödé pässwörd", Ok(())),
            ("          x", Ok(())),
            (&"x1".repeat(64), Ok(())),
            (&"x1".repeat(65), Err(PasswordError::Length)),
            ("short", Err(PasswordError::Length)),
            ("123456789", Err(PasswordError::Length)),
            ("", Err(PasswordError::Length)),
            ("1234567890", Err(PasswordError::Common)),
            ("Password123", Err(PasswordError::Common)),
            ("aaaaaaaaaaaa", Err(PasswordError::Common)),
            ("margarete.lee@example.com", Err(PasswordError::Address)),
            ("Margarete.Lee", Err(PasswordError::Address)),
        ] {
            assert_eq!(check_password(password, &email), expect, "{password}");
        }
    }

    #[test]
    fn the_list_is_as_it_is_read() {
        for common in COMMON.lines() {
            assert!(common.len() >= PASSWORD_CHARS_MIN && common == common.to_lowercase(), "{common}");
        }
        assert!(COMMON.lines().count() >= 100);
    }
}
