//! Mails about accounts. Anybody can register a stranger's address under any name, so they carry no one else's message.

use contracts::{PasswordResetRequested, RegisteredAgain, UserDisabled, UserVerified, VerificationRequested};
use kernel::{Email, UserId};

use super::subscription::{Mails, drafts};
use super::{Draft, Message};
use crate::text::one_line;

pub fn subscribe(mails: Mails) -> Mails {
    mails
        .on(|_, _, event: &UserVerified| {
            let welcome = || to_member(&event.email, event.user_id, Message::Welcome { name: greeting_name(&event.name) });
            drafts(event.first.then(welcome))
        })
        .on(|_, _, event: &RegisteredAgain| {
            let RegisteredAgain { user_id, serial, .. } = *event;
            let name = greeting_name(&event.name);
            drafts([to_member(&event.email, user_id, Message::AccountExists { user_id, name, serial })])
        })
        .on(|_, _, event: &VerificationRequested| {
            let VerificationRequested { user_id, serial, .. } = *event;
            let name = greeting_name(&event.name);
            drafts([to_member(&event.email, user_id, Message::Verification { user_id, name, serial })])
        })
        .on(|_, _, event: &PasswordResetRequested| {
            let PasswordResetRequested { user_id, serial, .. } = *event;
            let name = greeting_name(&event.name);
            drafts([to_member(&event.email, user_id, Message::PasswordReset { user_id, name, serial })])
        })
        .on(|app, _, event: &UserDisabled| {
            Box::pin(async move {
                let account = app.shared.dependencies.accounts.account(event.user_id).await?.filter(|account| account.email_verified);
                let message = |name: &str| Message::AccountDisabled { name: greeting_name(name) };
                Ok(account.iter().map(|account| to_member(&account.email, account.id, message(&account.name))).collect())
            })
        })
}

fn to_member(email: &Email, user_id: UserId, message: Message) -> Draft {
    Draft { user_id: Some(user_id), ..Draft::to(email, message) }
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
