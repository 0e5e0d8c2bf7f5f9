//! A mail: one message to one address for one cause, and what became of it.
//!
//! ```text
//! captured ─┐            ┌─> sent ──────┐
//!           ├─> queued ──┼─> failed ────┼─> queued (a person asks for it again)
//! (new) ────┘            └─> suppressed ┘
//! ```

use contracts::{Decision, MailQueued};
use kernel::{Code, Duration, Email, EventId, MailId, Problem, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::mails::{Draft, Message, OrderName};
use crate::text::one_line;

/// How often a mail can be sent again.
pub const SENDINGS_MAX: u32 = 10;
/// A mail that waits longer than this is stuck, and may be queued once more.
pub const STUCK_AFTER: Duration = Duration::from_secs(15 * 60);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MailStatus {
    /// Kept in the mailbox of this installation; never on its way to a server.
    Captured,
    /// Waits for the mail server.
    Queued,
    /// The mail server took it.
    Sent,
    /// The mail server refused it for good.
    Failed,
    /// Not sent, because the address refused mail before and can do without this one.
    Suppressed,
}

/// Whether new mails are kept here or sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Capture,
    Send,
}

/// A sending that came to an end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Attempt {
    pub at: Timestamp,
    /// What the server said when it refused; absent when it took the mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A mail of the log. It is stored as a part of a mailing (`mailing.rs`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailRecord {
    pub id: MailId,
    pub origin: Origin,
    pub mail: Mail,
}

/// What the mails of a mailing have in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The event that they follow from.
    pub cause: EventId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

/// What a mail has for itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    pub to: Email,
    pub status: MailStatus,
    pub message: Message,
    /// The number of the current sending, from 1; 0 while it was only captured.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub sending: u32,
    /// While it is queued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queued_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Attempt>,
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MailRecordError {
    #[error("the mail has been sent {SENDINGS_MAX} times already")]
    SentTooOften,
}

impl From<MailRecordError> for Problem {
    fn from(error: MailRecordError) -> Self {
        match error {
            MailRecordError::SentTooOften => Self::new(Code::Conflict, error.to_string()),
        }
    }
}

impl MailRecord {
    /// A new mail for a draft.
    pub fn written(id: MailId, origin: Origin, draft: &Draft, mode: Mode, now: Timestamp) -> Decision<Self> {
        let (to, message) = (draft.to.clone(), draft.message.clone());
        let mail = Mail { to, status: MailStatus::Captured, message, sending: 0, queued_at: None, attempts: Vec::new() };
        let record = Self { id, origin, mail };
        match mode {
            Mode::Capture => Decision::changed(record),
            Mode::Send => record.queued(now),
        }
    }

    /// Whether the sending with this number has yet to happen.
    pub fn awaits(&self, sending: u32) -> bool {
        match self.mail.status {
            MailStatus::Queued => self.mail.sending == sending,
            MailStatus::Captured | MailStatus::Sent | MailStatus::Failed | MailStatus::Suppressed => false,
        }
    }

    /// The mail server took sending number `sending`.
    pub fn sent(self, sending: u32, now: Timestamp) -> Decision<Self> {
        self.ended(sending, MailStatus::Sent, Some(Attempt { at: now, error: None }))
    }

    /// The mail server refused sending number `sending` for good.
    pub fn failed(self, sending: u32, error: &str, now: Timestamp) -> Decision<Self> {
        let attempt = Attempt { at: now, error: Some(one_line(error, 300)) };
        self.ended(sending, MailStatus::Failed, Some(attempt))
    }

    /// The address is on the suppression list.
    pub fn suppressed(self, sending: u32) -> Decision<Self> {
        self.ended(sending, MailStatus::Suppressed, None)
    }

    fn ended(mut self, sending: u32, status: MailStatus, attempt: Option<Attempt>) -> Decision<Self> {
        // A late answer about an earlier sending, or a repeated one, changes nothing.
        if !self.awaits(sending) {
            return Decision::unchanged(self);
        }
        self.mail.status = status;
        self.mail.queued_at = None;
        self.mail.attempts.extend(attempt);
        Decision::changed(self)
    }

    /// A person wants it to go out again. A mail that is on its way already stays so, unless it is stuck.
    pub fn resend(mut self, mode: Mode, now: Timestamp) -> Result<Decision<Self>, MailRecordError> {
        match (mode, self.mail.status) {
            (Mode::Capture, MailStatus::Captured) => Ok(Decision::unchanged(self)),
            (Mode::Capture, MailStatus::Queued | MailStatus::Sent | MailStatus::Failed | MailStatus::Suppressed) => {
                self.mail.status = MailStatus::Captured;
                Ok(Decision::changed(self))
            }
            (Mode::Send, MailStatus::Queued) if !self.is_stuck(now) => Ok(Decision::unchanged(self)),
            (Mode::Send, _) if self.mail.sending >= SENDINGS_MAX => Err(MailRecordError::SentTooOften),
            (Mode::Send, MailStatus::Captured | MailStatus::Queued | MailStatus::Sent | MailStatus::Failed | MailStatus::Suppressed) => {
                Ok(self.queued(now))
            }
        }
    }

    fn is_stuck(&self, now: Timestamp) -> bool {
        self.mail.queued_at.is_none_or(|queued_at| now.since(queued_at) >= STUCK_AFTER)
    }

    fn queued(mut self, now: Timestamp) -> Decision<Self> {
        self.mail.status = MailStatus::Queued;
        self.mail.sending += 1;
        self.mail.queued_at = Some(now);
        let event = MailQueued { mail_id: self.id, attempt: self.mail.sending };
        Decision::changed(self).emit(event)
    }
}

/// An address that refused mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppression {
    pub address: Email,
    pub since: Timestamp,
    pub expires_at: Timestamp,
    pub reason: String,
}

impl Suppression {
    pub fn new(address: Email, reason: &str, keep: Duration, now: Timestamp) -> Self {
        Self { address, since: now, expires_at: now.plus(keep), reason: one_line(reason, 300) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mails::{Template, sample};

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_millis(minutes * 60_000)
    }

    fn written(mode: Mode) -> Decision<MailRecord> {
        let draft = Draft { user_id: Some(7.into()), ..Draft::to(&"ann@example.com".parse().unwrap(), sample(Template::Welcome)) };
        let origin = Origin { cause: 1.into(), order: None, user_id: draft.user_id, created_at: at(0), expires_at: at(24 * 60) };
        MailRecord::written(1.into(), origin, &draft, mode, at(0))
    }

    fn mail(status: MailStatus) -> MailRecord {
        let queued = written(Mode::Send).into_state();
        match status {
            MailStatus::Captured => written(Mode::Capture).into_state(),
            MailStatus::Queued => queued,
            MailStatus::Sent => queued.sent(1, at(1)).into_state(),
            MailStatus::Failed => queued.failed(1, "no such\nmailbox", at(1)).into_state(),
            MailStatus::Suppressed => queued.suppressed(1).into_state(),
        }
    }

    #[test]
    fn new_mails() {
        let captured = written(Mode::Capture);
        assert_eq!((captured.state().mail.status, captured.state().mail.sending, captured.events().len()), (MailStatus::Captured, 0, 0));
        let queued = written(Mode::Send);
        assert_eq!((queued.state().mail.status, queued.state().mail.sending), (MailStatus::Queued, 1));
        assert_eq!(queued.events(), vec![MailQueued { mail_id: queued.state().id, attempt: 1 }.into()]);
    }

    #[test]
    fn only_a_queued_mail_is_sent_or_refused() {
        use MailStatus::*;
        for status in [Captured, Queued, Sent, Failed, Suppressed] {
            for sending in [1, 2] {
                let moves = status == Queued && sending == 1;
                let before = mail(status);
                assert_eq!(before.awaits(sending), moves, "{status:?} {sending}");
                for (decision, expect) in [
                    (before.clone().sent(sending, at(2)), Sent),
                    (before.clone().failed(sending, "no", at(2)), Failed),
                    (before.clone().suppressed(sending), Suppressed),
                ] {
                    assert_eq!(decision.is_changed(), moves, "{status:?} {sending}");
                    assert_eq!(decision.state().mail.status, if moves { expect } else { status });
                    assert!(decision.events().is_empty());
                }
            }
        }
        assert_eq!(mail(Failed).mail.attempts, vec![Attempt { at: at(1), error: Some("no such mailbox".into()) }]);
        assert_eq!(mail(Sent).mail.attempts, vec![Attempt { at: at(1), error: None }]);
        assert!(mail(Suppressed).mail.attempts.is_empty());
    }

    #[test]
    fn resending() {
        use MailStatus::*;
        for (mode, status, minutes, expect) in [
            (Mode::Capture, Captured, 1, None),
            (Mode::Capture, Failed, 1, Some(Captured)),
            (Mode::Capture, Sent, 1, Some(Captured)),
            (Mode::Send, Captured, 1, Some(Queued)),
            (Mode::Send, Queued, 14, None),
            (Mode::Send, Queued, 15, Some(Queued)),
            (Mode::Send, Sent, 1, Some(Queued)),
            (Mode::Send, Failed, 1, Some(Queued)),
            (Mode::Send, Suppressed, 1, Some(Queued)),
        ] {
            let before = mail(status);
            let decision = before.clone().resend(mode, at(minutes)).unwrap();
            assert_eq!(decision.is_changed().then_some(decision.state().mail.status), expect, "{mode:?} {status:?} {minutes}");
            let queued = expect == Some(Queued);
            assert_eq!(decision.events().len(), usize::from(queued));
            assert_eq!(decision.state().mail.sending, before.mail.sending + u32::from(queued));
        }
    }

    #[test]
    fn resending_ends() {
        let mut mail = mail(MailStatus::Sent);
        for sending in 2..=SENDINGS_MAX {
            mail = mail.resend(Mode::Send, at(1)).unwrap().into_state().sent(sending, at(2)).into_state();
        }
        assert_eq!(mail.resend(Mode::Send, at(3)), Err(MailRecordError::SentTooOften));
    }
}
