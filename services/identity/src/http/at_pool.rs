//! Sessions that a user pool keeps. Whether the account may still have one is asked here.

use kernel::{Problem, UserId};
use ports::store::Stored;
use ports::{PoolError, PoolTokens, UserPool};
use shell::{DecisionContext, HandlerResult};

use super::cookie::{self, Carrier};
use crate::App;
use crate::admins::Admins;
use crate::credentials::pool_problem;
use crate::storage;
use crate::tokens::Tokens;
use crate::user::User;

pub(super) async fn refresh(app: &App, pool: &dyn UserPool, refresh_token: &str, carrier: Carrier) -> HandlerResult {
    let tokens = pool.refresh(refresh_token).await.map_err(pool_problem)?;
    let user = app.work.table().get::<User>(&storage::user_key(tokens.user)).await?;
    match user {
        Some(user) if user.may_sign_in() => {
            adopt_roles(app, &user, &tokens).await?;
            Ok(cookie::answer(app, Tokens::from(&tokens), carrier))
        }
        Some(_) | None => Err(pool_problem(PoolError::Refused).into()),
    }
}

/// Whoever may change the pool may make staff by its groups, which is how a shop gets its first admin. The
/// account takes them over, so that it stays the one place where roles are looked up and taken away.
pub(super) async fn adopt_roles(app: &App, user: &User, tokens: &PoolTokens) -> Result<(), Problem> {
    if user.adoptable(&tokens.roles).is_empty() {
        return Ok(());
    }
    let load = |_| storage::user_and_admins(app.work.table(), user.id);
    let decide = |(user, admins): (Stored<User>, Option<Stored<Admins>>), _: &DecisionContext| {
        let decision = user.value.clone().adopt_roles(&tokens.roles, tokens.issued_at);
        storage::update_user_and_admins(&user, admins, decision)
    };
    if app.work.run_job("identity.adopt_roles", load, decide).await? {
        tracing::info!(user = %user.id, groups = ?tokens.roles, "roles that were granted in the user pool were taken over");
    }
    Ok(())
}

pub(super) async fn sign_out(pool: &dyn UserPool, refresh_token: &str) -> Result<(), Problem> {
    pool.sign_out(refresh_token).await.map_err(pool_problem)
}

/// After the password has been changed and all sessions have ended.
pub(super) async fn sign_in_again(app: &App, pool: &dyn UserPool, id: UserId, password: &str, carrier: Carrier) -> HandlerResult {
    let user: Stored<User> = storage::user(app.work.table(), id).await?;
    let tokens = pool.sign_in(Some(id), password, user.tokens_valid_from).await.map_err(pool_problem)?;
    Ok(cookie::answer(app, Tokens::from(&tokens), carrier))
}
