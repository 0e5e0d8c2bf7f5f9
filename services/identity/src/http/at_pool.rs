//! Sessions that a user pool keeps. Whether the account may still have one is asked here.

use kernel::UserId;
use ports::store::Stored;
use ports::{PoolError, PoolTokens, UserPool};
use shell::{Answer, Reply};

use crate::App;
use crate::credentials::pool_problem;
use crate::storage;
use crate::tokens::Tokens;
use crate::user::User;

pub(super) async fn refresh(app: &App, pool: &dyn UserPool, refresh_token: &str) -> Answer {
    let tokens = pool.refresh(refresh_token).await.map_err(pool_problem)?;
    let user = app.desk.table().find::<User>(&storage::user_key(tokens.user)).await?;
    match user {
        Some(user) if user.may_sign_in() => Ok(answer(&tokens)),
        Some(_) | None => Err(pool_problem(PoolError::Refused).into()),
    }
}

pub(super) async fn sign_out(pool: &dyn UserPool, refresh_token: &str) -> Answer {
    pool.sign_out(refresh_token).await.map_err(pool_problem)?;
    Ok(Reply::no_content())
}

/// After the password has been changed and all sessions have ended.
pub(super) async fn sign_in_again(app: &App, pool: &dyn UserPool, id: UserId, password: &str) -> Answer {
    let user: Stored<User> = storage::user(app.desk.table(), id).await?;
    let tokens = pool.sign_in(Some(id), password, user.tokens_valid_from).await.map_err(pool_problem)?;
    Ok(answer(&tokens))
}

fn answer(tokens: &PoolTokens) -> Reply {
    Reply::ok(&Tokens::from(tokens)).no_store()
}
