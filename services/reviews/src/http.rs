//! Routes of reviews.

use axum::extract::State;
use kernel::{Cursor, Page, Problem, ReviewId, ReviewTarget};
use ports::store::{Stored, Write};
use serde::{Deserialize, Serialize};
use shell::http::{Admin, Anyone, Json, OpenApiRouter, Path, Query, SignedIn, Staff, page_limit};
use shell::{Changes, DecisionContext, HandlerResult, Reply, RequestContext};
use utoipa::{IntoParams, ToSchema};

use crate::App;
use crate::aggregate::Aggregate;
use crate::review::{Contents, REASON_CHARACTERS_MAX, Review, ReviewError, Status};
use crate::storage::{self, Report, Sort, Vote};
use crate::submission;
use crate::views::{EligibilityView, ReportView, ReviewView, SummaryView};

pub fn routes(app: App) -> OpenApiRouter {
    shell::routes!(
        list,
        submit,
        summary,
        show,
        edit,
        remove,
        answer,
        vote,
        unvote,
        report,
        list_mine,
        list_eligible,
        list_queue,
        list_reports,
        publish,
        reject,
        dismiss_reports,
        withdraw_answer
    )
    .with_state(app)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewReview {
    /// A business or a product.
    target: ReviewTarget,
    #[schema(minimum = 1, maximum = 5)]
    rating: u8,
    #[schema(max_length = 120)]
    title: Option<String>,
    #[schema(min_length = 1, max_length = 5000)]
    text: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ReviewWords)]
struct Words {
    #[schema(minimum = 1, maximum = 5)]
    rating: u8,
    #[schema(max_length = 120)]
    title: Option<String>,
    #[schema(min_length = 1, max_length = 5000)]
    text: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ReviewReplyText)]
struct Text {
    #[schema(min_length = 1, max_length = 2000)]
    text: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ReviewRejection)]
struct Rejection {
    /// For the author.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ReviewReportReason)]
pub(crate) enum ReportReason {
    Spam,
    Offensive,
    /// It tells private things of somebody.
    Privacy,
    /// It is about something else, or by someone who was never there.
    Fake,
    Other,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewReviewReport)]
struct NewReport {
    reason: ReportReason,
    #[schema(max_length = 500)]
    text: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Listing {
    /// The id of a business or a product.
    target: ReviewTarget,
    sort: Option<Sort>,
    /// Only reviews with so many stars; then the newest come first.
    #[param(minimum = 1, maximum = 5)]
    rating: Option<u8>,
    /// 1 to 100; 20 unless told.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    cursor: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Of {
    /// The id of a business or a product.
    target: ReviewTarget,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Paging {
    /// 1 to 100; 20 unless told.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    cursor: Option<String>,
}

/// Published reviews of a business or a product.
#[utoipa::path(get, path = "/reviews", tag = "reviews", operation_id = "listReviews", params(Listing), responses((status = 200, body = Page<ReviewView>)))]
async fn list(_: Anyone, State(app): State<App>, Query(listing): Query<Listing>) -> HandlerResult {
    let limit = page_limit(listing.limit)?;
    if listing.rating.is_some_and(|rating| !(1..=5).contains(&rating)) {
        return Err(ReviewError::Rating.into());
    }
    let sort = listing.sort.unwrap_or_default();
    let page = storage::published(app.work.table(), listing.target, sort, listing.rating, limit, listing.cursor.map(Cursor)).await?;
    Ok(Reply::ok(&page.map(|review| ReviewView::public(&review))))
}

/// The average of a business or a product, and how it is made up.
#[utoipa::path(get, path = "/reviews/summary", tag = "reviews", operation_id = "getReviewSummary", params(Of), responses((status = 200, body = SummaryView)))]
async fn summary(_: Anyone, State(app): State<App>, Query(of): Query<Of>) -> HandlerResult {
    let found = app.work.table().get_eventual::<Aggregate>(&storage::aggregate_key(of.target)).await?;
    Ok(Reply::ok(&SummaryView::of(found.map_or_else(|| Aggregate::empty(of.target), |found| found.value))))
}

/// Says what one thinks. One review of a thing by a customer; depending on the settings a moderator sees it first.
#[utoipa::path(post, path = "/reviews", tag = "reviews", operation_id = "submitReview", request_body = NewReview, responses((status = 201, body = ReviewView)))]
async fn submit(request: RequestContext, State(app): State<App>, Json(body): Json<NewReview>) -> HandlerResult {
    let contents = Contents::checked(body.rating, body.title.as_deref(), &body.text)?;
    submission::submit(&app, &request, body.target, contents).await
}

/// Published ones are for everyone; others for their author, the staff, and nobody else.
#[utoipa::path(get, path = "/reviews/{review_id}", tag = "reviews", operation_id = "getReview", params(("review_id" = ReviewId, Path)), responses((status = 200, body = ReviewView)))]
async fn show(request: RequestContext, State(app): State<App>, Path(id): Path<ReviewId>) -> HandlerResult {
    let review = app.work.table().get_eventual::<Review>(&storage::review_key(id)).await?.ok_or_else(|| Problem::not_found("review"))?;
    let view = if request.actor.is_staff() {
        ReviewView::moderator(&review)
    } else if request.actor.user_id() == Some(review.author_id) {
        ReviewView::own(&review)
    } else if review.status == Status::Published {
        ReviewView::public(&review)
    } else {
        return Err(Problem::not_found("review").into());
    };
    Ok(Reply::ok(&view).etag(review.version))
}

/// Other words by the author.
#[utoipa::path(put, path = "/reviews/{review_id}", tag = "reviews", operation_id = "editReview", params(("review_id" = ReviewId, Path)), request_body = Words, responses((status = 200, body = ReviewView)))]
async fn edit(request: RequestContext, State(app): State<App>, Path(id): Path<ReviewId>, Json(body): Json<Words>) -> HandlerResult {
    submission::edit(&app, &request, id, Contents::checked(body.rating, body.title.as_deref(), &body.text)?).await
}

/// Takes a review back: its author, or an admin.
#[utoipa::path(delete, path = "/reviews/{review_id}", tag = "reviews", operation_id = "removeReview", params(("review_id" = ReviewId, Path)), responses((status = 204)))]
async fn remove(request: RequestContext, State(app): State<App>, Path(id): Path<ReviewId>) -> HandlerResult {
    submission::remove(&app, &request, id).await
}

/// The business answers, once.
#[utoipa::path(put, path = "/reviews/{review_id}/reply", tag = "reviews", operation_id = "answerReview", params(("review_id" = ReviewId, Path)), request_body = Text, responses((status = 200, body = ReviewView)))]
async fn answer(request: SignedIn, State(app): State<App>, Path(id): Path<ReviewId>, Json(body): Json<Text>) -> HandlerResult {
    change(&app, &request, id, ReviewView::public, |review, context| {
        if !request.actor.acts_for(review.business_id) {
            return Err(Problem::forbidden("only the business can answer"));
        }
        Ok(review.answer(&body.text, context.now)?)
    })
    .await
}

/// It helped: counted once for each reader.
#[utoipa::path(put, path = "/reviews/{review_id}/helpful", tag = "reviews", operation_id = "voteReviewHelpful", params(("review_id" = ReviewId, Path)), responses((status = 204)))]
async fn vote(request: RequestContext, State(app): State<App>, Path(id): Path<ReviewId>) -> HandlerResult {
    set_vote(&app, &request, id, true).await
}

/// Takes the vote back.
#[utoipa::path(delete, path = "/reviews/{review_id}/helpful", tag = "reviews", operation_id = "unvoteReviewHelpful", params(("review_id" = ReviewId, Path)), responses((status = 204)))]
async fn unvote(request: RequestContext, State(app): State<App>, Path(id): Path<ReviewId>) -> HandlerResult {
    set_vote(&app, &request, id, false).await
}

/// Tells a moderator that the review should not be there. Once for each reader.
#[utoipa::path(post, path = "/reviews/{review_id}/reports", tag = "reviews", operation_id = "reportReview", params(("review_id" = ReviewId, Path)), request_body = NewReport, responses((status = 204)))]
async fn report(request: SignedIn, State(app): State<App>, Path(id): Path<ReviewId>, Json(body): Json<NewReport>) -> HandlerResult {
    let reader_id = request.user_id;
    if body.text.as_ref().is_some_and(|text| text.chars().count() > REASON_CHARACTERS_MAX) {
        return Err(Problem::field("text", format!("at most {REASON_CHARACTERS_MAX} characters")).into());
    }
    let table = app.work.table();
    let made = |at| Report { review_id: id, reader_id, reason: body.reason, text: body.text.clone(), at };
    let key = ports::store::Record::key(&made(app.work.now()));
    let load = |_| async { futures::try_join!(storage::existing(table, id), table.get::<Report>(&key)) };
    let decide = |(state, present): (storage::State, Option<Stored<Report>>), context: &DecisionContext| {
        if present.is_some() {
            return Ok(Changes::none().reply(Reply::no_content()));
        }
        let decision = seen(&state)?.value.clone().report(context.now)?;
        let report = Changes::create(contracts::Decision::changed(made(context.now)))?;
        Ok(state.moved(decision)?.and(report).reply(Reply::no_content()))
    };
    app.work.handle_request(&request, load, decide).await
}

/// The customer's own reviews, newest first.
#[utoipa::path(get, path = "/me/reviews", tag = "reviews", operation_id = "listMyReviews", params(Paging), responses((status = 200, body = Page<ReviewView>)))]
async fn list_mine(request: SignedIn, State(app): State<App>, Query(paging): Query<Paging>) -> HandlerResult {
    let (user, limit) = (request.user_id, page_limit(paging.limit)?);
    let page = storage::of_author(app.work.table(), user, limit, paging.cursor.map(Cursor)).await?;
    Ok(Reply::ok(&page.map(|review| ReviewView::own(&review))))
}

/// What the customer can review as a known customer, reviewed already or not.
#[utoipa::path(get, path = "/me/reviews/eligible", tag = "reviews", operation_id = "listReviewEligibility", params(Paging), responses((status = 200, body = Page<EligibilityView>)))]
async fn list_eligible(request: SignedIn, State(app): State<App>, Query(paging): Query<Paging>) -> HandlerResult {
    let (user, limit) = (request.user_id, page_limit(paging.limit)?);
    let page = storage::eligibilities(app.work.table(), user, limit, paging.cursor.map(Cursor)).await?;
    Ok(Reply::ok(&page.map(EligibilityView::of)))
}

/// What waits for a moderator, longest first: new reviews and reported ones.
#[utoipa::path(get, path = "/admin/reviews", tag = "reviews", operation_id = "listReviewQueue", params(Paging), responses((status = 200, body = Page<ReviewView>)))]
async fn list_queue(_: Staff, State(app): State<App>, Query(paging): Query<Paging>) -> HandlerResult {
    let page = storage::queue(app.work.table(), page_limit(paging.limit)?, paging.cursor.map(Cursor)).await?;
    Ok(Reply::ok(&page.map(|review| ReviewView::moderator(&review))))
}

/// Why a review was reported, dismissed reports included.
#[utoipa::path(get, path = "/admin/reviews/{review_id}/reports", tag = "reviews", operation_id = "listReviewReports", params(("review_id" = ReviewId, Path), Paging), responses((status = 200, body = Page<ReportView>)))]
async fn list_reports(_: Staff, State(app): State<App>, Path(id): Path<ReviewId>, Query(paging): Query<Paging>) -> HandlerResult {
    let page = storage::reports(app.work.table(), id, page_limit(paging.limit)?, paging.cursor.map(Cursor)).await?;
    Ok(Reply::ok(&page.map(ReportView::of)))
}

/// Lets everyone see it.
#[utoipa::path(post, path = "/admin/reviews/{review_id}/publish", tag = "reviews", operation_id = "publishReview", params(("review_id" = ReviewId, Path)), responses((status = 200, body = ReviewView)))]
async fn publish(request: Admin, State(app): State<App>, Path(id): Path<ReviewId>) -> HandlerResult {
    change(&app, &request, id, ReviewView::moderator, |review, context| Ok(review.publish(context.now)?)).await
}

/// Takes it out of sight, and tells its author why.
#[utoipa::path(post, path = "/admin/reviews/{review_id}/reject", tag = "reviews", operation_id = "rejectReview", params(("review_id" = ReviewId, Path)), request_body = Rejection, responses((status = 200, body = ReviewView)))]
async fn reject(request: Admin, State(app): State<App>, Path(id): Path<ReviewId>, Json(body): Json<Rejection>) -> HandlerResult {
    change(&app, &request, id, ReviewView::moderator, |review, _| Ok(review.reject(&body.reason)?)).await
}

/// Lets a reported review stand.
#[utoipa::path(post, path = "/admin/reviews/{review_id}/dismiss-reports", tag = "reviews", operation_id = "dismissReviewReports", params(("review_id" = ReviewId, Path)), responses((status = 200, body = ReviewView)))]
async fn dismiss_reports(request: Admin, State(app): State<App>, Path(id): Path<ReviewId>) -> HandlerResult {
    change(&app, &request, id, ReviewView::moderator, |review, _| Ok(review.dismiss_reports())).await
}

/// Takes the business's answer away.
#[utoipa::path(delete, path = "/admin/reviews/{review_id}/reply", tag = "reviews", operation_id = "withdrawReviewAnswer", params(("review_id" = ReviewId, Path)), responses((status = 200, body = ReviewView)))]
async fn withdraw_answer(request: Admin, State(app): State<App>, Path(id): Path<ReviewId>) -> HandlerResult {
    change(&app, &request, id, ReviewView::moderator, |review, _| Ok(review.withdraw_answer())).await
}

async fn change(
    app: &App,
    request: &RequestContext,
    id: ReviewId,
    view: impl Fn(&Review) -> ReviewView,
    rule: impl Fn(Review, &DecisionContext) -> Result<contracts::Decision<Review>, Problem>,
) -> HandlerResult {
    let decide = |state: storage::State, context: &DecisionContext| {
        let review = submission::present(&state)?;
        request.check_version(review.version)?;
        let decision = rule(review.value.clone(), context)?;
        let reply = Reply::ok(&view(&decision.state)).etag(state.version_after(decision.changed));
        Ok(state.moved(decision)?.reply(reply))
    };
    app.work.handle_request(request, |_| storage::existing(app.work.table(), id), decide).await
}

/// A vote and its counter move in one commit; the counter is an `Add`, so readers do not wait for one another.
async fn set_vote(app: &App, request: &RequestContext, id: ReviewId, wanted: bool) -> HandlerResult {
    let reader_id = request.require_user()?;
    let table = app.work.table();
    let vote = Vote { review_id: id, reader_id };
    let key = ports::store::Record::key(&vote);
    let load = |_| async { futures::try_join!(storage::existing(table, id), table.get::<Vote>(&key)) };
    let decide = |(state, present): (storage::State, Option<Stored<Vote>>), _: &DecisionContext| {
        let review = seen(&state)?;
        if review.author_id == reader_id {
            return Err(Problem::forbidden("nobody votes for a review of their own"));
        }
        let count = |delta| Write::Add { key: storage::review_key(id), deltas: vec![("helpful", delta)], bounds: Vec::new() };
        let changes = match (present, wanted) {
            (None, true) => Changes::create(contracts::Decision::changed(vote.clone()))?.write(count(1)),
            (Some(present), false) => Changes::none().delete(key.clone(), present.version).write(count(-1)),
            (Some(_), true) | (None, false) => Changes::none(),
        };
        Ok(changes.reply(Reply::no_content()))
    };
    app.work.handle_request(request, load, decide).await
}

/// Readers only know of what is published.
fn seen(state: &storage::State) -> Result<&Stored<Review>, Problem> {
    submission::present(state).ok().filter(|review| review.status == Status::Published).ok_or_else(|| Problem::not_found("review"))
}

// The limits that the API document names are those of the rules.
const _: () = {
    use crate::review::{RATING_MAX, REPLY_CHARACTERS_MAX, TEXT_CHARACTERS_MAX, TITLE_CHARACTERS_MAX};
    assert!(RATING_MAX == 5 && TITLE_CHARACTERS_MAX == 120 && TEXT_CHARACTERS_MAX == 5000);
    assert!(REPLY_CHARACTERS_MAX == 2000 && REASON_CHARACTERS_MAX == 500);
};
