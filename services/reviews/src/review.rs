//! A review: what one customer says of one business or product. A customer has one review of a thing;
//! its id follows from both, so that a second one cannot come to be.
//!
//! What counts in the average is decided here as well: `counted` is the rating of a published review.

use contracts::{Decision, Event, ReviewPublished, ReviewRejected, ReviewRemoved, ReviewSubmitted};
use kernel::{BusinessId, ReviewId, ReviewTarget, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub const RATING_MAX: u8 = 5;
pub const TITLE_CHARACTERS_MAX: usize = 120;
pub const TEXT_CHARACTERS_MAX: usize = 5000;
pub const REPLY_CHARACTERS_MAX: usize = 2000;
pub const REASON_CHARACTERS_MAX: usize = 500;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ReviewStatus)]
pub enum Status {
    /// Waits for a moderator.
    Pending,
    /// Everyone sees it, and it counts.
    Published,
    /// A moderator refused it; its author may write another text.
    Rejected,
    /// Taken back by its author, or removed with the author's account.
    Removed,
}

use Status::{Pending, Published, Rejected, Removed};

/// Every move that there is: from, on which news, to. News that is not listed for a status leaves it as it is.
const LIFECYCLE: &[(Status, &str, Status)] = &[
    (Pending, "publish", Published),
    (Rejected, "publish", Published),
    (Pending, "reject", Rejected),
    (Published, "reject", Rejected),
    (Published, "edit (moderated)", Pending),
    (Rejected, "edit (moderated)", Pending),
    (Pending, "edit (unmoderated)", Published),
    (Rejected, "edit (unmoderated)", Published),
    (Pending, "remove", Removed),
    (Published, "remove", Removed),
    (Rejected, "remove", Removed),
    (Removed, "submit (moderated)", Pending),
    (Removed, "submit (unmoderated)", Published),
];

impl Status {
    pub const ALL: [Self; 4] = [Pending, Published, Rejected, Removed];

    pub fn as_str(self) -> &'static str {
        match self {
            Pending => "pending",
            Published => "published",
            Rejected => "rejected",
            Removed => "removed",
        }
    }
}

/// Every move of a review: from, on which news, to.
pub fn lifecycle() -> &'static [(Status, &'static str, Status)] {
    LIFECYCLE
}

/// The lifecycle as a Mermaid state diagram.
pub fn diagram() -> String {
    let mut text = String::from("stateDiagram-v2\n    [*] --> pending: submit (moderated)\n    [*] --> published: submit (unmoderated)\n");
    for (from, news, to) in LIFECYCLE {
        text.push_str(&format!("    {} --> {}: {news}\n", from.as_str(), to.as_str()));
    }
    text
}

/// What the author writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// 1 to 5.
    pub rating: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    pub text: String,
}

/// The owner's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerReply {
    pub text: String,
    pub at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    pub id: ReviewId,
    pub target: ReviewTarget,
    /// Whose work it is about: the business itself, or the seller of the product.
    pub business_id: BusinessId,
    pub author_id: UserId,
    /// As shown: a first name and an initial, never an address.
    pub author_name: String,
    #[serde(flatten)]
    pub contents: Contents,
    pub status: Status,
    /// The author has bought from, booked or asked the business: a delivered order, a completed booking, a billed lead.
    pub verified: bool,
    /// Why a moderator refused it; for the author.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejection: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<OwnerReply>,
    /// Readers whom it helped. A counter of its own item: votes do not wait for one another.
    #[serde(default)]
    pub helpful: i64,
    /// Reports of abuse that no moderator has looked at.
    #[serde(default)]
    pub reports: u32,
    pub submitted_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published_at: Option<Timestamp>,
    /// Since when it waits for a moderator, to be published or because it was reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queued_at: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReviewError {
    #[error("the rating must be 1 to {RATING_MAX}")]
    Rating,
    #[error("at most {TITLE_CHARACTERS_MAX} characters")]
    Title,
    #[error("must have 1 to {TEXT_CHARACTERS_MAX} characters")]
    Text,
    #[error("must have 1 to {REPLY_CHARACTERS_MAX} characters")]
    Reply,
    #[error("must have 1 to {REASON_CHARACTERS_MAX} characters")]
    Reason,
    #[error("you have reviewed this already")]
    Exists,
    #[error("the owner has answered already")]
    Answered,
    #[error("a {} review cannot be {wanted}", .status.as_str())]
    Illegal { status: Status, wanted: &'static str },
}

impl Contents {
    /// Trims the texts and refuses what is out of bounds.
    pub fn checked(rating: u8, title: Option<&str>, text: &str) -> Result<Self, ReviewError> {
        let title = title.map(str::trim).filter(|title| !title.is_empty());
        if !(1..=RATING_MAX).contains(&rating) {
            return Err(ReviewError::Rating);
        }
        if title.is_some_and(|title| title.chars().count() > TITLE_CHARACTERS_MAX) {
            return Err(ReviewError::Title);
        }
        let text = bounded(text, TEXT_CHARACTERS_MAX).ok_or(ReviewError::Text)?;
        Ok(Self { rating, title: title.map(str::to_owned), text })
    }
}

/// A new review as its author brings it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    pub target: ReviewTarget,
    pub business_id: BusinessId,
    pub author_id: UserId,
    pub author_name: String,
    pub contents: Contents,
    pub verified: bool,
    /// Whether a moderator has to look at it first.
    pub moderated: bool,
}

impl Review {
    /// One review of a thing by an author: the id is a hash of both.
    pub fn id_of(target: ReviewTarget, author: UserId) -> ReviewId {
        let hash = blake3::hash(format!("review {target} {author}").as_bytes());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash.as_bytes()[..16]);
        ReviewId(u128::from_be_bytes(bytes))
    }

    /// A first review, or a new one in place of one that was removed. The same words again are a repetition.
    pub fn submit(present: Option<Self>, submission: Submission, now: Timestamp) -> Result<Decision<Self>, ReviewError> {
        match present {
            Some(review) if review.status != Removed => {
                if review.contents == submission.contents {
                    Ok(Decision::unchanged(review))
                } else {
                    Err(ReviewError::Exists)
                }
            }
            // The votes for the former text stay votes for this author's review.
            Some(Self { helpful, .. }) => Ok(Self::new(submission, helpful, now)),
            None => Ok(Self::new(submission, 0, now)),
        }
    }

    fn new(submission: Submission, helpful: i64, now: Timestamp) -> Decision<Self> {
        let Submission { target, business_id, author_id, author_name, contents, verified, moderated } = submission;
        let review = Self {
            id: Self::id_of(target, author_id),
            target,
            business_id,
            author_id,
            author_name,
            contents,
            status: if moderated { Pending } else { Published },
            verified,
            rejection: None,
            reply: None,
            helpful,
            reports: 0,
            submitted_at: now,
            edited_at: None,
            published_at: (!moderated).then_some(now),
            queued_at: moderated.then_some(now),
        };
        let submitted = Event::from(review.submitted());
        let published = review.counted().map(|_| Event::from(review.published()));
        Decision { events: std::iter::once(submitted).chain(published).collect(), ..Decision::changed(review) }
    }

    /// Other words by the author. An answer to the former ones stays; a moderator looks again.
    pub fn edit(mut self, contents: Contents, moderated: bool, now: Timestamp) -> Result<Decision<Self>, ReviewError> {
        match self.status {
            Pending | Published | Rejected => {}
            Removed => return Err(self.illegal("edited")),
        }
        if self.contents == contents {
            return Ok(Decision::unchanged(self));
        }
        self.contents = contents;
        self.edited_at = Some(now);
        self.rejection = None;
        if moderated {
            self.status = Pending;
            self.published_at = None;
            self.queued_at = self.queued_at.or(Some(now));
            Ok(Decision::changed(self))
        } else {
            Ok(self.shown(now))
        }
    }

    /// A moderator lets everyone see it.
    pub fn publish(self, now: Timestamp) -> Result<Decision<Self>, ReviewError> {
        match self.status {
            Pending | Rejected => Ok(self.shown(now)),
            Published => Ok(Decision::unchanged(self)),
            Removed => Err(self.illegal("published")),
        }
    }

    /// A moderator refuses it.
    pub fn reject(mut self, reason: &str) -> Result<Decision<Self>, ReviewError> {
        let reason = bounded(reason, REASON_CHARACTERS_MAX).ok_or(ReviewError::Reason)?;
        match self.status {
            Pending | Published => {
                self.status = Rejected;
                self.rejection = Some(reason.clone());
                self.published_at = None;
                self.queued_at = None;
                self.reports = 0;
                let Self { id: review_id, target, business_id, author_id, .. } = self;
                let event = ReviewRejected { review_id, target, business_id, author_id, reason };
                Ok(Decision::changed(self).emit(event))
            }
            Rejected => Ok(Decision::unchanged(self)),
            Removed => Err(self.illegal("rejected")),
        }
    }

    /// The author takes it back, or the author's account is erased. The words and the name go; the id stays.
    pub fn remove(mut self) -> Decision<Self> {
        match self.status {
            Pending | Published | Rejected => {
                self.status = Removed;
                self.contents.title = None;
                self.contents.text.clear();
                self.author_name.clear();
                self.rejection = None;
                self.reply = None;
                self.published_at = None;
                self.queued_at = None;
                self.reports = 0;
                let Self { id: review_id, target, business_id, author_id, .. } = self;
                let event = ReviewRemoved { review_id, target, business_id, author_id };
                Decision::changed(self).emit(event)
            }
            Removed => Decision::unchanged(self),
        }
    }

    /// The author is known to be a customer after all.
    pub fn verify(mut self) -> Decision<Self> {
        if self.verified || self.status == Removed {
            return Decision::unchanged(self);
        }
        self.verified = true;
        Decision::changed(self)
    }

    /// The owner answers, once.
    pub fn answer(mut self, text: &str, now: Timestamp) -> Result<Decision<Self>, ReviewError> {
        let text = bounded(text, REPLY_CHARACTERS_MAX).ok_or(ReviewError::Reply)?;
        match self.status {
            Published => {}
            Pending | Rejected | Removed => return Err(self.illegal("answered")),
        }
        match &self.reply {
            Some(reply) if reply.text == text => Ok(Decision::unchanged(self)),
            Some(_) => Err(ReviewError::Answered),
            None => {
                self.reply = Some(OwnerReply { text, at: now });
                Ok(Decision::changed(self))
            }
        }
    }

    /// A moderator takes the owner's answer away; the owner may answer anew.
    pub fn withdraw_answer(mut self) -> Decision<Self> {
        if self.reply.take().is_some() { Decision::changed(self) } else { Decision::unchanged(self) }
    }

    /// A reader finds it abusive: a moderator has to look.
    pub fn report(mut self, now: Timestamp) -> Result<Decision<Self>, ReviewError> {
        match self.status {
            Published => {
                self.reports = self.reports.saturating_add(1);
                self.queued_at = self.queued_at.or(Some(now));
                Ok(Decision::changed(self))
            }
            Pending | Rejected | Removed => Err(self.illegal("reported")),
        }
    }

    /// A moderator has looked at the reports and lets the review stand.
    pub fn dismiss_reports(mut self) -> Decision<Self> {
        if self.reports == 0 {
            return Decision::unchanged(self);
        }
        self.reports = 0;
        match self.status {
            Published => self.queued_at = None,
            Pending | Rejected | Removed => {}
        }
        Decision::changed(self)
    }

    /// The rating, if it counts in the average.
    pub fn counted(&self) -> Option<u8> {
        match self.status {
            Published => Some(self.contents.rating),
            Pending | Rejected | Removed => None,
        }
    }

    /// The review for everyone to see. Told only when it was not seen before.
    fn shown(mut self, now: Timestamp) -> Decision<Self> {
        let news = self.status != Published;
        self.status = Published;
        self.rejection = None;
        self.published_at = self.published_at.or(Some(now));
        self.queued_at = None;
        self.reports = 0;
        let event = self.published();
        let decision = Decision::changed(self);
        if news { decision.emit(event) } else { decision }
    }

    fn submitted(&self) -> ReviewSubmitted {
        ReviewSubmitted {
            review_id: self.id,
            target: self.target,
            business_id: self.business_id,
            author_id: self.author_id,
            stars: self.contents.rating,
            verified: self.verified,
            awaits_moderation: self.status == Pending,
        }
    }

    fn published(&self) -> ReviewPublished {
        ReviewPublished {
            review_id: self.id,
            target: self.target,
            business_id: self.business_id,
            author_id: self.author_id,
            stars: self.contents.rating,
        }
    }

    fn illegal(&self, wanted: &'static str) -> ReviewError {
        ReviewError::Illegal { status: self.status, wanted }
    }
}

fn bounded(text: &str, characters_max: usize) -> Option<String> {
    let text = text.trim();
    (!text.is_empty() && text.chars().count() <= characters_max).then(|| text.to_owned())
}

#[cfg(test)]
#[path = "review_tests.rs"]
mod tests;
