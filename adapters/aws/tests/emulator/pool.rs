//! A user pool from the first registration to the last trace of a user.

use std::sync::Arc;

use aws::{Clients, CognitoPool, PoolKeys};
use aws_sdk_cognitoidentityprovider::types::{
    AdminCreateUserConfigType, ExplicitAuthFlowsType, PasswordPolicyType, UserPoolPolicyType, UsernameAttributeType,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::{Email, Role, Timestamp};
use ports::{PoolError, PublicKeys, SystemEntropy, UserPool, subject_of_user};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use serde_json::Value;

use crate::{clients, unique};

const PASSWORD: &str = "correct horse battery";
const OTHER: &str = "another long password";

struct World {
    clients: Arc<Clients>,
    pool: CognitoPool,
    pool_id: String,
    client_id: String,
    email: Email,
}

/// As the stack makes it: addresses are names, sign-up is closed, passwords need length only.
async fn world() -> World {
    let clients = clients();
    let policy = PasswordPolicyType::builder()
        .minimum_length(10)
        .require_lowercase(false)
        .require_uppercase(false)
        .require_numbers(false)
        .require_symbols(false)
        .build();
    let made = clients
        .pool()
        .create_user_pool()
        .pool_name(unique("pool"))
        .username_attributes(UsernameAttributeType::Email)
        .admin_create_user_config(AdminCreateUserConfigType::builder().allow_admin_create_user_only(true).build())
        .policies(UserPoolPolicyType::builder().password_policy(policy).build());
    let pool_id = made.send().await.unwrap().user_pool.unwrap().id.unwrap();
    for group in ["customer", "business", "support", "admin"] {
        clients.pool().create_group().user_pool_id(&pool_id).group_name(group).send().await.unwrap();
    }
    let client = clients
        .pool()
        .create_user_pool_client()
        .user_pool_id(&pool_id)
        .client_name("shop")
        .explicit_auth_flows(ExplicitAuthFlowsType::AllowAdminUserPasswordAuth)
        .explicit_auth_flows(ExplicitAuthFlowsType::AllowRefreshTokenAuth)
        .prevent_user_existence_errors(aws_sdk_cognitoidentityprovider::types::PreventUserExistenceErrorTypes::Enabled);
    let client_id = client.send().await.unwrap().user_pool_client.unwrap().client_id.unwrap();
    let pool = CognitoPool::new(clients.clone(), &pool_id, &client_id, Arc::new(SystemEntropy));
    let email = format!("{}@example.com", unique("ann")).parse().unwrap();
    World { clients, pool, pool_id, client_id, email }
}

impl World {
    async fn verified_claims(&self, token: &str) -> Value {
        let published: Value = serde_json::from_str(&PoolKeys::new(&self.clients, &self.pool_id).fetch().await.unwrap()).unwrap();
        let (message, signature) = token.rsplit_once('.').unwrap();
        let (header, claims) = message.split_once('.').unwrap();
        let header: Value = serde_json::from_slice(&decoded(header)).unwrap();
        assert_eq!(header["alg"], "RS256");
        let key = published["keys"].as_array().unwrap().iter().find(|key| key["kid"] == header["kid"]).unwrap();
        let part = |name: &str| decoded(key[name].as_str().unwrap());
        let key = RsaPublicKeyComponents { n: part("n"), e: part("e") };
        key.verify(&RSA_PKCS1_2048_8192_SHA256, message.as_bytes(), &decoded(signature)).unwrap();
        let claims: Value = serde_json::from_slice(&decoded(claims)).unwrap();
        assert_eq!(claims["iss"], PoolKeys::issuer(&self.clients, &self.pool_id));
        claims
    }
}

fn decoded(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

#[tokio::test]
async fn registration_and_sessions() {
    let World { pool, email, .. } = &world().await;
    let made = pool.enrol(email, "Ann", PASSWORD).await.unwrap();
    assert!(!made.proved);
    let again = pool.enrol(email, "Ann", OTHER).await.unwrap();
    assert_eq!(again, made, "nobody has proved the address, so the latest password counts");
    let early = Timestamp::MIN;
    assert_eq!(pool.sign_in(Some(made.user), PASSWORD, early).await.err(), Some(PoolError::Refused));
    assert_eq!(pool.sign_in(None, PASSWORD, early).await.err(), Some(PoolError::Refused));
    let tokens = pool.sign_in(Some(made.user), OTHER, early).await.unwrap();
    assert_eq!(tokens.user, made.user);
    assert!(tokens.expires_in_secs > 0);

    let next = pool.refresh(&tokens.refresh_token).await.unwrap();
    assert_eq!(next.user, made.user);
    pool.sign_out(&next.refresh_token).await.unwrap();
    pool.sign_out(&next.refresh_token).await.unwrap();
    assert_eq!(pool.refresh(&next.refresh_token).await.err(), Some(PoolError::Refused));
    assert_eq!(pool.refresh("nonsense").await.err(), Some(PoolError::Refused));

    pool.set_profile(made.user, email, true, "Ann Lee").await.unwrap();
    let stranger = pool.enrol(email, "Eve", PASSWORD).await.unwrap();
    assert!(stranger.proved && stranger.user == made.user);
    assert_eq!(pool.confirm(Some(made.user), PASSWORD).await, Err(PoolError::Refused), "a stranger sets no password");
    pool.confirm(Some(made.user), OTHER).await.unwrap();
}

#[tokio::test]
async fn tokens_are_verified_by_the_published_keys() {
    let world = world().await;
    let user = world.pool.enrol(&world.email, "Ann", PASSWORD).await.unwrap().user;
    world.pool.set_roles(user, &[Role::Customer, Role::Business], &[Role::Admin]).await.unwrap();
    let tokens = world.pool.sign_in(Some(user), PASSWORD, Timestamp::MIN).await.unwrap();
    let claims = world.verified_claims(&tokens.access_token).await;
    assert_eq!((&claims["client_id"], &claims["token_use"]), (&world.client_id.as_str().into(), &"access".into()));
    assert_eq!(claims["sub"], subject_of_user(user));
    let mut groups: Vec<_> = claims["cognito:groups"].as_array().unwrap().iter().map(|group| group.as_str().unwrap()).collect();
    groups.sort_unstable();
    assert_eq!(groups, ["business", "customer"]);
    assert_eq!(tokens.roles, [Role::Customer, Role::Business]);
    world.pool.set_roles(user, &[Role::Customer], &[Role::Business]).await.unwrap();
    let next = world.pool.refresh(&tokens.refresh_token).await.unwrap();
    assert_eq!(world.verified_claims(&next.access_token).await["cognito:groups"], serde_json::json!(["customer"]));
    assert_eq!(next.roles, [Role::Customer]);
    world.pool.set_roles(user, &[], &[Role::Customer]).await.unwrap();
    assert_eq!(world.pool.sign_in(Some(user), PASSWORD, Timestamp::MIN).await.unwrap().roles, [], "in no group");
}

#[tokio::test]
async fn passwords_sign_outs_and_the_end() {
    let World { pool, email, .. } = &world().await;
    let user = pool.enrol(email, "Ann", PASSWORD).await.unwrap().user;
    let signed_in = async |password: &str| pool.sign_in(Some(user), password, Timestamp::MIN).await;
    let tokens = signed_in(PASSWORD).await.unwrap();
    pool.set_password(user, OTHER).await.unwrap();
    assert_eq!(signed_in(PASSWORD).await.err(), Some(PoolError::Refused));
    assert!(matches!(pool.set_password(user, "short").await, Err(PoolError::Password(_))));

    // Tokens that carry an earlier second than a sign-out would not count: a later second is waited for.
    let boundary = Timestamp::from_millis(tokens.issued_at.as_millis() + 2000);
    assert!(pool.sign_in(Some(user), OTHER, boundary).await.unwrap().issued_at >= boundary);
    // The emulator compares whole seconds, and it may have made the first refresh token a second after the access token.
    pool.end_sessions(user).await.unwrap();
    assert_eq!(pool.refresh(&tokens.refresh_token).await.err(), Some(PoolError::Refused));

    pool.set_enabled(user, false).await.unwrap();
    assert_eq!(signed_in(OTHER).await.err(), Some(PoolError::Refused));
    pool.set_enabled(user, true).await.unwrap();
    let tokens = signed_in(OTHER).await.unwrap();
    let moved: Email = format!("moved-{}", email.as_str()).parse().unwrap();
    pool.set_profile(user, &moved, true, "Ann").await.unwrap();
    assert_eq!(pool.enrol(&moved, "Eve", PASSWORD).await.unwrap().user, user, "the new address is taken");

    pool.remove(user).await.unwrap();
    pool.remove(user).await.unwrap();
    assert_eq!(pool.refresh(&tokens.refresh_token).await.err(), Some(PoolError::Refused));
    assert_eq!(signed_in(OTHER).await.err(), Some(PoolError::Refused));
    assert!(matches!(pool.set_enabled(user, true).await, Err(PoolError::Misfit(_))));
    assert_ne!(pool.enrol(&moved, "Ann", PASSWORD).await.unwrap().user, user);
}
