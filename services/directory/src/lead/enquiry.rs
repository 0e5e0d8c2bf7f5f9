//! What somebody asks a business, and who they are.

use contracts::Decision;
use kernel::{Email, LeadId, Line, Paragraph, Timestamp};
use serde::{Deserialize, Serialize};

use super::error::LeadError;

pub type Name = Line<1, 100>;
pub type Phone = Line<0, 40>;
pub type Message = Paragraph<1, 4_000>;

/// Answers of a business to one enquiry.
const REPLIES_MAX: usize = 20;

/// More links than these make an enquiry wait for a look.
const LINKS_MAX: usize = 2;
const PHONE_DIGITS_MIN: usize = 5;

/// Who asked, and what they wrote. The one place where it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    pub lead_id: LeadId,
    pub name: String,
    pub email: Email,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    pub message: String,
    /// What the business has answered, the first one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replies: Vec<LeadReply>,
}

/// What a business answers to whoever asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LeadReply {
    pub text: String,
    pub at: Timestamp,
}

/// What somebody fills in.
#[derive(Debug, Clone)]
pub struct Enquiry {
    name: Name,
    email: Email,
    phone: Option<Phone>,
    message: Message,
    /// A field was filled in that people do not see.
    trapped: bool,
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

impl Enquiry {
    pub fn new(name: Name, email: Email, phone: Option<Phone>, message: Message, trapped: bool) -> Result<Self, LeadError> {
        let phone = phone.filter(|phone| !phone.is_empty());
        if !phone.as_deref().is_none_or(is_phone) {
            return Err(LeadError::Field { field: "phone", reason: "must be a telephone number" });
        }
        Ok(Self { name, email, phone, message, trapped })
    }

    pub fn contact(&self, lead_id: LeadId) -> Contact {
        Contact {
            lead_id,
            name: self.name.to_string(),
            email: self.email.clone(),
            phone: self.phone.as_ref().map(Phone::to_string),
            message: self.message.to_string(),
            replies: Vec::new(),
        }
    }

    pub fn verdict(&self) -> Verdict {
        let links: usize = ["http://", "https://", "www."].iter().map(|link| self.message.matches(link).count()).sum();
        match self.trapped {
            true => Verdict::Spam,
            false if links > LINKS_MAX => Verdict::Suspicious,
            false => Verdict::Fine,
        }
    }

    pub fn email(&self) -> &Email {
        &self.email
    }

    pub fn message_chars(&self) -> u32 {
        u32::try_from(self.message.chars().count()).unwrap_or(u32::MAX)
    }
}

fn is_phone(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    digits >= PHONE_DIGITS_MIN && text.chars().all(|letter| letter.is_ascii_digit() || "+-/(). ".contains(letter))
}

impl Contact {
    pub fn reply(mut self, text: &Message, now: Timestamp) -> Result<Decision<Self>, LeadError> {
        if self.replies.len() >= REPLIES_MAX {
            return Err(LeadError::TooManyReplies);
        }
        self.replies.push(LeadReply { text: text.to_string(), at: now });
        Ok(Decision::changed(self))
    }

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
}
