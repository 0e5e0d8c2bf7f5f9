//! Reviews as readers, their authors and moderators see them. The author's id and address are for nobody else.

use kernel::{BusinessId, Rating, ReviewId, ReviewTarget, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use crate::aggregate::Aggregate;
use crate::report::{Report, ReportReason};
use crate::review::{Review, Status};
use crate::storage::Eligibility;
use crate::subject::SubjectView;

/// A review as everyone sees it; its author and moderators also see the last fields.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Review)]
pub(crate) struct ReviewView {
    pub id: ReviewId,
    pub target: ReviewTarget,
    /// The business, or the seller of the product.
    pub business_id: BusinessId,
    /// A first name and an initial; empty for someone without a name.
    pub author_name: String,
    /// 1 to 5.
    #[schema(minimum = 1, maximum = 5)]
    pub rating: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    pub text: String,
    /// The author is known to have bought, booked or enquired.
    pub verified: bool,
    /// How many readers found it helpful.
    pub helpful: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply: Option<ReplyView>,
    pub submitted_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edited_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published_at: Option<Timestamp>,
    pub status: Status,
    /// Why it was rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejection: Option<String>,
    /// Reports that no moderator has looked at; for moderators.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reports: Option<u32>,
    /// Why readers reported it, at most 20 of them; in the list for moderators.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub report_reasons: Vec<ReportView>,
    /// What it is about; in lists of reviews of several things.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<SubjectView>,
    /// Whether the caller found it helpful; in the list of a thing, for those who are signed in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found_helpful: Option<bool>,
}

/// The answer of the business.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReviewReply)]
pub(crate) struct ReplyView {
    pub text: String,
    pub at: Timestamp,
}

impl ReviewView {
    /// For everyone.
    pub fn public(review: &Review) -> Self {
        Self { rejection: None, reports: None, ..Self::moderator(review) }
    }

    /// For its author.
    pub fn own(review: &Review) -> Self {
        Self { reports: None, ..Self::moderator(review) }
    }

    pub fn moderator(review: &Review) -> Self {
        let contents = &review.contents;
        Self {
            id: review.id,
            target: review.target,
            business_id: review.business_id,
            author_name: review.author_name.clone(),
            rating: contents.rating,
            title: contents.title.clone(),
            text: contents.text.clone(),
            verified: review.verified,
            helpful: review.helpful,
            reply: review.reply.as_ref().map(|reply| ReplyView { text: reply.text.clone(), at: reply.at }),
            submitted_at: review.submitted_at,
            edited_at: review.edited_at,
            published_at: review.published_at,
            status: review.status,
            rejection: review.rejection.clone(),
            reports: Some(review.reports),
            report_reasons: Vec::new(),
            subject: None,
            found_helpful: None,
        }
    }
}

/// The average of a thing and how it is made up.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RatingSummary)]
pub(crate) struct SummaryView {
    pub target: ReviewTarget,
    /// Published reviews.
    pub count: u64,
    pub sum: u64,
    /// 1 to 5, two decimals; absent without a review.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub average: Option<f64>,
    /// How many gave one star, two, up to five.
    pub stars: [u64; 5],
}

impl SummaryView {
    pub fn of(aggregate: Aggregate) -> Self {
        let rating = Rating { sum: aggregate.sum, count: aggregate.count };
        let average = rating.mean().map(|mean| (mean * 100.0).round() / 100.0);
        Self { target: aggregate.target, count: aggregate.count, sum: aggregate.sum, average, stars: aggregate.stars }
    }
}

/// Something that the customer can review as a known customer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReviewEligibility)]
pub(crate) struct EligibilityView {
    pub target: ReviewTarget,
    /// The order or lead that made it so.
    pub reference: String,
    pub since: Timestamp,
    /// Absent where it is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<SubjectView>,
    /// The review that the customer has written of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub review_id: Option<ReviewId>,
}

impl EligibilityView {
    pub fn of(Eligibility { target, reference, since, .. }: Eligibility) -> Self {
        Self { target, reference, since, subject: None, review_id: None }
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReviewReport)]
pub(crate) struct ReportView {
    pub reason: ReportReason,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    pub at: Timestamp,
}

impl ReportView {
    pub fn of(Report { reason, text, at, .. }: Report) -> Self {
        Self { reason, text: text.map(String::from), at }
    }
}
