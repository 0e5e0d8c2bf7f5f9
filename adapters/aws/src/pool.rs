//! A user pool of Amazon Cognito: it keeps the passwords and makes the tokens. Only the identity service
//! speaks to it, with the rights of its function; the pool's own sign-up is closed, so nobody gets around
//! the service's rules. Its names for users are their `sub`.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_cognitoidentityprovider::types::{AttributeType, AuthFlowType, AuthenticationResultType, MessageActionType, UserType};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::{Email, Role, Timestamp, UserId};
use ports::{Enrolled, Entropy, PoolError, PoolTokens, UserPool, subject_of_user, user_of_subject};
use serde::Deserialize;

use crate::clients::Clients;
use crate::error::{code_of, describe};

/// A user who signs in where there is none: random subjects are of another version of UUID.
const NOBODY: UserId = UserId(0);
/// Tokens that are too early are asked for again, each time a second later or so.
const SIGN_INS_MAX: u32 = 3;
const SECOND: Duration = Duration::from_secs(1);

pub struct CognitoPool {
    clients: Arc<Clients>,
    pool_id: String,
    client_id: String,
    entropy: Arc<dyn Entropy>,
}

/// What we want to know of an access token that the pool has just handed us.
#[derive(Deserialize)]
struct Claims {
    sub: String,
    iat: i64,
    /// Absent for a user in no group.
    #[serde(rename = "cognito:groups", default)]
    groups: Vec<String>,
}

impl CognitoPool {
    pub fn new(clients: Arc<Clients>, pool_id: impl Into<String>, client_id: impl Into<String>, entropy: Arc<dyn Entropy>) -> Self {
        Self { clients, pool_id: pool_id.into(), client_id: client_id.into(), entropy }
    }

    /// The user of an address who is in the pool already, and whether the address is proved.
    async fn known(&self, username: &str) -> Result<Enrolled, PoolError> {
        let asked = self.clients.pool().admin_get_user().user_pool_id(&self.pool_id).username(username).send().await;
        let found = asked.map_err(|error| failure(&error))?;
        enrolled(found.user_attributes()).ok_or_else(|| PoolError::Misfit("a user without a sub".into()))
    }

    /// A password that nobody knows.
    fn unknown_password(&self) -> String {
        // One of each kind of character, whatever the pool's rules ask for.
        format!("Aa1-{}", URL_SAFE_NO_PAD.encode(self.entropy.bytes::<32>()))
    }

    async fn initiate(&self, user: Option<UserId>, password: &str) -> Result<PoolTokens, PoolError> {
        let username = subject_of_user(user.unwrap_or(NOBODY));
        let asked = self
            .clients
            .pool()
            .admin_initiate_auth()
            .user_pool_id(&self.pool_id)
            .client_id(&self.client_id)
            .auth_flow(AuthFlowType::AdminUserPasswordAuth)
            .auth_parameters("USERNAME", username)
            .auth_parameters("PASSWORD", password);
        let answer = asked.send().await.map_err(|error| refusal(&error))?;
        match answer.authentication_result() {
            Some(result) => tokens(result, None),
            None => {
                let challenge = answer.challenge_name().map_or("something", |name| name.as_str());
                tracing::warn!(challenge, "the user pool wants more than a password; its own sign-in page can ask for it");
                Err(PoolError::Refused)
            }
        }
    }
}

#[async_trait]
impl UserPool for CognitoPool {
    async fn enrol(&self, email: &Email, name: &str, password: &str) -> Result<Enrolled, PoolError> {
        let attributes = vec![attribute("email", email.as_str())?, attribute("email_verified", "false")?, attribute("name", name)?];
        let create = self
            .clients
            .pool()
            .admin_create_user()
            .user_pool_id(&self.pool_id)
            .username(email.as_str())
            .set_user_attributes(Some(attributes))
            // Our own mail asks for the proof of the address.
            .message_action(MessageActionType::Suppress)
            .temporary_password(self.unknown_password());
        let made = match create.send().await {
            Ok(made) => made,
            Err(error) if matches!(code_of(&error), "UsernameExistsException" | "AliasExistsException") => {
                let known = self.known(email.as_str()).await?;
                if known.proved {
                    return Ok(known);
                }
                self.set_password(known.user, password).await?;
                self.end_sessions(known.user).await?;
                // Had the address been proved in between, a stranger's password would have been set.
                let after = self.known(email.as_str()).await?;
                if after.proved {
                    self.set_password(known.user, &self.unknown_password()).await?;
                    self.end_sessions(known.user).await?;
                }
                return Ok(after);
            }
            Err(error) => return Err(failure(&error)),
        };
        let attributes = made.user().map(UserType::attributes).unwrap_or_default();
        let made = enrolled(attributes).ok_or_else(|| PoolError::Misfit("a user without a sub".into()))?;
        self.set_password(made.user, password).await?;
        Ok(made)
    }

    async fn sign_in(&self, user: Option<UserId>, password: &str, not_before: Timestamp) -> Result<PoolTokens, PoolError> {
        let mut tokens = self.initiate(user, password).await?;
        for _ in 1..SIGN_INS_MAX {
            if tokens.issued_at >= not_before {
                break;
            }
            tokio::time::sleep(SECOND).await;
            tokens = self.initiate(user, password).await?;
        }
        Ok(tokens)
    }

    async fn confirm(&self, user: Option<UserId>, password: &str) -> Result<(), PoolError> {
        let tokens = self.initiate(user, password).await?;
        self.sign_out(&tokens.refresh_token).await
    }

    async fn refresh(&self, refresh_token: &str) -> Result<PoolTokens, PoolError> {
        let asked = self.clients.pool().get_tokens_from_refresh_token().client_id(&self.client_id).refresh_token(refresh_token);
        let answer = asked.send().await.map_err(|error| match code_of(&error) {
            "InvalidParameterException" => PoolError::Refused,
            _ => refusal(&error),
        })?;
        let result = answer.authentication_result().ok_or_else(|| PoolError::Misfit("a refresh without tokens".into()))?;
        tokens(result, Some(refresh_token))
    }

    async fn sign_out(&self, refresh_token: &str) -> Result<(), PoolError> {
        let asked = self.clients.pool().revoke_token().client_id(&self.client_id).token(refresh_token).send().await;
        match asked {
            Ok(_) => Ok(()),
            // As RFC 7009 has it: a token that does not count is signed out already.
            Err(error)
                if matches!(code_of(&error), "InvalidParameterException" | "UnsupportedTokenTypeException" | "NotAuthorizedException") =>
            {
                Ok(())
            }
            Err(error) => Err(failure(&error)),
        }
    }

    async fn end_sessions(&self, user: UserId) -> Result<(), PoolError> {
        let asked = self.clients.pool().admin_user_global_sign_out().user_pool_id(&self.pool_id).username(subject_of_user(user));
        asked.send().await.map(|_| ()).map_err(|error| failure(&error))
    }

    async fn set_password(&self, user: UserId, password: &str) -> Result<(), PoolError> {
        let asked = self
            .clients
            .pool()
            .admin_set_user_password()
            .user_pool_id(&self.pool_id)
            .username(subject_of_user(user))
            .password(password)
            .permanent(true);
        asked.send().await.map(|_| ()).map_err(|error| failure(&error))
    }

    async fn set_profile(&self, user: UserId, email: &Email, email_verified: bool, name: &str) -> Result<(), PoolError> {
        let verified = if email_verified { "true" } else { "false" };
        let attributes = vec![attribute("email", email.as_str())?, attribute("email_verified", verified)?, attribute("name", name)?];
        let asked = self
            .clients
            .pool()
            .admin_update_user_attributes()
            .user_pool_id(&self.pool_id)
            .username(subject_of_user(user))
            .set_user_attributes(Some(attributes));
        asked.send().await.map(|_| ()).map_err(|error| failure(&error))
    }

    async fn set_roles(&self, user: UserId, gained: &[Role], lost: &[Role]) -> Result<(), PoolError> {
        let (pool, username) = (self.clients.pool(), subject_of_user(user));
        for role in gained {
            let add = pool.admin_add_user_to_group().user_pool_id(&self.pool_id).username(&username).group_name(role.as_str());
            add.send().await.map_err(|error| failure(&error))?;
        }
        for role in lost {
            let remove = pool.admin_remove_user_from_group().user_pool_id(&self.pool_id).username(&username).group_name(role.as_str());
            remove.send().await.map_err(|error| failure(&error))?;
        }
        Ok(())
    }

    async fn set_enabled(&self, user: UserId, enabled: bool) -> Result<(), PoolError> {
        let (pool, username) = (self.clients.pool(), subject_of_user(user));
        if enabled {
            let asked = pool.admin_enable_user().user_pool_id(&self.pool_id).username(username).send().await;
            asked.map(|_| ()).map_err(|error| failure(&error))
        } else {
            let asked = pool.admin_disable_user().user_pool_id(&self.pool_id).username(username).send().await;
            asked.map(|_| ()).map_err(|error| failure(&error))
        }
    }

    async fn remove(&self, user: UserId) -> Result<(), PoolError> {
        let asked = self.clients.pool().admin_delete_user().user_pool_id(&self.pool_id).username(subject_of_user(user)).send().await;
        match asked {
            Ok(_) => Ok(()),
            Err(error) if code_of(&error) == "UserNotFoundException" => Ok(()),
            Err(error) => Err(failure(&error)),
        }
    }
}

const ROLES: [Role; 4] = [Role::Customer, Role::Business, Role::Support, Role::Admin];

fn attribute(name: &str, value: &str) -> Result<AttributeType, PoolError> {
    AttributeType::builder().name(name).value(value).build().map_err(|error| PoolError::Misfit(error.to_string()))
}

fn enrolled(attributes: &[AttributeType]) -> Option<Enrolled> {
    let value = |name: &str| attributes.iter().find(|attribute| attribute.name() == name).and_then(AttributeType::value);
    Some(Enrolled { user: user_of_subject(value("sub")?)?, proved: value("email_verified") == Some("true") })
}

fn tokens(result: &AuthenticationResultType, presented: Option<&str>) -> Result<PoolTokens, PoolError> {
    let misfit = || PoolError::Misfit("an answer without tokens of the form that is documented".into());
    let access_token = result.access_token().ok_or_else(misfit)?;
    let payload = access_token.split('.').nth(1).ok_or_else(misfit)?;
    let claims: Claims = URL_SAFE_NO_PAD.decode(payload).ok().and_then(|json| serde_json::from_slice(&json).ok()).ok_or_else(misfit)?;
    Ok(PoolTokens {
        user: user_of_subject(&claims.sub).ok_or_else(misfit)?,
        access_token: access_token.to_owned(),
        refresh_token: result.refresh_token().or(presented).ok_or_else(misfit)?.to_owned(),
        expires_in_secs: u64::try_from(result.expires_in()).map_err(|_| misfit())?,
        issued_at: Timestamp::from_millis(claims.iat.saturating_mul(1000)),
        // A pool may have groups that are none of ours.
        roles: ROLES.into_iter().filter(|role| claims.groups.iter().any(|group| group == role.as_str())).collect(),
    })
}

/// For what proves who somebody is.
fn refusal<E>(error: &SdkError<E, HttpResponse>) -> PoolError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match code_of(error) {
        "NotAuthorizedException"
        | "UserNotFoundException"
        | "UserNotConfirmedException"
        | "PasswordResetRequiredException"
        | "RefreshTokenReuseException" => PoolError::Refused,
        _ => failure(error),
    }
}

fn failure<E>(error: &SdkError<E, HttpResponse>) -> PoolError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match code_of(error) {
        "InvalidPasswordException" | "PasswordHistoryPolicyViolationException" => {
            let message = error.as_service_error().and_then(ProvideErrorMetadata::message).unwrap_or("it does not say why");
            PoolError::Password(message.to_owned())
        }
        "" | "TooManyRequestsException" | "LimitExceededException" | "InternalErrorException" | "ThrottlingException" => {
            PoolError::Unavailable(describe(error))
        }
        _ => PoolError::Misfit(describe(error)),
    }
}
