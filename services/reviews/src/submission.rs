//! Submitting and changing reviews: what has to be known of the author and of the thing before the rule decides, and
//! the one commit of a review and what is counted of it.

use contracts::Decision;
use kernel::{BusinessId, Problem, ReviewId, ReviewTarget};
use ports::store::Stored;
use shell::http::SignedIn;
use shell::{DecisionContext, HandlerResult, Reply, RequestContext};

use crate::review::{Contents, Review, ReviewError, Submission};
use crate::storage::{self, Eligibility, State};
use crate::views::ReviewView;
use crate::{App, Moderation, Unverified};

/// The business whose work is reviewed: itself, or the seller of the product.
async fn business_of(app: &App, target: ReviewTarget) -> Result<BusinessId, Problem> {
    match target {
        ReviewTarget::Business(id) => {
            let found = app.deps.directory.businesses(&[id]).await?.pop().flatten();
            found.filter(|business| business.published).map(|business| business.id).ok_or_else(|| Problem::not_found("business"))
        }
        ReviewTarget::Product(id) => {
            let found = app.deps.products.products(&[id]).await?.pop().flatten();
            found.filter(|product| product.published).map(|product| product.seller_id).ok_or_else(|| Problem::not_found("product"))
        }
    }
}

impl App {
    fn moderated(&self, verified: bool) -> bool {
        match self.config.moderation {
            Moderation::All => true,
            Moderation::Unverified => !verified,
            Moderation::None => false,
        }
    }
}

pub(crate) async fn submit(app: &App, request: &SignedIn, target: ReviewTarget, contents: Contents) -> HandlerResult {
    let author_id = request.user_id;
    let business_id = business_of(app, target).await?;
    let (owners, account) = futures::try_join!(app.deps.directory.owners(business_id), app.deps.accounts.account(author_id))?;
    // Whether their token knows of the business or not. Admins act for all businesses, but own none by that.
    let own_business = owners.contains(&author_id) || request.actor.role_in(business_id).is_some();
    let account = account.ok_or_else(|| Problem::not_found("account"))?;
    if !account.email_verified {
        return Err(ReviewError::Unverified.into());
    }
    let author_name = shown_name(&account.name);
    let table = app.work.table();
    let load = |_| async { futures::try_join!(storage::state(table, target, author_id), storage::eligibility(table, author_id, target)) };
    let decide = |(state, eligibility): (State, Option<Stored<Eligibility>>), context: &DecisionContext| {
        let verified = eligibility.is_some();
        let submission = Submission {
            target,
            business_id,
            author_id,
            author_name: author_name.clone(),
            contents: contents.clone(),
            verified,
            own_business,
            customers_only: app.config.unverified == Unverified::Refuse,
            moderated: app.moderated(verified),
        };
        let present = state.review.as_ref().map(|review| review.value.clone());
        let decision = Review::submit(present, submission, context.now)?;
        let view = ReviewView::own(decision.state());
        let reply = Reply::created(format!("/api/v1/reviews/{}", view.id), &view).etag(state.version_after(decision.is_changed()));
        Ok(state.moved(decision)?.reply(reply))
    };
    app.work.handle_request(request, load, decide).await
}

pub(crate) async fn edit(app: &App, request: &SignedIn, id: ReviewId, contents: Contents) -> HandlerResult {
    let own = |review: &Review| Reply::ok(&ReviewView::own(review));
    change(app, request, id, own, |review, context| {
        let moderated = app.moderated(review.verified);
        review.edit(&context.actor, contents.clone(), moderated, context.now)
    })
    .await
}

/// Changes a review, and in the same commit the average that it may be a part of.
pub(crate) async fn change(
    app: &App,
    request: &RequestContext,
    id: ReviewId,
    view: impl Fn(&Review) -> Reply,
    rule: impl Fn(Review, &DecisionContext) -> Result<Decision<Review>, ReviewError>,
) -> HandlerResult {
    let decide = |state: State, context: &DecisionContext| {
        let review = state.review.as_ref().ok_or(ReviewError::Unknown)?;
        // Behind the rule, so that a stranger does not learn the version of a hidden review.
        let decision = rule(review.value.clone(), context)?;
        request.check_version(review.version)?;
        let reply = view(decision.state()).etag(state.version_after(decision.is_changed()));
        Ok(state.moved(decision)?.reply(reply))
    };
    app.work.handle_request(request, |_| storage::existing(app.work.table(), id), decide).await
}

/// `Ada Lovelace` is shown as `Ada L.`.
fn shown_name(name: &str) -> String {
    let mut words = name.split_whitespace();
    match (words.next(), words.next_back().and_then(|last| last.chars().next())) {
        (Some(first), Some(initial)) => format!("{first} {initial}."),
        (Some(first), None) => first.to_owned(),
        (None, _) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shortened() {
        for (name, shown) in [("Ada Lovelace", "Ada L."), ("Ada", "Ada"), ("  ", ""), ("José María Özil", "José Ö.")] {
            assert_eq!(shown_name(name), shown);
        }
    }
}
