//! The lead: an enquiry to a business, which pays for it. Who asked is kept apart from it (`Contact`)
//! and shown to the business only once the lead is released.

use contracts::{Decision, LeadBilled, LeadCredited, LeadDelivered, LeadMarkedSpam, LeadReturned, ReturnReason};
use kernel::{BusinessId, Code, Currency, Duration, Email, LeadId, Money, Problem, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::text::{line, masked, paragraph};

pub const NAME_CHARS_MAX: usize = 100;
pub const PHONE_CHARS_MAX: usize = 40;
pub const MESSAGE_CHARS_MAX: usize = 4_000;
/// The same person asking the same business again within it is not charged again.
pub const DUPLICATE_WITHIN: Duration = Duration::from_secs(30 * 24 * 3600);
/// After its delivery a lead can be returned for so long.
pub const RETURN_WITHIN: Duration = Duration::from_secs(7 * 24 * 3600);
/// More links than these make an enquiry wait for a look.
const LINKS_MAX: usize = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeadTerms {
    /// Minor units; the shop's price where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<i64>,
    /// Leads per calendar month (UTC), duplicates not counted; no limit where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monthly_cap: Option<u32>,
    /// The plan pays: every lead is free.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub covered_by_plan: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lead {
    pub id: LeadId,
    pub business_id: BusinessId,
    /// If they were signed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<UserId>,
    /// The message without what could be a contact.
    pub preview: String,
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
}

/// Who asked, and what they wrote. The one place where it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    pub lead_id: LeadId,
    pub name: String,
    pub email: Email,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    pub message: String,
}

/// What somebody fills in.
#[derive(Debug, Clone)]
pub struct Enquiry {
    pub name: String,
    pub email: String,
    pub phone: Option<String>,
    pub message: String,
}

/// How a new enquiry is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// A program filled in what people do not see.
    Spam,
    /// Somebody should look at it first.
    Suspicious,
    Fine,
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
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LeadError {
    #[error("there is no such lead")]
    NotFound,
    #[error("{field} {reason}")]
    Field { field: &'static str, reason: &'static str },
    #[error("the business takes no enquiries here")]
    NotTaken,
    #[error("the business takes no more enquiries this month")]
    CapReached,
    #[error("too many enquiries from this address; wait a day")]
    TooMany,
    #[error("a lead that is {} cannot {wanted}", status.as_str())]
    Illegal { status: Status, wanted: &'static str },
    #[error("a lead can be returned within 7 days of its delivery")]
    TooLate,
    #[error("the return of this lead was refused")]
    ReturnRefused,
}

impl From<LeadError> for Problem {
    fn from(error: LeadError) -> Self {
        let message = error.to_string();
        match error {
            LeadError::NotFound => Self::new(Code::NotFound, message),
            LeadError::Field { field, reason } => Self::field(field, reason),
            LeadError::NotTaken | LeadError::CapReached => Self::new(Code::Conflict, message),
            LeadError::TooMany => Self::new(Code::TooManyAttempts, message).retry_after(24 * 3600),
            LeadError::Illegal { .. } | LeadError::TooLate | LeadError::ReturnRefused => Self::new(Code::IllegalTransition, message),
        }
    }
}

impl Status {
    pub const ALL: [Self; 6] = [New, Delivered, Billed, Returned, Credited, Spam];

    pub fn as_str(self) -> &'static str {
        match self {
            New => "new",
            Delivered => "delivered",
            Billed => "billed",
            Returned => "returned",
            Credited => "credited",
            Spam => "spam",
        }
    }
}

/// The lifecycle as a Mermaid state diagram.
pub fn diagram() -> String {
    let mut text = String::from("stateDiagram-v2\n    [*] --> new: asked\n");
    for (from, news, to) in LIFECYCLE {
        text.push_str(&format!("    {} --> {}: {news}\n", from.as_str(), to.as_str()));
    }
    text.push_str("    billed --> [*]\n    credited --> [*]\n    spam --> [*]\n");
    text
}

impl LeadTerms {
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Enquiry {
    pub fn checked(self, lead_id: LeadId) -> Result<Contact, LeadError> {
        let wrong = |field, reason| LeadError::Field { field, reason };
        let phone = self.phone.filter(|phone| !phone.trim().is_empty());
        Ok(Contact {
            lead_id,
            name: line(&self.name, 1, NAME_CHARS_MAX).ok_or(wrong("name", "must be 1 to 100 characters in one line"))?,
            email: self.email.trim().parse().map_err(|_| wrong("email", "must be an e-mail address"))?,
            phone: phone.map(|phone| checked_phone(&phone).ok_or(wrong("phone", "must be a telephone number"))).transpose()?,
            message: paragraph(&self.message, 1, MESSAGE_CHARS_MAX).ok_or(wrong("message", "must be 1 to 4000 characters"))?,
        })
    }
}

fn checked_phone(text: &str) -> Option<String> {
    let text = line(text, 5, PHONE_CHARS_MAX)?;
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let plain = text.chars().all(|letter| letter.is_ascii_digit() || "+-/(). ".contains(letter));
    (plain && digits >= 5).then_some(text)
}

impl Contact {
    /// What is the same for the same person, however they write it: to be hashed, never shown.
    pub fn identities(&self) -> Vec<String> {
        let mut all = vec![format!("email:{}", self.email.as_str().to_ascii_lowercase())];
        if let Some(phone) = &self.phone {
            let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
            // Without the country's code a number begins with 0, with it there is none.
            let start = digits.len().saturating_sub(9);
            all.push(format!("phone:{}", &digits[start..]));
        }
        all
    }

    fn verdict(&self) -> Verdict {
        let links =
            self.message.matches("http://").count() + self.message.matches("https://").count() + self.message.matches("www.").count();
        if links > LINKS_MAX { Verdict::Suspicious } else { Verdict::Fine }
    }

    fn preview(&self) -> String {
        let phone = self.phone.as_deref().unwrap_or_default();
        masked(&self.message, &[&self.name, self.email.as_str(), phone])
    }
}

impl Lead {
    /// `trapped` tells that a field was filled in that people do not see.
    pub fn ask(
        business_id: BusinessId,
        customer_id: Option<UserId>,
        contact: &Contact,
        trapped: bool,
        now: Timestamp,
    ) -> (Decision<Self>, Verdict) {
        let verdict = if trapped { Verdict::Spam } else { contact.verdict() };
        let lead = Self {
            id: contact.lead_id,
            business_id,
            customer_id,
            preview: contact.preview(),
            status: New,
            price: None,
            duplicate_of: None,
            return_reason: None,
            asked_at: now,
            delivered_at: None,
            billed_at: None,
            returned_at: None,
        };
        (Decision::changed(lead), verdict)
    }

    /// Fixes the price. A free lead is billed at once; a duplicate never is.
    pub fn deliver(mut self, delivery: Delivery, now: Timestamp) -> Result<Decision<Self>, LeadError> {
        match self.status {
            New => {}
            Delivered | Billed | Returned | Credited => return Ok(Decision::unchanged(self)),
            Spam => return Err(self.illegal("be delivered")),
        }
        let Delivery { shop_price, terms, duplicate_of, this_month } = delivery;
        let currency = shop_price.currency;
        let price = match duplicate_of {
            Some(_) => zero(currency),
            None if terms.monthly_cap.is_some_and(|cap| this_month >= cap) => return Err(LeadError::CapReached),
            None if terms.covered_by_plan => zero(currency),
            None => Money::new(terms.price.unwrap_or(shop_price.amount), currency),
        };
        self.status = Delivered;
        self.price = Some(price);
        self.duplicate_of = duplicate_of;
        self.delivered_at = Some(now);
        let delivered = LeadDelivered { lead_id: self.id, business_id: self.business_id, price, duplicate_of };
        let mut decision = Decision::changed(self).emit(delivered);
        if duplicate_of.is_none() && price.amount == 0 {
            let billed = decision.state.bill(now)?;
            decision.state = billed.state;
            decision.events.extend(billed.events);
        }
        Ok(decision)
    }

    /// Charged. What comes after a return changes nothing but the books: the credit takes it back.
    pub fn bill(mut self, now: Timestamp) -> Result<Decision<Self>, LeadError> {
        match self.status {
            Delivered if self.duplicate_of.is_some() => return Err(self.illegal("be billed: it is a duplicate")),
            Delivered => self.status = Billed,
            Returned | Credited if self.billed_at.is_none() && self.duplicate_of.is_none() => {}
            Billed | Returned | Credited => return Ok(Decision::unchanged(self)),
            New | Spam => return Err(self.illegal("be billed")),
        }
        let price = self.price.ok_or(self.illegal("be billed: it has no price"))?;
        self.billed_at = Some(now);
        let told = LeadBilled { lead_id: self.id, business_id: self.business_id, price, customer_id: self.customer_id };
        Ok(Decision::changed(self).emit(told))
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
        let told = LeadReturned { lead_id: self.id, business_id: self.business_id, reason };
        Ok(Decision::changed(self).emit(told))
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
        let told = LeadCredited { lead_id: self.id, business_id: self.business_id, credit };
        Ok(Decision::changed(self).emit(told))
    }

    /// The return is not accepted: the lead counts as sold, and is billed now if it had not been.
    pub fn refuse_return(mut self, now: Timestamp) -> Result<Decision<Self>, LeadError> {
        match self.status {
            Returned if self.duplicate_of.is_some() => Err(self.illegal("be charged: it is a duplicate")),
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
                let told = LeadMarkedSpam { lead_id: self.id, business_id: self.business_id };
                Ok(Decision::changed(self).emit(told))
            }
            Spam => Ok(Decision::unchanged(self)),
            Billed | Returned | Credited => Err(self.illegal("become spam; let the business return it")),
        }
    }

    /// The person who asked is erased. The books need the lead, without the person and their words; `None` for one
    /// that no business has seen, which goes as a whole.
    pub fn forget_customer(mut self) -> Option<Decision<Self>> {
        match self.status {
            New => None,
            Delivered | Billed | Returned | Credited | Spam => {
                let known = self.customer_id.take().is_some() || !self.preview.is_empty();
                self.preview.clear();
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

    fn illegal(&self, wanted: &'static str) -> LeadError {
        LeadError::Illegal { status: self.status, wanted }
    }
}

fn zero(currency: Currency) -> Money {
    Money::new(0, currency)
}

#[cfg(test)]
#[path = "lead_tests.rs"]
mod tests;
