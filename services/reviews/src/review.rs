//! A review: what one customer says of one business or product. A customer has one review of a thing;
//! its id follows from both, so that a second one cannot come to be.
//!
//! What counts in the average is decided here as well: `counted` is the rating of a published review.

mod error;
#[cfg(test)]
mod tests;

use contracts::{Decision, ReviewPublished, ReviewRejected, ReviewSubmitted};
use kernel::{Actor, BusinessId, Line, Paragraph, ReviewId, ReviewTarget, Timestamp, UserId, stable_id};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use error::ReviewError;

pub const RATING_MAX: u8 = 5;

/// May be empty: then the review has no title.
pub type Title = Line<0, 120>;
pub type Text = Paragraph<1, 5000>;
pub type Reply = Paragraph<1, 2000>;
/// Why a moderator refuses a review.
pub type Reason = Paragraph<1, 500>;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema, strum::Display, strum::EnumIter)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
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

/// Every transition: from, on which command, to. A command that is not listed for a status leaves it as it is.
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

/// The lifecycle as a Mermaid state diagram.
pub fn diagram() -> String {
    let mut text = String::from("stateDiagram-v2\n    [*] --> pending: submit (moderated)\n    [*] --> published: submit (unmoderated)\n");
    for (from, command, to) in LIFECYCLE {
        text.push_str(&format!("    {from} --> {to}: {command}\n"));
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
    /// The author has bought from, booked or asked the business: a delivered order, a completed booking, a lead that was paid
    /// for or answered.
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

impl Contents {
    pub fn new(rating: u8, title: Option<Title>, text: Text) -> Result<Self, ReviewError> {
        if !(1..=RATING_MAX).contains(&rating) {
            return Err(ReviewError::Rating);
        }
        let title = title.filter(|title| !title.is_empty()).map(String::from);
        Ok(Self { rating, title, text: text.into() })
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
    /// Whether the author is known to be a customer.
    pub verified: bool,
    /// Whether the author is one of the people of the business.
    pub own_business: bool,
    /// Whether the shop takes reviews by customers only.
    pub customers_only: bool,
    /// Whether a moderator has to look at it first.
    pub moderated: bool,
}

impl Review {
    /// One review of a thing by an author: the id is a hash of both.
    pub fn id_of(target: ReviewTarget, author: UserId) -> ReviewId {
        ReviewId(stable_id(&["review", &target.to_string(), &author.to_string()]))
    }

    /// A first review, or a new one in place of one that was removed. The same contents again are a repetition.
    pub fn submit(present: Option<Self>, submission: Submission, now: Timestamp) -> Result<Decision<Self>, ReviewError> {
        if submission.own_business {
            return Err(ReviewError::OwnBusiness);
        }
        if submission.customers_only && !submission.verified {
            return Err(ReviewError::NotCustomer);
        }
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
        let Submission { target, business_id, author_id, author_name, contents, verified, moderated, .. } = submission;
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
        let (submitted, published) = (review.submitted(), review.counted().map(|_| review.published()));
        let decision = Decision::changed(review).emit(submitted);
        match published {
            Some(published) => decision.emit(published),
            None => decision,
        }
    }

    /// The author writes something else. An answer to the former text stays; a moderator looks again.
    pub fn edit(mut self, by: &Actor, contents: Contents, moderated: bool, now: Timestamp) -> Result<Decision<Self>, ReviewError> {
        self.check_author(by)?;
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
    pub fn reject(mut self, reason: Reason) -> Result<Decision<Self>, ReviewError> {
        let reason = String::from(reason);
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

    /// The author takes it back, or an admin removes it.
    pub fn take_back(self, by: &Actor) -> Result<Decision<Self>, ReviewError> {
        if !by.is_admin() {
            self.check_author(by)?;
        }
        Ok(self.remove())
    }

    /// It is taken back, or the author's account is erased. The text and the name go; the id stays.
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
                Decision::changed(self)
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

    /// Those who manage the business answer, or write another answer in place of theirs.
    pub fn answer(mut self, by: &Actor, text: Reply, now: Timestamp) -> Result<Decision<Self>, ReviewError> {
        if !by.manages(self.business_id) {
            return Err(ReviewError::NotBusiness);
        }
        let text = String::from(text);
        match self.status {
            Published => {}
            Pending | Rejected | Removed => return Err(self.illegal("answered")),
        }
        if self.reply.as_ref().is_some_and(|reply| reply.text == text) {
            return Ok(Decision::unchanged(self));
        }
        self.reply = Some(OwnerReply { text, at: now });
        Ok(Decision::changed(self))
    }

    /// Those who act for the business take their answer back.
    pub fn take_answer_back(self, by: &Actor) -> Result<Decision<Self>, ReviewError> {
        if by.acts_for(self.business_id) { Ok(self.withdraw_answer()) } else { Err(ReviewError::NotBusiness) }
    }

    /// A moderator takes the owner's answer away; the owner may answer anew.
    pub fn withdraw_answer(mut self) -> Decision<Self> {
        if self.reply.take().is_some() { Decision::changed(self) } else { Decision::unchanged(self) }
    }

    /// A reader finds it abusive: a moderator has to look.
    pub fn report(mut self, now: Timestamp) -> Result<Decision<Self>, ReviewError> {
        self.check_published()?;
        self.reports = self.reports.saturating_add(1);
        self.queued_at = self.queued_at.or(Some(now));
        Ok(Decision::changed(self))
    }

    /// Whether the reader may say that it was helpful: the author may not, nor may the people of the business.
    pub fn check_vote(&self, reader: &Actor) -> Result<(), ReviewError> {
        self.check_published()?;
        let own = reader.user_id() == Some(self.author_id) || reader.role_in(self.business_id).is_some();
        if own { Err(ReviewError::OwnVote) } else { Ok(()) }
    }

    /// Readers only know of what is published.
    fn check_published(&self) -> Result<(), ReviewError> {
        match self.status {
            Published => Ok(()),
            Pending | Rejected | Removed => Err(ReviewError::Unknown),
        }
    }

    fn check_author(&self, by: &Actor) -> Result<(), ReviewError> {
        if by.user_id() == Some(self.author_id) { Ok(()) } else { Err(ReviewError::Unknown) }
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

    /// The review for everyone to see. The event is emitted only if it was not seen before.
    fn shown(mut self, now: Timestamp) -> Decision<Self> {
        let was_hidden = self.status != Published;
        self.status = Published;
        self.rejection = None;
        self.published_at = self.published_at.or(Some(now));
        self.queued_at = None;
        self.reports = 0;
        let event = self.published();
        let decision = Decision::changed(self);
        if was_hidden { decision.emit(event) } else { decision }
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
