//! Submitting and editing: what has to be known of the author and of the thing before the rule decides.

use kernel::{Actor, BusinessId, Code, Problem, ReviewId, ReviewTarget, UserId};
use ports::store::Stored;
use shell::{DecisionContext, HandlerResult, Reply, RequestContext};

use crate::review::{Contents, Review, ReviewError, Submission};
use crate::storage::{self, Eligibility, State};
use crate::views::ReviewView;
use crate::{App, Moderation, Unverified};

/// The business whose work is reviewed: itself, or the seller of the product.
pub(crate) async fn business_of(app: &App, target: ReviewTarget) -> Result<BusinessId, Problem> {
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

/// Owners cannot review themselves, whether their token knows of the business or not.
async fn refuse_own(app: &App, actor: &Actor, author: UserId, business: BusinessId) -> Result<(), Problem> {
    let acts = match actor {
        Actor::User { businesses, .. } => businesses.contains(&business),
        Actor::Guest | Actor::System => false,
    };
    if acts || app.deps.directory.owners(business).await?.contains(&author) {
        return Err(Problem::forbidden("nobody can review a business of their own"));
    }
    Ok(())
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

pub(crate) async fn submit(app: &App, request: &RequestContext, target: ReviewTarget, contents: Contents) -> HandlerResult {
    let author_id = request.require_user()?;
    let business_id = business_of(app, target).await?;
    refuse_own(app, &request.actor, author_id, business_id).await?;
    let account = app.deps.accounts.account(author_id).await?.ok_or_else(|| Problem::not_found("account"))?;
    let author_name = shown_name(&account.name);
    let table = app.work.table();
    let load = |_| async { futures::try_join!(storage::state(table, target, author_id), storage::eligibility(table, author_id, target)) };
    let decide = |(state, eligibility): (State, Option<Stored<Eligibility>>), context: &DecisionContext| {
        let verified = eligibility.is_some();
        if !verified && app.config.unverified == Unverified::Refuse {
            return Err(Problem::forbidden("only customers can review this: buy, book or enquire first"));
        }
        let submission = Submission {
            target,
            business_id,
            author_id,
            author_name: author_name.clone(),
            contents: contents.clone(),
            verified,
            moderated: app.moderated(verified),
        };
        let present = state.review.as_ref().map(|review| review.value.clone());
        let decision = Review::submit(present, submission, context.now)?;
        let view = ReviewView::own(&decision.state);
        let reply = Reply::created(format!("/api/v1/reviews/{}", view.id), &view).etag(state.version_after(decision.changed));
        Ok(state.moved(decision)?.reply(reply))
    };
    app.work.handle_request(request, load, decide).await
}

pub(crate) async fn edit(app: &App, request: &RequestContext, id: ReviewId, contents: Contents) -> HandlerResult {
    let author = request.require_user()?;
    let decide = |state: State, context: &DecisionContext| {
        let review = own(&state, author)?;
        request.check_version(review.version)?;
        let moderated = app.moderated(review.verified);
        let decision = review.value.clone().edit(contents.clone(), moderated, context.now)?;
        let reply = Reply::ok(&ReviewView::own(&decision.state)).etag(state.version_after(decision.changed));
        Ok(state.moved(decision)?.reply(reply))
    };
    app.work.handle_request(request, |_| storage::existing(app.work.table(), id), decide).await
}

/// Its author, an admin: both may take a review back. Nobody else learns that it is there.
pub(crate) async fn remove(app: &App, request: &RequestContext, id: ReviewId) -> HandlerResult {
    let user = request.require_user()?;
    let decide = |state: State, _: &DecisionContext| {
        let review = if request.actor.is_admin() { present(&state)? } else { own(&state, user)? };
        let decision = review.value.clone().remove();
        Ok(state.moved(decision)?.reply(Reply::no_content()))
    };
    app.work.handle_request(request, |_| storage::existing(app.work.table(), id), decide).await
}

pub(crate) fn present(state: &State) -> Result<&Stored<Review>, Problem> {
    state.review.as_ref().ok_or_else(|| Problem::not_found("review"))
}

fn own(state: &State, author: UserId) -> Result<&Stored<Review>, Problem> {
    present(state).ok().filter(|review| review.author_id == author).ok_or_else(|| Problem::not_found("review"))
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

impl From<ReviewError> for Problem {
    fn from(error: ReviewError) -> Self {
        let text = error.to_string();
        match error {
            ReviewError::Rating => Self::field("rating", text),
            ReviewError::Title => Self::field("title", text),
            ReviewError::Text | ReviewError::Reply => Self::field("text", text),
            ReviewError::Reason => Self::field("reason", text),
            ReviewError::Exists => Self::new(Code::AlreadyExists, text),
            ReviewError::Answered => Self::new(Code::Conflict, text),
            ReviewError::Illegal { .. } => Self::new(Code::IllegalTransition, text),
        }
    }
}

impl From<crate::aggregate::AggregateError> for Problem {
    fn from(error: crate::aggregate::AggregateError) -> Self {
        Self::internal(error)
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
