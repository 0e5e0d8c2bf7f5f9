//! Samples of all that is stored, held against the golden file.

use contracts::{CancelReason, DeclineCode, ReturnReason};
use kernel::{Currency, Duration, EventId, MailId, Money, Timestamp};
use shell::testing::Golden;

use crate::mail::{Attempt, Mail, MailRecord, MailStatus, Mode, Suppression};
use crate::mailing::Mailing;
use crate::mails::{Draft, Message, MoneyBack, OrderName, ParcelName, Template, sample};

const ID: MailId = MailId(16);
const CANCEL_REASONS: [CancelReason; 5] =
    [CancelReason::OutOfStock, CancelReason::Expired, CancelReason::ByCustomer, CancelReason::BySeller, CancelReason::ByAdmin];
const DECLINES: [DeclineCode; 4] =
    [DeclineCode::CardDeclined, DeclineCode::InsufficientFunds, DeclineCode::AuthenticationFailed, DeclineCode::PaymentFailed];
const RETURN_REASONS: [ReturnReason; 4] =
    [ReturnReason::WrongNumber, ReturnReason::WrongCategory, ReturnReason::Spam, ReturnReason::Duplicate];

fn at() -> Timestamp {
    Timestamp::from_millis(1)
}

fn mailing(draft: Draft) -> Mailing {
    Mailing::written(ID, &[draft], EventId(1), Mode::Capture, Duration::from_secs(60), at()).into_state()
}

fn draft(message: Message) -> Draft {
    Draft::to(&"ann@example.com".parse().unwrap(), message)
}

/// The samples of the mails, and what else may be in them.
fn messages() -> Vec<Message> {
    let mut messages = Message::samples();
    let business = || "Old Mill".to_owned();
    messages.push(Message::ClaimDecided { business_id: 3.into(), business: business(), reason: Some("No proof.".into()) });
    messages.extend(RETURN_REASONS.map(|reason| Message::LeadReturned { lead_id: 9.into(), business: business(), reason }));
    let url = Some("https://dhl.example/00340434".to_owned());
    let parcels = [None, url].map(|url| ParcelName { carrier: None, number: None, url }).to_vec();
    messages.push(Message::Shipped { seller_id: 3.into(), business: None, parcels, to_come: Vec::new() });
    let declined = |code| Message::PaymentDeclined { code, total: Money::new(1190, Currency::EUR), minutes: 28 };
    messages.extend(DECLINES.map(declined));
    let cancelled = |reason, money| Message::Cancellation { total: Money::new(1190, Currency::EUR), reason, money };
    messages.extend(CANCEL_REASONS.map(|reason| cancelled(reason, MoneyBack::NothingTaken)));
    let moneys = [MoneyBack::NothingTaken, MoneyBack::HoldLifted, MoneyBack::Returned];
    messages.extend(moneys.map(|money| cancelled(CancelReason::ByCustomer, money)));
    messages
}

/// With all that may be absent.
fn in_status(status: MailStatus) -> Mailing {
    let order = |guest| OrderName { id: 6.into(), number: "S-7K3F-92QD".into(), guest };
    let mailing = mailing(Draft { user_id: Some(1.into()), ..draft(sample(Template::Receipt)).about(order(true)) });
    let record = mailing.mail(ID).unwrap();
    let attempts = [None, Some("The mailbox is full.".to_owned())].map(|error| Attempt { at: at(), error });
    let mail = Mail { status, sending: 2, queued_at: Some(at()), attempts: attempts.to_vec(), ..record.mail };
    mailing.with(MailRecord { mail, ..record })
}

fn mailings() -> Vec<Mailing> {
    use MailStatus::{Captured, Failed, Queued, Sent, Suppressed};
    let of_customer = draft(sample(Template::Receipt)).about(OrderName { id: 6.into(), number: "S-7K3F-92QD".into(), guest: false });
    let mut mailings: Vec<Mailing> = messages().into_iter().map(|message| mailing(draft(message))).collect();
    mailings.push(mailing(of_customer));
    mailings.extend([Captured, Queued, Sent, Failed, Suppressed].map(in_status));
    mailings
}

#[test]
fn what_was_stored_once_stays_readable() {
    let suppression =
        Suppression { address: "ann@example.com".parse().unwrap(), since: at(), expires_at: at(), reason: "The mailbox is full.".into() };
    Golden::of(env!("CARGO_MANIFEST_DIR")).record("Mailing", mailings()).record("Suppression", [suppression]).check();
}
