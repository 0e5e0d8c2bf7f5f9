//! Tokens of a user pool: signed with RSA, verified by keys that are fetched.

#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::JwkSet;
use kernel::{Code, Duration, Problem, Role, SessionId, Timestamp, UserId};
use ports::reads::{Account, IdentityReads};
use ports::{ManualClock, PublicKeys, subject_of_user};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair, RsaPublicKeyComponents};
use serde_json::{Value, json};
use shell::{AUDIENCE, AccessClaims, Authenticator as _, Signer, SigningKey, TokenVerifier};

/// Made for these tests; it opens nothing.
const KEY: &[u8] = include_bytes!("pool-key.der");
const POOL: &str = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_pool";
const ANN: UserId = UserId(0x7f6b_8c1e_0d2a_4c3b_9e5f_0011_2233_4455);

struct Accounts(Mutex<Account>);

#[async_trait]
impl IdentityReads for Accounts {
    async fn account(&self, user: UserId) -> Result<Option<Account>, Problem> {
        let account = self.0.lock().unwrap().clone();
        Ok((account.id == user).then_some(account))
    }
}

/// What the pool publishes now, and how often it was asked.
#[derive(Default)]
struct Published {
    answer: Mutex<Option<JwkSet>>,
    asked: Mutex<usize>,
}

#[async_trait]
impl PublicKeys for Published {
    async fn fetch(&self) -> Result<String, String> {
        *self.asked.lock().unwrap() += 1;
        self.answer.lock().unwrap().as_ref().map(|keys| serde_json::to_string(keys).unwrap()).ok_or("away".into())
    }
}

impl Published {
    fn publish(&self, names: &[&str]) {
        let public = RsaPublicKeyComponents::<Vec<u8>>::from(RsaKeyPair::from_der(KEY).unwrap().public());
        let (n, e) = (URL_SAFE_NO_PAD.encode(public.n), URL_SAFE_NO_PAD.encode(public.e));
        let key = |name: &&str| json!({"kty": "RSA", "alg": "RS256", "use": "sig", "kid": name, "n": n, "e": e});
        let keys = json!({ "keys": names.iter().map(key).collect::<Vec<_>>() });
        *self.answer.lock().unwrap() = Some(serde_json::from_value(keys).unwrap());
    }

    fn asked(&self) -> usize {
        *self.asked.lock().unwrap()
    }
}

struct World {
    clock: Arc<ManualClock>,
    accounts: Arc<Accounts>,
    published: Arc<Published>,
    signer: Signer,
    verifier: TokenVerifier,
}

fn world() -> World {
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_000_000)));
    let accounts = Arc::new(Accounts(Mutex::new(Account {
        id: ANN,
        email: "ann@example.com".parse().unwrap(),
        email_verified: true,
        email_proven: true,
        name: "Ann".into(),
        roles: vec![Role::Customer],
        businesses: vec![],
        disabled: false,
        tokens_valid_from: Timestamp::MIN,
    })));
    let published = Arc::new(Published::default());
    let signer = Signer::new("https://shop.example", &SigningKey([7; 32])).unwrap();
    let verifier = TokenVerifier::new(signer.issuer(), signer.jwks(), accounts.clone(), clock.clone());
    let verifier = verifier.trust_pool(POOL, "client", published.clone());
    World { clock, accounts, published, signer, verifier }
}

fn claims() -> Value {
    json!({"iss": POOL, "sub": subject_of_user(ANN), "client_id": "client", "token_use": "access", "iat": 1000, "exp": 90_000_000, "cognito:groups": ["admin"]})
}

fn token(key_id: &str, claims: &Value) -> String {
    signed(&json!({"typ": "JWT", "alg": "RS256", "kid": key_id}), claims)
}

/// The signature is by RSA, whatever the header says.
fn signed(header: &Value, claims: &Value) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()));
    let key = RsaKeyPair::from_der(KEY).unwrap();
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature).unwrap();
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

impl World {
    async fn code(&self, token: &str) -> Option<Code> {
        self.verifier.authenticate(token).await.err().map(|problem| problem.code)
    }
}

#[tokio::test]
async fn a_pools_access_tokens_count_beside_our_own() {
    let world = world();
    world.published.publish(&["one"]);
    let actor = world.verifier.authenticate(&token("one", &claims())).await.unwrap().actor;
    assert_eq!(actor.user_id(), Some(ANN));
    assert!(!actor.is_admin(), "the account tells the roles, not the token");
    let own = AccessClaims {
        iss: world.signer.issuer().into(),
        sub: ANN,
        aud: AUDIENCE.into(),
        iat: 1000,
        exp: 1600,
        sid: SessionId(1),
        roles: vec![],
        businesses: vec![],
    };
    assert_eq!(world.code(&world.signer.sign(&own).unwrap()).await, None);

    let with = |name: &str, value: Value| {
        let mut claims = claims();
        claims[name] = value;
        token("one", &claims)
    };
    let ours_by_name = with("iss", world.signer.issuer().into());
    let pool_by_our_key = world.signer.sign(&AccessClaims { iss: POOL.into(), ..own }).unwrap();
    for bad in [
        with("client_id", "another".into()),
        with("token_use", "id".into()),
        with("iss", format!("{POOL}2").into()),
        with("sub", subject_of_user(UserId(1)).into()),
        with("sub", "ann".into()),
        with("exp", 1000.into()),
        ours_by_name,
        pool_by_our_key,
        format!("{}x", token("one", &claims())),
        signed(&json!({"alg": "none", "kid": "one"}), &claims()),
        signed(&json!({"alg": "HS256", "kid": "one"}), &claims()),
        signed(&json!({"alg": "RS512", "kid": "one"}), &claims()),
        signed(&json!({"alg": "EdDSA", "kid": "one"}), &claims()),
    ] {
        assert_eq!(world.code(&bad).await, Some(Code::InvalidToken), "{bad}");
    }
    assert_eq!(world.published.asked(), 1, "kept");
}

#[tokio::test]
async fn disabling_and_signing_out_count_at_once() {
    let world = world();
    world.published.publish(&["one"]);
    let token = token("one", &claims());
    assert_eq!(world.code(&token).await, None);
    world.accounts.0.lock().unwrap().disabled = true;
    assert_eq!(world.code(&token).await, Some(Code::InvalidToken));
    world.accounts.0.lock().unwrap().disabled = false;
    world.accounts.0.lock().unwrap().tokens_valid_from = Timestamp::from_millis(1_001_000);
    assert_eq!(world.code(&token).await, Some(Code::InvalidToken));
}

#[tokio::test]
async fn unknown_keys_are_asked_for_at_a_bounded_rate() {
    let world = world();
    world.published.publish(&["one"]);
    assert_eq!(world.code(&token("one", &claims())).await, None);
    // The pool takes a new key.
    world.published.publish(&["one", "two"]);
    let fresh = token("two", &claims());
    for _ in 0..20 {
        assert_eq!(world.code(&fresh).await, Some(Code::InvalidToken), "it was asked just now");
    }
    assert_eq!(world.published.asked(), 1);
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(world.code(&fresh).await, None);
    for n in 0..20 {
        assert_eq!(world.code(&token(&format!("forged {n}"), &claims())).await, Some(Code::InvalidToken));
    }
    assert_eq!(world.published.asked(), 2);
}

#[tokio::test]
async fn a_pool_that_is_away_is_no_reason_to_sign_out() {
    let world = world();
    let first = token("one", &claims());
    for _ in 0..5 {
        assert_eq!(world.code(&first).await, Some(Code::Unavailable), "nobody can say");
    }
    assert_eq!(world.published.asked(), 1);
    world.published.publish(&["one"]);
    world.clock.advance(Duration::from_secs(5));
    assert_eq!(world.code(&first).await, None);

    // Keys are asked for again after a day; if the pool does not answer, the old ones go on.
    *world.published.answer.lock().unwrap() = None;
    world.clock.advance(Duration::from_secs(24 * 3600));
    let mut later = claims();
    later["jti"] = "later".into();
    assert_eq!(world.code(&token("one", &later)).await, None);
    assert_eq!(world.published.asked(), 3);
    // A key that was withdrawn ends.
    world.published.publish(&["two"]);
    world.clock.advance(Duration::from_secs(60));
    later["jti"] = "last".into();
    assert_eq!(world.code(&token("one", &later)).await, Some(Code::InvalidToken));
}
