//! The lead: an enquiry to a business, which pays for it. Who asked is kept apart from it (`Contact`)
//! and shown to the business only once the lead is released.

pub mod enquiry;
mod error;
pub mod limits;
pub mod storage;
#[cfg(test)]
mod tests;
pub mod views;

use contracts::{Decision, LeadAnswered, LeadBilled, LeadCredited, LeadDelivered, LeadReturned, ReturnReason};
use kernel::{BusinessId, Currency, Duration, LeadId, Money, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use self::enquiry::{Enquiry, Verdict};

pub use self::error::LeadError;

/// After its delivery a lead can be returned for so long.
pub const RETURN_WITHIN: Duration = Duration::from_secs(7 * 24 * 3600);

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema, strum::Display, strum::EnumIter, strum::IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[schema(as = LeadStatus)]
pub enum Status {
    /// Looks like spam: waits for an admin, unseen by the business.
    New,
    /// The business sees it without its contact; its price is fixed.
    Delivered,
    /// Charged, free, or covered by the plan: the contact is released.
    Billed,
    /// The business has given it back; an admin decides.
    Returned,
    /// What was charged goes back.
    Credited,
    /// Nobody pays for it.
    Spam,
}

use Status::{Billed, Credited, Delivered, New, Returned, Spam};

/// Every move that there is: from, on which news, to.
const LIFECYCLE: &[(Status, &str, Status)] = &[
    (New, "deliver", Delivered),
    (New, "spam", Spam),
    (Delivered, "bill", Billed),
    (Delivered, "return", Returned),
    (Delivered, "spam", Spam),
    (Billed, "return", Returned),
    (Returned, "credit", Credited),
    (Returned, "return refused", Billed),
];

/// What a business pays for a lead, decided by admins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "price": 900, "monthly_cap": 20 }))]
pub struct LeadTerms {
    /// Minor units; the shop's price where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 100_000_000)]
    pub price: Option<i64>,
    /// Leads per calendar month (UTC), duplicates not counted; no limit where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monthly_cap: Option<u32>,
    /// The plan pays: every lead is free.
    #[serde(default)]
    pub covered_by_plan: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lead {
    pub id: LeadId,
    pub business_id: BusinessId,
    /// If they were signed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<UserId>,
    /// How long the message is, in characters: all that the business learns of it before the lead is released. Words and
    /// numbers of people's own could always hold a contact.
    #[serde(default)]
    pub message_chars: u32,
    /// One of many of a client, from an address that nobody has shown to be theirs: it costs nothing and stays hidden,
    /// unless an admin delivers it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unconfirmed: bool,
    pub status: Status,
    /// Fixed at delivery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Money>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplicate_of: Option<LeadId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_reason: Option<ReturnReason>,
    pub asked_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<Timestamp>,
    /// Set once, also where the price is zero: from then on the contact is released.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub billed_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returned_at: Option<Timestamp>,
    /// When the business first answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_at: Option<Timestamp>,
}

/// Which lead an enquiry becomes, and whose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sender {
    pub lead_id: LeadId,
    pub business_id: BusinessId,
    /// If they were signed in.
    pub customer_id: Option<UserId>,
}

/// What a delivery is decided with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    pub shop_price: Money,
    pub terms: LeadTerms,
    /// The lead that the same person sent lately.
    pub duplicate_of: Option<LeadId>,
    /// Delivered to the business in this month, duplicates not counted.
    pub this_month: u32,
    /// Whether it is charged: the address is known to be theirs, or it is one of the client's first.
    pub confirmed: bool,
}

/// The lifecycle as a Mermaid state diagram.
pub fn diagram() -> String {
    let mut text = String::from("stateDiagram-v2\n    [*] --> new: asked\n");
    for (from, news, to) in LIFECYCLE {
        text.push_str(&format!("    {from} --> {to}: {news}\n"));
    }
    text.push_str("    billed --> [*]\n    credited --> [*]\n    spam --> [*]\n");
    text
}

impl LeadTerms {
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Lead {
    /// A new enquiry. It is delivered at once, unless it looks like spam.
    pub fn ask(enquiry: &Enquiry, from: Sender, delivery: Delivery, now: Timestamp) -> Result<Decision<Self>, LeadError> {
        let lead = Self {
            id: from.lead_id,
            business_id: from.business_id,
            customer_id: from.customer_id,
            message_chars: enquiry.message_chars(),
            unconfirmed: false,
            status: New,
            price: None,
            duplicate_of: None,
            return_reason: None,
            asked_at: now,
            delivered_at: None,
            billed_at: None,
            returned_at: None,
            answered_at: None,
        };
        match enquiry.verdict() {
            Verdict::Spam => lead.mark_spam(),
            Verdict::Suspicious => Ok(Decision::changed(lead)),
            Verdict::Fine => lead.deliver(delivery, now),
        }
    }

    /// Fixes the price. A free lead is billed at once; a duplicate never is. What a business sees and pays of a duplicate
    /// before it is released is what any other lead shows: otherwise it could try out addresses.
    pub fn deliver(mut self, delivery: Delivery, now: Timestamp) -> Result<Decision<Self>, LeadError> {
        match self.status {
            New => {}
            Delivered if self.unconfirmed && delivery.confirmed => {}
            Delivered | Billed | Returned | Credited => return Ok(Decision::unchanged(self)),
            Spam => return Err(self.illegal("be delivered")),
        }
        let Delivery { shop_price, terms, duplicate_of, this_month, confirmed } = delivery;
        if terms.monthly_cap.is_some_and(|cap| this_month >= cap) {
            return Err(LeadError::CapReached);
        }
        let price = if terms.covered_by_plan { 0 } else { terms.price.unwrap_or(shop_price.amount) };
        let price = Money::new(price, shop_price.currency);
        self.status = Delivered;
        self.price = Some(price);
        self.duplicate_of = duplicate_of;
        self.unconfirmed = !confirmed;
        self.delivered_at = Some(now);
        if self.unconfirmed {
            return Ok(Decision::changed(self));
        }
        let delivered = LeadDelivered { lead_id: self.id, business_id: self.business_id, price };
        let decision = Decision::changed(self).emit(delivered);
        if duplicate_of.is_none() && price.amount == 0 { decision.then(|lead| lead.bill(now)) } else { Ok(decision) }
    }

    /// Charged. What comes after a return changes nothing but the books: the credit takes it back.
    pub fn bill(mut self, now: Timestamp) -> Result<Decision<Self>, LeadError> {
        match self.status {
            Delivered if self.duplicate_of.is_some() => return Err(self.illegal("be billed: it is a duplicate")),
            Delivered if self.unconfirmed => return Err(self.illegal("be billed: it is unconfirmed; deliver it first")),
            Delivered => self.status = Billed,
            Returned | Credited if self.billed_at.is_none() && self.duplicate_of.is_none() => {}
            Billed | Returned | Credited => return Ok(Decision::unchanged(self)),
            New | Spam => return Err(self.illegal("be billed")),
        }
        let price = self.price.ok_or(self.illegal("be billed: it has no price"))?;
        self.billed_at = Some(now);
        let event = LeadBilled { lead_id: self.id, business_id: self.business_id, price, customer_id: self.customer_id };
        Ok(Decision::changed(self).emit(event))
    }

    pub fn give_back(mut self, reason: ReturnReason, now: Timestamp) -> Result<Decision<Self>, LeadError> {
        match self.status {
            Delivered | Billed => {}
            Returned | Credited => return Ok(Decision::unchanged(self)),
            New => return Err(LeadError::NotFound),
            Spam => return Err(self.illegal("be returned")),
        }
        if self.returned_at.is_some() {
            return Err(LeadError::ReturnRefused);
        }
        if self.delivered_at.is_none_or(|delivered_at| now > delivered_at.plus(RETURN_WITHIN)) {
            return Err(LeadError::TooLate);
        }
        self.status = Returned;
        self.return_reason = Some(reason);
        self.returned_at = Some(now);
        let event = LeadReturned { lead_id: self.id, business_id: self.business_id, reason };
        Ok(Decision::changed(self).emit(event))
    }

    pub fn credit(mut self) -> Result<Decision<Self>, LeadError> {
        match self.status {
            Returned => {}
            Credited => return Ok(Decision::unchanged(self)),
            New | Delivered | Billed | Spam => return Err(self.illegal("be credited")),
        }
        self.status = Credited;
        let price = self.price.ok_or(self.illegal("be credited: it has no price"))?;
        let credit = if self.billed_at.is_some() { price } else { zero(price.currency) };
        let event = LeadCredited { lead_id: self.id, business_id: self.business_id, credit };
        Ok(Decision::changed(self).emit(event))
    }

    /// The return is not accepted: the lead counts as sold, and is billed now if it had not been.
    pub fn refuse_return(mut self, now: Timestamp) -> Result<Decision<Self>, LeadError> {
        match self.status {
            Returned if self.duplicate_of.is_some() => Err(self.illegal("be charged: it is a duplicate")),
            Returned if self.unconfirmed => Err(self.illegal("be charged: it is unconfirmed")),
            Returned if self.billed_at.is_some() => {
                self.status = Billed;
                Ok(Decision::changed(self))
            }
            Returned => {
                self.status = Delivered;
                self.bill(now)
            }
            Billed if self.returned_at.is_some() => Ok(Decision::unchanged(self)),
            New | Delivered | Billed | Credited | Spam => Err(self.illegal("have a return refused")),
        }
    }

    pub fn mark_spam(mut self) -> Result<Decision<Self>, LeadError> {
        match self.status {
            New | Delivered => {
                self.status = Spam;
                Ok(Decision::changed(self))
            }
            Spam => Ok(Decision::unchanged(self)),
            Billed | Returned | Credited => Err(self.illegal("become spam; let the business return it")),
        }
    }

    /// The business answers whoever asked, for the `reply`-th time from 0. `is_open` for a duplicate that is released with
    /// the lead before it.
    pub fn answer(mut self, is_open: bool, reply: u32, now: Timestamp) -> Result<Decision<Self>, LeadError> {
        if !self.is_delivered() {
            return Err(LeadError::NotFound);
        }
        if !(is_open || self.is_released()) {
            return Err(LeadError::NotReleased);
        }
        self.answered_at = self.answered_at.or(Some(now));
        let event = LeadAnswered { lead_id: self.id, business_id: self.business_id, reply, customer_id: self.customer_id };
        Ok(Decision::changed(self).emit(event))
    }

    /// The person who asked is erased. The books need the lead, without the person and their words; `None` for one
    /// that no business has seen, which goes as a whole.
    pub fn forget_customer(mut self) -> Option<Decision<Self>> {
        match self.status {
            New => None,
            Delivered | Billed | Returned | Credited | Spam => {
                let known = self.customer_id.take().is_some() || self.message_chars > 0;
                self.message_chars = 0;
                Some(if known { Decision::changed(self) } else { Decision::unchanged(self) })
            }
        }
    }

    /// Whether the business may see who asked. It keeps what it has once seen.
    pub fn is_released(&self) -> bool {
        self.billed_at.is_some()
    }

    /// Whether the business sees that there is one.
    pub fn is_delivered(&self) -> bool {
        match self.status {
            Delivered | Billed | Returned | Credited => true,
            New | Spam => false,
        }
    }

    /// Whether it counts towards the cap of the month: a duplicate and one that is unconfirmed cost nothing.
    pub fn counts(&self) -> bool {
        self.is_delivered() && self.duplicate_of.is_none() && !self.unconfirmed
    }

    fn illegal(&self, wanted: &'static str) -> LeadError {
        LeadError::Illegal { status: self.status.into(), wanted }
    }
}

fn zero(currency: Currency) -> Money {
    Money::new(0, currency)
}
