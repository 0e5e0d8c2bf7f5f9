//! Routes of reviews.

use axum::extract::State;
use contracts::Decision;
use kernel::{BusinessId, Page, Paragraph, Problem, ReviewId, ReviewTarget};
use ports::store::{Key, Record as _, Stored};
use serde::Deserialize;
use shell::http::{Admin, Anyone, Json, Listing, OpenApiRouter, Paging, Path, Query, SignedIn, Staff, Versioned};
use shell::{Changes, DecisionContext, HandlerResult, Reply, RequestContext};
use utoipa::{IntoParams, ToSchema};

use crate::App;
use crate::aggregate::Aggregate;
use crate::report::{Report, ReportReason, report_key};
use crate::review::{self, Contents, Review, ReviewError, Status};
use crate::storage::{self, Eligibility, Sort, Vote};
use crate::subject::subjects;
use crate::submission::{self, change};
use crate::views::{EligibilityView, ReportView, ReviewView, SummaryView};

/// Why readers reported a review, in the list for moderators.
const REASONS_SHOWN: usize = 20;

pub fn routes(app: App) -> OpenApiRouter {
    shell::routes!(
        list,
        submit: [NotFound, AlreadyExists, Forbidden],
        summary,
        show,
        edit: [IllegalTransition, Forbidden],
        remove: [IllegalTransition, Forbidden],
        answer: [IllegalTransition, Forbidden],
        take_answer_back: [IllegalTransition, Forbidden],
        list_of_business: [Forbidden],
        vote: [IllegalTransition, Forbidden],
        unvote: [IllegalTransition, Forbidden],
        report: [IllegalTransition],
        list_mine,
        list_eligible,
        list_queue,
        list_reports,
        publish: [IllegalTransition],
        reject: [IllegalTransition],
        dismiss_reports,
        withdraw_answer,
    )
    .with_state(app)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "target": "prd_01J8Z3T4M7Q2C9V5N6X8B0D1FG", "rating": 5, "title": "Very good", "text": "Strong, fresh, and sent quickly." }))]
struct NewReview {
    /// A business or a product.
    target: ReviewTarget,
    #[schema(minimum = 1, maximum = 5)]
    rating: u8,
    #[schema(inline)]
    title: Option<review::Title>,
    #[schema(inline)]
    text: review::Text,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "rating": 4, "text": "Good, though smaller than I thought." }))]
struct ReviewContents {
    #[schema(minimum = 1, maximum = 5)]
    rating: u8,
    #[schema(inline)]
    title: Option<review::Title>,
    #[schema(inline)]
    text: review::Text,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "text": "Thank you, come again." }))]
struct NewReviewReply {
    #[schema(inline)]
    text: review::Reply,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "It is about another business." }))]
struct ReviewRejection {
    /// For the author.
    #[schema(inline)]
    reason: review::Reason,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "spam" }))]
struct NewReviewReport {
    reason: ReportReason,
    #[schema(inline)]
    text: Option<Paragraph<0, 500>>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ListFilter {
    /// The id of a business or a product.
    target: ReviewTarget,
    #[param(inline)]
    sort: Option<Sort>,
    /// Only reviews with this number of stars, newest first.
    #[param(minimum = 1, maximum = 5)]
    rating: Option<u8>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct SummaryQuery {
    /// The id of a business or a product.
    target: ReviewTarget,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct AnsweredFilter {
    /// Only those that the business has answered, or only those that wait for an answer.
    answered: Option<bool>,
}

/// List the published reviews of a business or a product. For those who are signed in it says which they found helpful.
#[utoipa::path(get, path = "/reviews", tag = "reviews", operation_id = "listReviews", params(ListFilter, Paging), responses((status = 200, body = Page<ReviewView>)))]
async fn list(request: RequestContext, State(app): State<App>, listing: Listing<ListFilter>) -> HandlerResult {
    let Listing { filter: ListFilter { target, sort, rating }, limit, cursor } = listing;
    if rating.is_some_and(|rating| !(1..=review::RATING_MAX).contains(&rating)) {
        return Err(ReviewError::Rating.into());
    }
    let published = storage::published(target, sort.unwrap_or_default(), rating);
    let page = app.work.table().list::<Review>(published.limit(limit.get()).after(cursor)).await?;
    let mut page = page.map(|review| ReviewView::public(&review));
    if let Some(reader) = request.actor.user_id() {
        let votes: Vec<Key> = page.items.iter().map(|review| storage::vote_key(reader, review.id)).collect();
        for (review, vote) in page.items.iter_mut().zip(app.work.table().get_many_eventual::<Vote>(&votes).await?) {
            review.found_helpful = Some(vote.is_some());
        }
    }
    Ok(Reply::ok(&page))
}

/// List the published reviews of a business and of all that it sells, for its people and for staff: those without an answer first.
#[utoipa::path(get, path = "/businesses/{business_id}/reviews", tag = "reviews", operation_id = "listReviewsOfBusiness", params(("business_id" = BusinessId, Path), AnsweredFilter, Paging), responses((status = 200, body = Page<ReviewView>)))]
async fn list_of_business(
    request: SignedIn,
    State(app): State<App>,
    Path(id): Path<BusinessId>,
    listing: Listing<AnsweredFilter>,
) -> HandlerResult {
    if !(request.actor.is_staff() || request.actor.acts_for(id)) {
        return Err(ReviewError::NotBusiness.into());
    }
    let wanted = storage::of_business(id, listing.filter.answered).limit(listing.limit.get()).after(listing.cursor);
    let page = app.work.table().list::<Review>(wanted).await?;
    named(&app, page.map(|review| ReviewView::public(&review))).await
}

/// A page of reviews of several things, each with what it is about.
async fn named(app: &App, mut page: Page<ReviewView>) -> HandlerResult {
    let subjects = subjects(app, page.items.iter().map(|review| review.target)).await?;
    for review in &mut page.items {
        review.subject = subjects.get(&review.target).cloned();
    }
    Ok(Reply::ok(&page))
}

/// Get the average rating of a business or a product, and how many reviews gave how many stars.
#[utoipa::path(get, path = "/reviews/summary", tag = "reviews", operation_id = "getReviewSummary", params(SummaryQuery), responses((status = 200, body = SummaryView)))]
async fn summary(_: Anyone, State(app): State<App>, Query(SummaryQuery { target }): Query<SummaryQuery>) -> HandlerResult {
    let found = app.work.table().get_eventual::<Aggregate>(&storage::aggregate_key(target)).await?;
    Ok(Reply::ok(&SummaryView::of(found.map_or_else(|| Aggregate::empty(target), |found| found.value))))
}

/// Submit a review. A customer has one review of a business or product; depending on the settings, a moderator sees it first.
#[utoipa::path(post, path = "/reviews", tag = "reviews", operation_id = "submitReview", request_body = NewReview, responses((status = 201, body = ReviewView)))]
async fn submit(request: SignedIn, State(app): State<App>, Json(body): Json<NewReview>) -> HandlerResult {
    let contents = Contents::new(body.rating, body.title, body.text)?;
    submission::submit(&app, &request, body.target, contents).await
}

/// Get a review. Everyone may read published reviews; others are for their author and staff only.
#[utoipa::path(get, path = "/reviews/{review_id}", tag = "reviews", operation_id = "getReview", params(("review_id" = ReviewId, Path)), responses((status = 200, body = ReviewView)))]
async fn show(request: Versioned<RequestContext>, State(app): State<App>, Path(id): Path<ReviewId>) -> HandlerResult {
    let review = app.work.table().get_eventual::<Review>(&storage::review_key(id)).await?.ok_or(ReviewError::Unknown)?;
    let view = if request.actor.is_staff() {
        ReviewView::moderator(&review)
    } else if request.actor.user_id() == Some(review.author_id) {
        ReviewView::own(&review)
    } else if review.status == Status::Published {
        ReviewView::public(&review)
    } else {
        return Err(ReviewError::Unknown.into());
    };
    Ok(Reply::ok(&view).etag(review.version))
}

/// Edit your review.
#[utoipa::path(put, path = "/reviews/{review_id}", tag = "reviews", operation_id = "editReview", params(("review_id" = ReviewId, Path)), request_body = ReviewContents, responses((status = 200, body = ReviewView)))]
async fn edit(
    request: Versioned<SignedIn>,
    State(app): State<App>,
    Path(id): Path<ReviewId>,
    Json(body): Json<ReviewContents>,
) -> HandlerResult {
    submission::edit(&app, &request, id, Contents::new(body.rating, body.title, body.text)?).await
}

/// Remove a review. Its author may, and admins.
#[utoipa::path(delete, path = "/reviews/{review_id}", tag = "reviews", operation_id = "removeReview", params(("review_id" = ReviewId, Path)), responses((status = 204)))]
async fn remove(request: Versioned<SignedIn>, State(app): State<App>, Path(id): Path<ReviewId>) -> HandlerResult {
    change(&app, &request, id, |_| Reply::no_content(), |review, context| review.take_back(&context.actor)).await
}

/// Reply to a review on behalf of the business, or replace its reply.
#[utoipa::path(put, path = "/reviews/{review_id}/reply", tag = "reviews", operation_id = "answerReview", params(("review_id" = ReviewId, Path)), request_body = NewReviewReply, responses((status = 200, body = ReviewView)))]
async fn answer(
    request: Versioned<SignedIn>,
    State(app): State<App>,
    Path(id): Path<ReviewId>,
    Json(body): Json<NewReviewReply>,
) -> HandlerResult {
    let public = |review: &Review| Reply::ok(&ReviewView::public(review));
    change(&app, &request, id, public, |review, context| review.answer(&context.actor, body.text.clone(), context.now)).await
}

/// Withdraw the reply of your business.
#[utoipa::path(delete, path = "/reviews/{review_id}/reply", tag = "reviews", operation_id = "withdrawOwnReviewAnswer", params(("review_id" = ReviewId, Path)), responses((status = 200, body = ReviewView)))]
async fn take_answer_back(request: Versioned<SignedIn>, State(app): State<App>, Path(id): Path<ReviewId>) -> HandlerResult {
    let public = |review: &Review| Reply::ok(&ReviewView::public(review));
    change(&app, &request, id, public, |review, context| review.take_answer_back(&context.actor)).await
}

/// Mark a review as helpful. Each reader counts once; its author and the people of the business do not.
#[utoipa::path(put, path = "/reviews/{review_id}/helpful", tag = "reviews", operation_id = "voteReviewHelpful", params(("review_id" = ReviewId, Path)), responses((status = 204)))]
async fn vote(request: SignedIn, State(app): State<App>, Path(id): Path<ReviewId>) -> HandlerResult {
    set_vote(&app, &request, id, true).await
}

/// Withdraw a helpful mark.
#[utoipa::path(delete, path = "/reviews/{review_id}/helpful", tag = "reviews", operation_id = "unvoteReviewHelpful", params(("review_id" = ReviewId, Path)), responses((status = 204)))]
async fn unvote(request: SignedIn, State(app): State<App>, Path(id): Path<ReviewId>) -> HandlerResult {
    set_vote(&app, &request, id, false).await
}

/// Report a review to the moderators. Each reader counts once.
#[utoipa::path(post, path = "/reviews/{review_id}/reports", tag = "reviews", operation_id = "reportReview", params(("review_id" = ReviewId, Path)), request_body = NewReviewReport, responses((status = 204)))]
async fn report(request: SignedIn, State(app): State<App>, Path(id): Path<ReviewId>, Json(body): Json<NewReviewReport>) -> HandlerResult {
    let reader_id = request.user_id;
    let table = app.work.table();
    let key = report_key(id, reader_id);
    let load = |_| async { futures::try_join!(storage::review(table, id), table.get::<Report>(&key)) };
    let decide = |(review, present): (Stored<Review>, Option<Stored<Report>>), context: &DecisionContext| {
        if present.is_some() {
            return Ok(Reply::no_content().into());
        }
        let reported = Changes::update(review.version, review.value.report(context.now)?)?;
        let report = Report { review_id: id, reader_id, reason: body.reason, text: body.text.clone(), at: context.now };
        Ok(reported.and(Changes::create(Decision::changed(report))?).reply(Reply::no_content()))
    };
    app.work.handle_request(&request, load, decide).await
}

/// List your own reviews, newest first.
#[utoipa::path(get, path = "/me/reviews", tag = "reviews", operation_id = "listMyReviews", params(Paging), responses((status = 200, body = Page<ReviewView>)))]
async fn list_mine(request: SignedIn, State(app): State<App>, listing: Listing) -> HandlerResult {
    let mine = storage::of_author(request.user_id).limit(listing.limit.get()).after(listing.cursor);
    let page = app.work.table().list::<Review>(mine).await?;
    named(&app, page.map(|review| ReviewView::own(&review))).await
}

/// List what you can review as a known customer, reviewed already or not.
#[utoipa::path(get, path = "/me/reviews/eligible", tag = "reviews", operation_id = "listReviewEligibility", params(Paging), responses((status = 200, body = Page<EligibilityView>)))]
async fn list_eligible(request: SignedIn, State(app): State<App>, listing: Listing) -> HandlerResult {
    let mine = storage::of_customer(request.user_id, storage::ELIGIBILITIES).limit(listing.limit.get()).after(listing.cursor);
    let page = app.work.table().list::<Eligibility>(mine).await?;
    let subjects = subjects(&app, page.items.iter().map(|eligibility| eligibility.target)).await?;
    let own = |target| Review::id_of(target, request.user_id);
    let keys: Vec<Key> = page.items.iter().map(|eligibility| storage::review_key(own(eligibility.target))).collect();
    let reviews = app.work.table().get_many_eventual::<Review>(&keys).await?;
    let written = |target| {
        let id = own(target);
        reviews.iter().flatten().any(|review| review.id == id && review.status != Status::Removed).then_some(id)
    };
    Ok(Reply::ok(&page.map(|eligibility| {
        let target = eligibility.target;
        EligibilityView { subject: subjects.get(&target).cloned(), review_id: written(target), ..EligibilityView::of(eligibility.value) }
    })))
}

/// List the reviews that wait for a moderator, longest first: new reviews and reported ones.
#[utoipa::path(get, path = "/admin/reviews", tag = "reviews", operation_id = "listReviewQueue", params(Paging), responses((status = 200, body = Page<ReviewView>)))]
async fn list_queue(_: Staff, State(app): State<App>, listing: Listing) -> HandlerResult {
    let page = app.work.table().list::<Review>(storage::queue().limit(listing.limit.get()).after(listing.cursor)).await?;
    let mut page = page.map(|review| ReviewView::moderator(&review));
    let reported = page.items.iter_mut().filter(|review| review.reports.is_some_and(|reports| reports > 0));
    let table = app.work.table();
    futures::future::try_join_all(reported.map(|review| async move {
        let reports = table.list::<Report>(storage::reports(review.id).limit(REASONS_SHOWN)).await?;
        review.report_reasons = reports.items.into_iter().map(|report| ReportView::of(report.value)).collect();
        Ok::<_, Problem>(())
    }))
    .await?;
    named(&app, page).await
}

/// List the reports of a review, including dismissed ones.
#[utoipa::path(get, path = "/admin/reviews/{review_id}/reports", tag = "reviews", operation_id = "listReviewReports", params(("review_id" = ReviewId, Path), Paging), responses((status = 200, body = Page<ReportView>)))]
async fn list_reports(_: Staff, State(app): State<App>, Path(id): Path<ReviewId>, listing: Listing) -> HandlerResult {
    let page = app.work.table().list::<Report>(storage::reports(id).limit(listing.limit.get()).after(listing.cursor)).await?;
    Ok(Reply::ok(&page.map(|report| ReportView::of(report.value))))
}

/// Publish a review.
#[utoipa::path(post, path = "/admin/reviews/{review_id}/publish", tag = "reviews", operation_id = "publishReview", params(("review_id" = ReviewId, Path)), responses((status = 200, body = ReviewView)))]
async fn publish(request: Versioned<Admin>, State(app): State<App>, Path(id): Path<ReviewId>) -> HandlerResult {
    change(&app, &request, id, moderated, |review, context| review.publish(context.now)).await
}

/// Reject a review and tell its author why.
#[utoipa::path(post, path = "/admin/reviews/{review_id}/reject", tag = "reviews", operation_id = "rejectReview", params(("review_id" = ReviewId, Path)), request_body = ReviewRejection, responses((status = 200, body = ReviewView)))]
async fn reject(
    request: Versioned<Admin>,
    State(app): State<App>,
    Path(id): Path<ReviewId>,
    Json(body): Json<ReviewRejection>,
) -> HandlerResult {
    change(&app, &request, id, moderated, |review, _| review.reject(body.reason.clone())).await
}

/// Dismiss the reports of a review; the review stays.
#[utoipa::path(post, path = "/admin/reviews/{review_id}/dismiss-reports", tag = "reviews", operation_id = "dismissReviewReports", params(("review_id" = ReviewId, Path)), responses((status = 200, body = ReviewView)))]
async fn dismiss_reports(request: Versioned<Admin>, State(app): State<App>, Path(id): Path<ReviewId>) -> HandlerResult {
    change(&app, &request, id, moderated, |review, _| Ok(review.dismiss_reports())).await
}

/// Remove the reply of a business.
#[utoipa::path(delete, path = "/admin/reviews/{review_id}/reply", tag = "reviews", operation_id = "withdrawReviewAnswer", params(("review_id" = ReviewId, Path)), responses((status = 200, body = ReviewView)))]
async fn withdraw_answer(request: Versioned<Admin>, State(app): State<App>, Path(id): Path<ReviewId>) -> HandlerResult {
    change(&app, &request, id, moderated, |review, _| Ok(review.withdraw_answer())).await
}

fn moderated(review: &Review) -> Reply {
    Reply::ok(&ReviewView::moderator(review))
}

/// A vote and its counter move in one commit.
async fn set_vote(app: &App, request: &SignedIn, id: ReviewId, wanted: bool) -> HandlerResult {
    let table = app.work.table();
    let vote = Vote { review_id: id, reader_id: request.user_id };
    let key = vote.key();
    let load = |_| async { futures::try_join!(storage::review(table, id), table.get::<Vote>(&key)) };
    let decide = |(review, present): (Stored<Review>, Option<Stored<Vote>>), _: &DecisionContext| {
        review.check_vote(&request.actor)?;
        let changes = match (present, wanted) {
            (None, true) => Changes::create(Decision::changed(vote.clone()))?.write(vote.counted(1)),
            (Some(present), false) => Changes::none().delete(key.clone(), present.version).write(vote.counted(-1)),
            (Some(_), true) | (None, false) => Changes::none(),
        };
        Ok(changes.reply(Reply::no_content()))
    };
    app.work.handle_request(request, load, decide).await
}
