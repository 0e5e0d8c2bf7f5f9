//! Mails about accounts. Anybody can register a stranger's address under any name, so they carry no one else's message.

use contracts::{PasswordResetRequested, UserDisabled, UserRegistered, VerificationRequested};
use kernel::{Email, UserId};
use ports::reads::LinkPurpose;
use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantNames};

use super::{About, Reader};
use crate::consumer::{Mails, drafts};
use crate::draft::Draft;
use crate::links::Link;
use crate::text::one_line;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr, VariantNames)]
#[serde(tag = "mail", rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum IdentityMail {
    Welcome { name: String },
    Verification { user_id: UserId, name: String, serial: u32 },
    PasswordReset { user_id: UserId, name: String, serial: u32 },
    AccountDisabled { name: String },
}

impl IdentityMail {
    pub fn about(&self) -> About {
        let member = |purpose| About::new(Reader::Member, purpose);
        match *self {
            Self::Welcome { .. } => member("Greets a new customer.").link(Link::Home).optional(),
            Self::Verification { user_id, serial, .. } => member("Asks a customer to confirm that the address is theirs.")
                .link(Link::Account { user_id, purpose: LinkPurpose::VerifyEmail, serial }),
            Self::PasswordReset { user_id, serial, .. } => member("Brings the link to choose a new password.").link(Link::Account {
                user_id,
                purpose: LinkPurpose::ResetPassword,
                serial,
            }),
            Self::AccountDisabled { .. } => member("Tells a customer that an admin has blocked the account."),
        }
    }

    pub fn samples() -> Vec<Self> {
        let name = || "Ann Lee".to_owned();
        vec![
            Self::Welcome { name: name() },
            Self::Verification { user_id: 1.into(), name: name(), serial: 1 },
            Self::PasswordReset { user_id: 1.into(), name: name(), serial: 1 },
            Self::AccountDisabled { name: name() },
        ]
    }
}

pub fn subscribe(mails: Mails) -> Mails {
    mails
        .on(|_, _, event: &UserRegistered| {
            drafts([to_member(&event.email, event.user_id, IdentityMail::Welcome { name: greeting_name(&event.name) })])
        })
        .on(|_, _, event: &VerificationRequested| {
            let name = greeting_name(&event.name);
            let mail = IdentityMail::Verification { user_id: event.user_id, name, serial: event.serial };
            drafts([to_member(&event.email, event.user_id, mail)])
        })
        .on(|_, _, event: &PasswordResetRequested| {
            let name = greeting_name(&event.name);
            let mail = IdentityMail::PasswordReset { user_id: event.user_id, name, serial: event.serial };
            drafts([to_member(&event.email, event.user_id, mail)])
        })
        .on(|app, _, event: &UserDisabled| {
            Box::pin(async move {
                let Some(account) = app.shared.dependencies.accounts.account(event.user_id).await? else { return Ok(Vec::new()) };
                let mail = IdentityMail::AccountDisabled { name: greeting_name(&account.name) };
                Ok(if account.email_verified { vec![to_member(&account.email, account.id, mail)] } else { Vec::new() })
            })
        })
}

fn to_member(email: &Email, user_id: UserId, mail: IdentityMail) -> Draft {
    Draft { user_id: Some(user_id), ..Draft::to(email, mail) }
}

/// The name to greet with; none if a mail program would turn it into a link.
fn greeting_name(name: &str) -> String {
    let name = one_line(name, 60);
    let dotted = name.as_bytes().windows(2).any(|pair| pair[0] == b'.' && pair[1] != b' ');
    if dotted || name.contains(['/', '@', ':', '\\']) { String::new() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greeting_names() {
        for (name, expect) in [
            ("Ann Lee", "Ann Lee"),
            ("  Dr. Ann\r\n Lee ", "Dr. Ann Lee"),
            ("O'Neil <b>", "O'Neil <b>"),
            ("You won! https://evil.example", ""),
            ("visit evil.example now", ""),
            ("request ann@example.com", ""),
            ("", ""),
        ] {
            assert_eq!(greeting_name(name), expect, "{name}");
        }
        assert_eq!(greeting_name(&"ä".repeat(61)), format!("{}…", "ä".repeat(60)));
    }
}
