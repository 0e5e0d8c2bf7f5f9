//! Bearer tokens: signed by the built-in issuer, verified against the keys of every issuer that is
//! trusted. The account is looked at on each request, so that disabling it counts at once.

mod keys;
mod signatures;

use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use kernel::{Actor, BusinessId, Code, Problem, Role, SessionId, Timestamp, UserId};
use ports::reads::IdentityReads;
use ports::{PublicKeys, user_of_subject};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use keys::Keys;

/// Who the token speaks for.
#[async_trait]
pub trait Authenticator: Send + Sync {
    /// `InvalidToken` for any token that does not count (any more).
    async fn authenticate(&self, bearer: &str) -> Result<Authenticated, Problem>;
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authenticated {
    pub actor: Actor,
    /// The session that the token was made in; a user pool's tokens name none of ours.
    pub session: Option<SessionId>,
}

impl From<Actor> for Authenticated {
    fn from(actor: Actor) -> Self {
        Self { actor, session: None }
    }
}

/// The claims of an access token (RFC 9068, as far as we use it).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessClaims {
    pub iss: String,
    pub sub: UserId,
    pub aud: String,
    /// Seconds since 1970.
    pub iat: i64,
    pub exp: i64,
    pub sid: SessionId,
    pub roles: Vec<Role>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub businesses: Vec<BusinessId>,
}

/// 32 secret bytes: the seed of an Ed25519 key, and of the keyed hash for links in mails.
#[derive(Clone)]
pub struct SigningKey(pub [u8; 32]);

impl SigningKey {
    /// From 64 hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        let mut seed = [0; 32];
        for (place, byte) in seed.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[place * 2..place * 2 + 2], 16).ok()?;
        }
        Some(Self(seed))
    }
}

/// Signs tokens and links. Its key is never logged.
pub struct Signer {
    issuer: String,
    key: EncodingKey,
    key_id: String,
    jwk: Jwk,
    mac_key: [u8; 32],
}

/// PKCS #8 (RFC 8410) in front of the 32 bytes of an Ed25519 seed.
const ED25519_PKCS8: [u8; 16] = [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

impl Signer {
    pub fn new(issuer: impl Into<String>, key: &SigningKey) -> Result<Self, Problem> {
        signatures::install();
        let der = [ED25519_PKCS8.as_slice(), &key.0].concat();
        let encoding = EncodingKey::from_ed_der(&der);
        let mut jwk = Jwk::from_encoding_key(&encoding, Algorithm::EdDSA).map_err(Problem::internal)?;
        let public = serde_json::to_string(&jwk).map_err(Problem::internal)?;
        let key_id = URL_SAFE_NO_PAD.encode(&blake3::hash(public.as_bytes()).as_bytes()[..12]);
        jwk.common.key_id = Some(key_id.clone());
        jwk.common.public_key_use = Some(jsonwebtoken::jwk::PublicKeyUse::Signature);
        Ok(Self { issuer: issuer.into(), key: encoding, key_id, jwk, mac_key: blake3::derive_key("souk links in mails", &key.0) })
    }

    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    pub fn sign<C: Serialize>(&self, claims: &C) -> Result<String, Problem> {
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(self.key_id.clone());
        jsonwebtoken::encode(&header, claims, &self.key).map_err(Problem::internal)
    }

    /// The public key as a JSON Web Key Set (RFC 7517).
    pub fn jwks(&self) -> JwkSet {
        JwkSet { keys: vec![self.jwk.clone()] }
    }

    /// A keyed hash of the text: 256 bits, URL-safe.
    pub fn mac(&self, text: &str) -> String {
        URL_SAFE_NO_PAD.encode(blake3::keyed_hash(&self.mac_key, text.as_bytes()).as_bytes())
    }
}

/// Access tokens are for this audience.
pub const AUDIENCE: &str = "souk";
/// Verified tokens that are remembered, so that a signature is checked once per token.
const REMEMBERED: usize = 10_000;

struct Verified {
    user: UserId,
    session: Option<SessionId>,
    issued_at: Timestamp,
    expires_at: Timestamp,
}

/// The claims of an access token of a user pool: it names its client instead of an audience.
#[derive(Deserialize)]
struct PoolClaims {
    sub: String,
    client_id: String,
    token_use: String,
    iat: i64,
    exp: i64,
}

enum Kind {
    BuiltIn,
    Pool { client_id: String },
}

struct Issuer {
    name: String,
    kind: Kind,
    keys: Keys,
}

/// Verifies by issuer and JWKS.
pub struct TokenVerifier {
    issuers: Vec<Issuer>,
    accounts: Arc<dyn IdentityReads>,
    clock: Arc<dyn ports::Clock>,
    remembered: quick_cache::sync::Cache<String, Arc<Verified>>,
}

impl TokenVerifier {
    /// Trusts the built-in issuer.
    pub fn new(issuer: impl Into<String>, keys: JwkSet, accounts: Arc<dyn IdentityReads>, clock: Arc<dyn ports::Clock>) -> Self {
        let mut verifier = Self::trusting_none(accounts, clock);
        verifier.issuers.push(Issuer { name: issuer.into(), kind: Kind::BuiltIn, keys: Keys::Known(keys) });
        verifier
    }

    /// Trusts nobody yet; for shops whose tokens a user pool makes.
    pub fn trusting_none(accounts: Arc<dyn IdentityReads>, clock: Arc<dyn ports::Clock>) -> Self {
        signatures::install();
        Self { issuers: Vec::new(), accounts, clock, remembered: quick_cache::sync::Cache::new(REMEMBERED) }
    }

    /// Trusts a user pool as well: access tokens that it made for this client.
    #[must_use]
    pub fn trust_pool(mut self, issuer: impl Into<String>, client_id: impl Into<String>, keys: Arc<dyn PublicKeys>) -> Self {
        let kind = Kind::Pool { client_id: client_id.into() };
        self.issuers.push(Issuer { name: issuer.into(), kind, keys: Keys::fetched(keys) });
        self
    }

    async fn verify(&self, token: &str) -> Result<Arc<Verified>, Problem> {
        if let Some(verified) = self.remembered.get(token) {
            return Ok(verified);
        }
        let claimed = claimed_issuer(token).ok_or_else(invalid_token)?;
        let issuer = self.issuers.iter().find(|issuer| issuer.name == claimed).ok_or_else(invalid_token)?;
        let verified = Arc::new(issuer.verify(token, self.clock.now()).await?);
        self.remembered.insert(token.to_owned(), verified.clone());
        Ok(verified)
    }
}

/// Only to find the issuer whose keys will tell whether it is so.
fn claimed_issuer(token: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Claim {
        iss: String,
    }
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice::<Claim>(&payload).ok().map(|claim| claim.iss)
}

impl Issuer {
    async fn verify(&self, token: &str, now: Timestamp) -> Result<Verified, Problem> {
        let key_id = jsonwebtoken::decode_header(token).map_err(|_| invalid_token())?.kid.ok_or_else(invalid_token)?;
        let key = DecodingKey::from_jwk(&self.keys.find(&key_id, now).await?).map_err(Problem::internal)?;
        let (user, session, iat, exp) = match &self.kind {
            Kind::BuiltIn => {
                let mut validation = self.validation(Algorithm::EdDSA);
                validation.set_audience(&[AUDIENCE]);
                let claims = claims::<AccessClaims>(token, &key, &validation)?;
                (claims.sub, Some(claims.sid), claims.iat, claims.exp)
            }
            Kind::Pool { client_id } => {
                let mut validation = self.validation(Algorithm::RS256);
                validation.validate_aud = false;
                let claims = claims::<PoolClaims>(token, &key, &validation)?;
                if claims.client_id != *client_id || claims.token_use != "access" {
                    return Err(invalid_token());
                }
                (user_of_subject(&claims.sub).ok_or_else(invalid_token)?, None, claims.iat, claims.exp)
            }
        };
        let instant = |seconds: i64| Timestamp::from_millis(seconds.saturating_mul(1000));
        Ok(Verified { user, session, issued_at: instant(iat), expires_at: instant(exp) })
    }

    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.set_issuer(&[&self.name]);
        // The time is checked below against our own clock, which tests can move.
        validation.validate_exp = false;
        validation
    }
}

fn claims<C: DeserializeOwned>(token: &str, key: &DecodingKey, validation: &Validation) -> Result<C, Problem> {
    jsonwebtoken::decode::<C>(token, key, validation).map(|decoded| decoded.claims).map_err(|_| invalid_token())
}

#[async_trait]
impl Authenticator for TokenVerifier {
    async fn authenticate(&self, bearer: &str) -> Result<Authenticated, Problem> {
        let verified = self.verify(bearer).await?;
        if verified.expires_at <= self.clock.now() {
            return Err(invalid_token());
        }
        let account = self.accounts.account(verified.user).await?.ok_or_else(invalid_token)?;
        // Tokens carry whole seconds: one made in the very second of a sign-out still counts.
        if account.disabled || verified.issued_at.as_secs() < account.tokens_valid_from.as_secs() {
            return Err(invalid_token());
        }
        let actor = Actor::User { id: account.id, roles: account.roles, businesses: account.businesses };
        Ok(Authenticated { actor, session: verified.session })
    }
}

fn invalid_token() -> Problem {
    Problem::new(Code::InvalidToken, "the access token is invalid or has expired")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ports::reads::Account;
    use ports::{Clock, ManualClock};
    use std::sync::Mutex;

    struct OneAccount(Mutex<Account>);

    #[async_trait]
    impl IdentityReads for OneAccount {
        async fn account(&self, user: UserId) -> Result<Option<Account>, Problem> {
            let account = self.0.lock().unwrap().clone();
            Ok((account.id == user).then_some(account))
        }
    }

    #[tokio::test]
    async fn tokens_count_while_the_account_does() {
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_000_000)));
        let accounts = Arc::new(OneAccount(Mutex::new(Account {
            id: UserId(1),
            email: "ann@example.com".parse().unwrap(),
            email_verified: true,
            email_proven: true,
            name: "Ann".into(),
            roles: vec![Role::Customer],
            businesses: vec![],
            disabled: false,
            tokens_valid_from: Timestamp::MIN,
        })));
        let signer = Signer::new("https://shop.example", &SigningKey([7; 32])).unwrap();
        let verifier = TokenVerifier::new(signer.issuer(), signer.jwks(), accounts.clone(), clock.clone());
        let claims = AccessClaims {
            iss: signer.issuer().into(),
            sub: UserId(1),
            aud: AUDIENCE.into(),
            iat: 1000,
            exp: 1600,
            sid: SessionId(1),
            roles: vec![],
            businesses: vec![],
        };
        let token = signer.sign(&claims).unwrap();
        assert_eq!(verifier.authenticate(&token).await.unwrap().actor.user_id(), Some(UserId(1)));

        let other = Signer::new("https://shop.example", &SigningKey([8; 32])).unwrap();
        let elsewhere = AccessClaims { iss: "https://evil.example".into(), ..claims.clone() };
        let other_audience = AccessClaims { aud: "other".into(), ..claims.clone() };
        let unknown = AccessClaims { sub: UserId(2), ..claims.clone() };
        for bad in [
            other.sign(&claims).unwrap(),
            signer.sign(&elsewhere).unwrap(),
            signer.sign(&other_audience).unwrap(),
            signer.sign(&unknown).unwrap(),
            format!("{token}x"),
            "nonsense".into(),
            String::new(),
        ] {
            assert_eq!(verifier.authenticate(&bad).await.unwrap_err().code, Code::InvalidToken, "{bad}");
        }

        accounts.0.lock().unwrap().disabled = true;
        assert!(verifier.authenticate(&token).await.is_err(), "disabled counts at once");
        accounts.0.lock().unwrap().disabled = false;
        accounts.0.lock().unwrap().tokens_valid_from = Timestamp::from_millis(1_001_000);
        assert!(verifier.authenticate(&token).await.is_err(), "signed out everywhere");
        accounts.0.lock().unwrap().tokens_valid_from = Timestamp::MIN;
        clock.advance(kernel::Duration::from_secs(600));
        assert!(clock.now() >= Timestamp::from_millis(1_600_000));
        assert!(verifier.authenticate(&token).await.is_err(), "expired");
    }
}
