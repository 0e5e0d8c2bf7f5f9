//! What the bearer holds: access tokens, refresh tokens, links in mails. Refresh tokens and links
//! end in a keyed hash of what stands before it, so the store need not hold any secret.

use kernel::{Code, Problem, SessionId, Timestamp, UserId};
use ports::PoolTokens;
use ports::reads::LinkPurpose;
use serde::Serialize;
use shell::{AUDIENCE, AccessClaims, Signer};

use crate::Config;
use crate::session::Session;
use crate::user::User;

/// No token of ours is longer.
pub const TOKEN_CHARS_MAX: usize = 200;
/// Nor any refresh token of a pool.
pub const REFRESH_TOKEN_CHARS_MAX: usize = 4096;

/// In the names of OAuth 2.0 (RFC 6749).
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Tokens {
    pub access_token: String,
    #[schema(example = "Bearer")]
    pub token_type: &'static str,
    /// Seconds that the access token counts.
    #[schema(example = 600)]
    pub expires_in: u64,
    /// Gets the next pair of tokens, once. Absent where it is in a cookie.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
}

impl Tokens {
    pub fn make(signer: &Signer, config: &Config, user: &User, session: &Session, now: Timestamp) -> Result<Self, Problem> {
        let expires_in = config.access_token_lifetime.as_secs();
        let issued_at = user.token_second(now);
        let claims = AccessClaims {
            iss: signer.issuer().to_owned(),
            sub: user.id,
            aud: AUDIENCE.to_owned(),
            iat: issued_at,
            exp: issued_at.saturating_add_unsigned(expires_in),
            sid: session.id,
            roles: user.roles.clone(),
            businesses: user.businesses.iter().map(|membership| membership.business_id).collect(),
        };
        let refresh = RefreshToken { session: session.id, user: session.user_id, generation: session.generation };
        Ok(Self { access_token: signer.sign(&claims)?, token_type: "Bearer", expires_in, refresh_token: Some(refresh.write(signer)) })
    }
}

impl From<&PoolTokens> for Tokens {
    fn from(tokens: &PoolTokens) -> Self {
        Self {
            access_token: tokens.access_token.clone(),
            token_type: "Bearer",
            expires_in: tokens.expires_in_secs,
            refresh_token: Some(tokens.refresh_token.clone()),
        }
    }
}

/// `<session>.<user>.<generation>.<hash>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshToken {
    pub session: SessionId,
    pub user: UserId,
    pub generation: u32,
}

impl RefreshToken {
    pub fn write(&self, signer: &Signer) -> String {
        sealed(signer, "refresh", &format!("{}.{}.{}", self.session, self.user, self.generation))
    }

    pub fn read(signer: &Signer, token: &str) -> Result<Self, Problem> {
        let invalid = || Problem::new(Code::InvalidToken, "this is no refresh token of ours");
        let parsed = || {
            let mut parts = token.splitn(4, '.');
            let session = parts.next()?.parse().ok()?;
            let user = parts.next()?.parse().ok()?;
            Some(Self { session, user, generation: parts.next()?.parse().ok()? })
        };
        let read = parsed().ok_or_else(invalid)?;
        if same(&read.write(signer), token) { Ok(read) } else { Err(invalid()) }
    }
}

/// What a link in a mail proves: `<user>.<serial>.<hash>`; the purpose is in the hash only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    pub user: UserId,
    pub serial: u32,
}

impl Link {
    pub fn write(&self, signer: &Signer, purpose: LinkPurpose) -> String {
        let name = match purpose {
            LinkPurpose::VerifyEmail => "verify-email",
            LinkPurpose::ResetPassword => "reset-password",
        };
        sealed(signer, name, &format!("{}.{}", self.user, self.serial))
    }

    pub fn read(signer: &Signer, purpose: LinkPurpose, token: &str) -> Result<Self, Problem> {
        let invalid = || Problem::from(crate::user::UserError::Link);
        let parsed = || {
            let mut parts = token.splitn(3, '.');
            let user = parts.next()?.parse().ok()?;
            Some(Self { user, serial: parts.next()?.parse().ok()? })
        };
        let read = parsed().ok_or_else(invalid)?;
        if same(&read.write(signer, purpose), token) { Ok(read) } else { Err(invalid()) }
    }
}

/// The text and its keyed hash, which counts for one purpose only.
fn sealed(signer: &Signer, purpose: &str, text: &str) -> String {
    format!("{text}.{}", signer.mac(&format!("{purpose}:{text}")))
}

/// Under which is remembered what strangers sent and nobody need read: addresses, Idempotency-Keys.
pub fn short_hash(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex()[..32].to_owned()
}

/// Hashes are compared in constant time, and say nothing about how much of a guess was right.
fn same(ours: &str, theirs: &str) -> bool {
    blake3::hash(ours.as_bytes()) == blake3::hash(theirs.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use shell::SigningKey;

    fn signer(key: u8) -> Signer {
        Signer::new("http://127.0.0.1:8080", &SigningKey([key; 32])).unwrap()
    }

    #[test]
    fn refresh_tokens_come_back_and_cannot_be_forged() {
        let token = RefreshToken { session: SessionId(1), user: UserId(2), generation: 3 };
        let text = token.write(&signer(1));
        assert!(text.len() <= TOKEN_CHARS_MAX, "{}", text.len());
        assert_eq!(RefreshToken::read(&signer(1), &text), Ok(token));
        let next = text.replacen(".3.", ".4.", 1);
        let padded = text.replacen(".3.", ".03.", 1);
        let longer = format!("{text}x");
        for (signed_by, bad) in [(2, text.as_str()), (1, &next), (1, &padded), (1, &longer), (1, ""), (1, "a.b.c.d")] {
            assert_eq!(RefreshToken::read(&signer(signed_by), bad).unwrap_err().code, Code::InvalidToken, "{bad}");
        }
    }

    #[test]
    fn links_are_for_one_purpose() {
        let link = Link { user: UserId(2), serial: 3 };
        let text = link.write(&signer(1), LinkPurpose::VerifyEmail);
        assert_eq!(Link::read(&signer(1), LinkPurpose::VerifyEmail, &text), Ok(link));
        assert!(Link::read(&signer(1), LinkPurpose::ResetPassword, &text).is_err());
        assert!(Link::read(&signer(2), LinkPurpose::VerifyEmail, &text).is_err());
        assert!(Link::read(&signer(1), LinkPurpose::VerifyEmail, &text.replacen(".3.", ".4.", 1)).is_err());
    }
}
