//! Reports of abuse: why a reader thinks that a review should not be there.

use kernel::{Paragraph, ReviewId, Timestamp, UserId};
use ports::store::{IndexEntry, Key, Record};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ReviewReportReason)]
pub(crate) enum ReportReason {
    Spam,
    Offensive,
    /// It discloses something private about somebody.
    Privacy,
    /// It is about something else, or by someone who was never there.
    Fake,
    Other,
}

/// One report of a review by one reader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Report {
    pub review_id: ReviewId,
    pub reader_id: UserId,
    pub reason: ReportReason,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Paragraph<0, 500>>,
    pub at: Timestamp,
}

impl Record for Report {
    fn key(&self) -> Key {
        report_key(self.review_id, self.reader_id)
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        vec![IndexEntry::new(3, format!("reporter#{}", self.reader_id), self.review_id.to_string())]
    }
}

pub(crate) fn report_key(review: ReviewId, reader: UserId) -> Key {
    Key::new(format!("review#{review}"), format!("report#{reader}"))
}
