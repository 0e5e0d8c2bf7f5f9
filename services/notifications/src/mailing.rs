//! What is written of mails: those that one event has for one person, with those for the shop itself, as one item: one write
//! is a third of the price of three. What was ordered is not in it, but read of the order whenever a mail shows it.

use contracts::{Decision, Event};
use kernel::{Duration, Email, EventId, MailId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::mail::{Attempt, MailRecord, MailStatus, Mode};
use crate::mails::{Draft, OrderName};
use crate::mails::{Message, Reader, Template};

/// The last bits of a mail's id are its place in the mailing.
const PLACE_BITS: u32 = 4;
pub const MAILS_MAX: usize = 1 << PLACE_BITS;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mailing {
    pub id: MailId,
    cause: EventId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    order: Option<OrderName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user_id: Option<UserId>,
    created_at: Timestamp,
    pub expires_at: Timestamp,
    pub mails: Vec<Letter>,
}

/// What a mail has for itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    pub to: Email,
    pub status: MailStatus,
    pub message: Message,
    #[serde(default, skip_serializing_if = "is_zero")]
    sending: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    queued_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    attempts: Vec<Attempt>,
}

/// The drafts of an event by mailing: those to one person together, and those to the shop with the first.
pub fn grouped(drafts: Vec<Draft>) -> Vec<Vec<Draft>> {
    let (to_the_shop, to_people): (Vec<_>, Vec<_>) = drafts.into_iter().partition(|draft| draft.message.about().reader == Reader::House);
    let mut mailings: Vec<Vec<Draft>> = Vec::new();
    for draft in to_people {
        match mailings.iter_mut().find(|mailing| mailing[0].to == draft.to && mailing.len() < MAILS_MAX) {
            Some(mailing) => mailing.push(draft),
            None => mailings.push(vec![draft]),
        }
    }
    match mailings.first_mut() {
        Some(first) if first.len() + to_the_shop.len() <= MAILS_MAX => first.extend(to_the_shop),
        Some(_) | None if !to_the_shop.is_empty() => mailings.push(to_the_shop),
        Some(_) | None => {}
    }
    mailings
}

/// By what its first mail says, and to whom: the same for every delivery of the event, also if the people to write to
/// are others by then, so that each mail is written once. Sorts by the time in `about`: the event's, or that of the
/// thing whose end is mailed once, however many events report it.
pub fn mailing_id(about: EventId, template: Template, to: &Email) -> MailId {
    const CHANCE_BITS: u32 = 80;
    let mut hasher = blake3::Hasher::new();
    hasher.update(&about.0.to_be_bytes()).update(template.name.as_bytes()).update(b"#").update(to.as_str().as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    let chance = u128::from_be_bytes(bytes) & ((1 << CHANCE_BITS) - 1);
    mailing_of(MailId((about.0 >> CHANCE_BITS << CHANCE_BITS) | chance))
}

/// The mailing that a mail is a part of.
pub fn mailing_of(mail: MailId) -> MailId {
    MailId(mail.0 >> PLACE_BITS << PLACE_BITS)
}

impl Mailing {
    /// A new mailing of drafts that follow from one event, kept for `keep`. At most `MAILS_MAX` of them are taken.
    pub fn written(id: MailId, drafts: &[Draft], cause: EventId, mode: Mode, keep: Duration, now: Timestamp) -> Decision<Self> {
        let mut mailing = Self {
            id,
            cause,
            order: drafts.iter().find_map(|draft| draft.order.clone()),
            user_id: drafts.iter().find_map(|draft| draft.user_id),
            created_at: now,
            expires_at: now.plus(keep),
            mails: Vec::new(),
        };
        let mut events: Vec<Event> = Vec::new();
        for (place, draft) in (0..).zip(drafts.iter().take(MAILS_MAX)) {
            let mail = MailRecord::written(MailId(id.0 | place), draft.clone(), cause, mode, keep, now);
            let (mail, queued) = mail.into_parts();
            events.extend(queued);
            mailing.mails.push(mail.into());
        }
        Decision::changed(mailing).with_events(events)
    }

    pub fn mail(&self, id: MailId) -> Option<MailRecord> {
        self.all().find(|mail| mail.id == id)
    }

    /// All mails of it, the first first.
    pub fn all(&self) -> impl DoubleEndedIterator<Item = MailRecord> + ExactSizeIterator {
        self.mails.iter().enumerate().map(|(place, letter)| MailRecord {
            id: MailId(self.id.0 | place as u128),
            to: letter.to.clone(),
            status: letter.status,
            message: letter.message.clone(),
            cause: self.cause,
            order: self.order.clone(),
            user_id: self.user_id,
            created_at: self.created_at,
            expires_at: self.expires_at,
            sending: letter.sending,
            queued_at: letter.queued_at,
            attempts: letter.attempts.clone(),
        })
    }

    /// With one of its mails as it has become.
    pub fn with(mut self, mail: MailRecord) -> Self {
        let place = (mail.id.0 & ((1 << PLACE_BITS) - 1)) as usize;
        if let Some(letter) = self.mails.get_mut(place) {
            *letter = mail.into();
        }
        self
    }
}

impl From<MailRecord> for Letter {
    fn from(mail: MailRecord) -> Self {
        Self {
            to: mail.to,
            status: mail.status,
            message: mail.message,
            sending: mail.sending,
            queued_at: mail.queued_at,
            attempts: mail.attempts,
        }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mails::sample;

    const CAUSE: EventId = EventId(0x0193_4f2a_77b1_0000_1234_5678_9abc_def0);
    const KEEP: Duration = Duration::from_secs(90 * 24 * 3600);
    const NOW: Timestamp = Timestamp::MIN;

    fn draft(to: &str, template: &str) -> Draft {
        Draft::to(&to.parse().unwrap(), sample(template)).about(&crate::mails::sample_sale())
    }

    fn sale() -> Vec<Draft> {
        let ann = "ann.lee@example.com";
        vec![draft(ann, "order_confirmation"), draft(ann, "receipt"), draft("boss@example.com", "order_to_admin")]
    }

    #[test]
    fn one_mailing_per_person_and_the_shops_with_the_first() {
        let owners = ["a@example.com", "b@example.com"].map(|to| draft(to, "new_review"));
        let shops = draft("boss@example.com", "low_stock_to_admin");
        for (drafts, expect) in [
            (sale(), vec![3]),
            (owners.to_vec(), vec![1, 1]),
            (vec![shops.clone()], vec![1]),
            ([&owners[..], &[shops]].concat(), vec![2, 1]),
            (vec![owners[0].clone(); MAILS_MAX + 1], vec![MAILS_MAX, 1]),
            (Vec::new(), Vec::new()),
        ] {
            assert_eq!(grouped(drafts).iter().map(Vec::len).collect::<Vec<_>>(), expect);
        }
    }

    fn sale_id() -> MailId {
        mailing_id(CAUSE, sample("order_confirmation").template(), &sale()[0].to)
    }

    #[test]
    fn one_mailing_per_cause_template_and_address() {
        let other = EventId(CAUSE.0 + 1);
        let (ann, bob): (Email, Email) = ("ann@example.com".parse().unwrap(), "bob@example.com".parse().unwrap());
        let [receipt, welcome] = ["receipt", "welcome"].map(|name| sample(name).template());
        let id = mailing_id(CAUSE, receipt, &ann);
        assert_eq!(id, mailing_id(CAUSE, receipt, &ann));
        assert_eq!((id.0 >> 80, id.0 & 15), (CAUSE.0 >> 80, 0));
        assert_eq!(mailing_of(MailId(id.0 | 15)), id);
        for different in [mailing_id(other, receipt, &ann), mailing_id(CAUSE, welcome, &ann), mailing_id(CAUSE, receipt, &bob)] {
            assert_ne!(id, different);
        }
    }

    #[test]
    fn mails_are_what_was_drafted_and_change_alone() {
        let id = sale_id();
        let written = Mailing::written(id, &sale(), CAUSE, Mode::Send, KEEP, NOW);
        assert_eq!(written.events().len(), 3);
        let mailing: Mailing = serde_json::from_str(&serde_json::to_string(written.state()).unwrap()).unwrap();
        assert_eq!(&mailing, written.state());
        for (mail, draft) in mailing.all().zip(sale()) {
            assert_eq!((&mail.to, &mail.message, &mail.order, mail.sending), (&draft.to, &draft.message, &draft.order, 1));
            assert_eq!(mailing.mail(mail.id), Some(mail));
        }
        assert_eq!(mailing.mail(MailId(id.0 | 3)), None);
        let receipt = mailing.mail(MailId(id.0 | 1)).unwrap();
        let sent = mailing.clone().with(receipt.sent(1, NOW).into_state());
        let statuses: Vec<_> = sent.mails.iter().map(|letter| letter.status).collect();
        assert_eq!(statuses, [MailStatus::Queued, MailStatus::Sent, MailStatus::Queued]);
    }

    /// The shop's mail is written when the order is placed, the customer's when it is confirmed: one unit each, since what
    /// was ordered is in neither. A unit is 1,024 bytes, and key, index and framing take less than 256 of them.
    #[test]
    fn the_mails_of_a_sale_fit_in_a_write_unit_each() {
        let (to_the_customer, to_the_house) = (&sale()[..2], &sale()[2..]);
        for drafts in [to_the_customer, to_the_house] {
            let queued = Mailing::written(sale_id(), drafts, CAUSE, Mode::Send, KEEP, NOW).into_state();
            let sent = queued.all().fold(queued.clone(), |mailing, mail| mailing.with(mail.sent(1, NOW).into_state()));
            let json = serde_json::to_string(&sent).unwrap();
            assert!(json.len() < 768, "{} bytes: {json}", json.len());
        }
    }
}
