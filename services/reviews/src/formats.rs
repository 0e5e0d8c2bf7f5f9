//! Samples of all that is stored, held against the golden file.

use kernel::{Paragraph, ReviewTarget, Timestamp};
use shell::testing::Golden;

use crate::aggregate::Aggregate;
use crate::report::{Report, ReportReason};
use crate::review::{Contents, OwnerReply, Review, Status};
use crate::storage::{Eligibility, Reminder, Vote};

const TARGETS: [ReviewTarget; 2] = [ReviewTarget::Business(kernel::BusinessId(3)), ReviewTarget::Product(kernel::ProductId(2))];

fn at() -> Timestamp {
    Timestamp::from_millis(1)
}

fn plain(target: ReviewTarget) -> Review {
    Review {
        id: 4.into(),
        target,
        business_id: 3.into(),
        author_id: 1.into(),
        author_name: "Ann L.".into(),
        contents: Contents { rating: 4, title: None, text: "Good tea.".into() },
        status: Status::Pending,
        verified: true,
        rejection: None,
        reply: None,
        helpful: 0,
        reports: 0,
        submitted_at: at(),
        edited_at: None,
        published_at: None,
        queued_at: None,
    }
}

/// With all that may be absent.
fn full(status: Status) -> Review {
    Review {
        contents: Contents { rating: 4, title: Some("Recommended".into()), text: "Good tea.".into() },
        status,
        rejection: Some("It names a person.".into()),
        reply: Some(OwnerReply { text: "Thank you!".into(), at: at() }),
        edited_at: Some(at()),
        published_at: Some(at()),
        queued_at: Some(at()),
        ..plain(TARGETS[0])
    }
}

fn reports() -> impl Iterator<Item = Report> {
    use ReportReason::{Fake, Offensive, Other, Privacy, Spam};
    let report = |reason, text: Option<&str>| Report {
        review_id: 4.into(),
        reader_id: 5.into(),
        reason,
        text: text.map(|text| Paragraph::new(text).unwrap()),
        at: at(),
    };
    let reasons = [Spam, Offensive, Privacy, Fake, Other];
    reasons.into_iter().flat_map(move |reason| [report(reason, None), report(reason, Some("See the second line."))])
}

#[test]
fn what_was_stored_once_stays_readable() {
    let statuses = [Status::Pending, Status::Published, Status::Rejected, Status::Removed];
    let eligible = |target| Eligibility { customer_id: 1.into(), target, reference: "S-7K3F-92QD".into(), since: at() };
    let reminder = Reminder { order_id: 6.into(), customer_id: 1.into(), targets: TARGETS.to_vec(), due_at: at() };
    Golden::of(env!("CARGO_MANIFEST_DIR"))
        .record("Review", TARGETS.map(plain).into_iter().chain(statuses.map(full)))
        .record("Aggregate", TARGETS.map(|target| Aggregate { target, sum: 9, count: 2, stars: [0, 0, 0, 1, 1] }))
        .record("Eligibility", TARGETS.map(eligible))
        .record("Vote", [Vote { review_id: 4.into(), reader_id: 5.into() }])
        .record("Reminder", [reminder])
        .record("Report", reports())
        .check();
}
