//! What is written of mails: those that one event has for one reader, as one item: one write is half the price of two. What
//! was ordered is not in it, but read of the order whenever a mail shows it.

use contracts::Decision;
use kernel::{Duration, Email, EventId, MailId, Timestamp, stable_id};
use serde::{Deserialize, Serialize};

use crate::mail::{Mail, MailRecord, Mode, Origin};
use crate::mails::{Draft, Reader, Template};

/// The last bits of a mail's id are its place in the mailing.
const PLACE_BITS: u32 = 4;
pub const MAILS_MAX: usize = 1 << PLACE_BITS;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mailing {
    pub id: MailId,
    #[serde(flatten)]
    pub origin: Origin,
    pub mails: Vec<Mail>,
}

/// The drafts of an event by mailing: those to one reader together. The house has mailings of its own, also where its
/// address is that of a person, so that the erasure of the person leaves them alone.
pub fn grouped(drafts: Vec<Draft>) -> Vec<Vec<Draft>> {
    let receiver = |draft: &Draft| (draft.to.clone(), draft.message.reader() == Reader::House);
    let mut mailings: Vec<Vec<Draft>> = Vec::new();
    for draft in drafts {
        match mailings.iter_mut().find(|mailing| mailing.len() < MAILS_MAX && receiver(&mailing[0]) == receiver(&draft)) {
            Some(mailing) => mailing.push(draft),
            None => mailings.push(vec![draft]),
        }
    }
    mailings
}

/// By what its first mail says, and to whom: the same for every delivery of the event, also if the people to write to
/// are others by then, so that each mail is written once. Sorts by the time in `about`: the event's, or that of the
/// thing whose end is mailed once, however many events report it.
pub fn mailing_id(about: EventId, template: Template, to: &Email) -> MailId {
    const CHANCE_BITS: u32 = 80;
    let hash = stable_id(&[&about.to_string(), template.name(), to.as_str()]);
    let chance = hash & ((1 << CHANCE_BITS) - 1);
    mailing_of(MailId((about.0 >> CHANCE_BITS << CHANCE_BITS) | chance))
}

/// The mailing that a mail is a part of.
pub fn mailing_of(mail: MailId) -> MailId {
    MailId(mail.0 >> PLACE_BITS << PLACE_BITS)
}

impl Mailing {
    /// A new mailing of drafts that follow from one event, kept for `keep`. At most `MAILS_MAX` of them are taken.
    pub fn written(id: MailId, drafts: &[Draft], cause: EventId, mode: Mode, keep: Duration, now: Timestamp) -> Decision<Self> {
        let origin = Origin {
            cause,
            order: drafts.iter().find_map(|draft| draft.order.clone()),
            user_id: drafts.iter().find_map(|draft| draft.user_id),
            created_at: now,
            expires_at: now.plus(keep),
        };
        let (mut mails, mut events) = (Vec::new(), Vec::new());
        for (place, draft) in (0..).zip(drafts.iter().take(MAILS_MAX)) {
            let (record, queued) = MailRecord::written(MailId(id.0 | place), origin.clone(), draft, mode, now).into_parts();
            events.extend(queued);
            mails.push(record.mail);
        }
        Decision::changed(Self { id, origin, mails }).with_events(events)
    }

    pub fn mail(&self, id: MailId) -> Option<MailRecord> {
        self.all().find(|record| record.id == id)
    }

    /// All mails of it, the first first.
    pub fn all(&self) -> impl DoubleEndedIterator<Item = MailRecord> + ExactSizeIterator {
        self.mails.iter().enumerate().map(|(place, mail)| MailRecord {
            id: MailId(self.id.0 | place as u128),
            origin: self.origin.clone(),
            mail: mail.clone(),
        })
    }

    /// With one of its mails as it has become.
    pub fn with(mut self, record: MailRecord) -> Self {
        let place = (record.id.0 & ((1 << PLACE_BITS) - 1)) as usize;
        if let Some(mail) = self.mails.get_mut(place) {
            *mail = record.mail;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::MailStatus;
    use crate::mails::{OrderName, sample, sample_sale};

    const CAUSE: EventId = EventId(0x0193_4f2a_77b1_0000_1234_5678_9abc_def0);
    const KEEP: Duration = Duration::from_secs(90 * 24 * 3600);
    const NOW: Timestamp = Timestamp::MIN;

    fn draft(to: &str, template: Template) -> Draft {
        Draft::to(&to.parse().unwrap(), sample(template)).about(&sample_sale())
    }

    fn sale() -> Vec<Draft> {
        let ann = "ann.lee@example.com";
        vec![draft(ann, Template::OrderConfirmation), draft(ann, Template::Receipt), draft("boss@example.com", Template::OrderToAdmin)]
    }

    #[test]
    fn one_mailing_per_reader() {
        let owners = ["a@example.com", "b@example.com"].map(|to| draft(to, Template::NewReview));
        let house = draft("a@example.com", Template::LowStockToAdmin);
        for (drafts, expect) in [
            (sale(), vec![2, 1]),
            (owners.to_vec(), vec![1, 1]),
            ([&owners[..], &[house.clone(), house]].concat(), vec![1, 1, 2]),
            (vec![owners[0].clone(); MAILS_MAX + 1], vec![MAILS_MAX, 1]),
            (Vec::new(), Vec::new()),
        ] {
            assert_eq!(grouped(drafts).iter().map(Vec::len).collect::<Vec<_>>(), expect);
        }
    }

    fn sale_id() -> MailId {
        mailing_id(CAUSE, Template::OrderConfirmation, &sale()[0].to)
    }

    #[test]
    fn one_mailing_per_cause_template_and_address() {
        let other = EventId(CAUSE.0 + 1);
        let (ann, bob): (Email, Email) = ("ann@example.com".parse().unwrap(), "bob@example.com".parse().unwrap());
        let id = mailing_id(CAUSE, Template::Receipt, &ann);
        assert_eq!(id, mailing_id(CAUSE, Template::Receipt, &ann));
        assert_eq!((id.0 >> 80, id.0 & 15), (CAUSE.0 >> 80, 0));
        assert_eq!(mailing_of(MailId(id.0 | 15)), id);
        for (cause, template, to) in [(other, Template::Receipt, &ann), (CAUSE, Template::Welcome, &ann), (CAUSE, Template::Receipt, &bob)]
        {
            assert_ne!(id, mailing_id(cause, template, to));
        }
    }

    #[test]
    fn mails_are_what_was_drafted_and_change_alone() {
        let id = sale_id();
        let written = Mailing::written(id, &sale(), CAUSE, Mode::Send, KEEP, NOW);
        assert_eq!(written.events().len(), 3);
        let mailing: Mailing = serde_json::from_str(&serde_json::to_string(written.state()).unwrap()).unwrap();
        assert_eq!(&mailing, written.state());
        assert_eq!((&mailing.origin.order, mailing.origin.expires_at), (&Some(OrderName::from(&sample_sale())), NOW.plus(KEEP)));
        for (record, draft) in mailing.all().zip(sale()) {
            assert_eq!((&record.mail.to, &record.mail.message, record.mail.sending), (&draft.to, &draft.message, 1));
            assert_eq!(mailing.mail(record.id), Some(record));
        }
        assert_eq!(mailing.mail(MailId(id.0 | 3)), None);
        let receipt = mailing.mail(MailId(id.0 | 1)).unwrap();
        let sent = mailing.clone().with(receipt.sent(1, NOW).into_state());
        let statuses: Vec<_> = sent.mails.iter().map(|mail| mail.status).collect();
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
