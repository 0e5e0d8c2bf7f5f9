//! A session: one sign-in, and the family of refresh tokens that follow one another in it.

use std::net::{IpAddr, Ipv6Addr};

use axum::http::{HeaderMap, header};
use contracts::Decision;
use kernel::{Code, Duration, Problem, SessionId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use shell::http::Client;

use crate::user::User;

/// So long after its use a refresh token gets the same successor again.
pub const GRACE: Duration = Duration::from_secs(10);

/// Each use of the refresh token makes the next generation. The token itself is not kept, not even
/// hashed: it is a keyed hash of the session and the generation, and the key is not in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    pub id: SessionId,
    pub user_id: UserId,
    /// The user's epoch at sign-in; when theirs moves on, the session has ended.
    pub epoch: u32,
    pub generation: u32,
    /// Hash of the Idempotency-Key with which the current generation was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<String>,
    pub revoked: bool,
    #[serde(default)]
    pub origin: Origin,
    pub started_at: Timestamp,
    pub refreshed_at: Timestamp,
    pub expires_at: Timestamp,
}

/// Where a session began, for its owner to recognize it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Origin {
    /// `Firefox on Windows`; empty if the client does not say.
    pub device: String,
    /// The network of the client's address, such as `203.0.113.0/24`; empty if it is unknown.
    pub network: String,
}

impl Origin {
    pub fn of(headers: &HeaderMap, client: Client) -> Self {
        let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        Self { device: device(agent), network: network(client.address()) }
    }
}

/// The browser and the system of a User-Agent, or else the name of the program. Browsers name others, too: the first that
/// is found is theirs.
fn device(agent: &str) -> String {
    let named = |names: &[(&str, &'static str)]| names.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name);
    let browser = named(&[("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari")]);
    let system = named(&[
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ]);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(name), None) | (None, Some(name)) => name.to_owned(),
        (None, None) => {
            agent.chars().take_while(|character| character.is_ascii_alphanumeric() || "-_.".contains(*character)).take(40).collect()
        }
    }
}

fn network(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(address) => {
            let [a, b, c, ..] = address.segments();
            format!("{}/48", Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))
        }
    }
}

/// How long sessions last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetimes {
    /// Without a refresh.
    pub idle: Duration,
    /// However often it is refreshed.
    pub most: Duration,
}

/// A refresh token whose authenticity has been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presented {
    pub generation: u32,
    pub retry: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    #[error("the session has ended; sign in again")]
    Ended,
    /// Two hold the token, and one of them has no right to it: the session must be revoked.
    #[error("the refresh token was used before; sign in again")]
    Reused,
}

impl From<SessionError> for Problem {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Ended | SessionError::Reused => Self::new(Code::InvalidToken, error.to_string()),
        }
    }
}

impl Session {
    pub fn start(id: SessionId, user: &User, origin: Origin, lifetimes: Lifetimes, now: Timestamp) -> Decision<Self> {
        Decision::changed(Self {
            id,
            user_id: user.id,
            epoch: user.epoch,
            generation: 1,
            retry: None,
            revoked: false,
            origin,
            started_at: now,
            refreshed_at: now,
            expires_at: now.plus(lifetimes.idle.min(lifetimes.most)),
        })
    }

    /// Uses a refresh token up. The same request sent again (it carries the same Idempotency-Key) gets the same generation
    /// again: its first answer may have been lost on the way. So does whoever sends the token again within seconds: two
    /// windows of a browser refresh at once. A thief who is as quick gets what the owner has, and is found out later.
    pub fn refresh(
        mut self,
        user: &User,
        presented: Presented,
        lifetimes: Lifetimes,
        now: Timestamp,
    ) -> Result<Decision<Self>, SessionError> {
        if !self.is_alive(user, now) {
            return Err(SessionError::Ended);
        }
        if presented.generation == self.generation {
            self.generation = self.generation.checked_add(1).ok_or(SessionError::Ended)?;
            self.retry = presented.retry;
            self.refreshed_at = now;
            self.expires_at = now.plus(lifetimes.idle).min(self.started_at.plus(lifetimes.most));
            return Ok(Decision::changed(self));
        }
        if presented.generation > self.generation {
            // Only a store that was restored from a backup is behind its own tokens.
            return Err(SessionError::Ended);
        }
        let same_request = presented.retry.is_some() && presented.retry == self.retry;
        let at_once = now < self.refreshed_at.plus(GRACE);
        if presented.generation == self.generation - 1 && (same_request || at_once) {
            Ok(Decision::unchanged(self))
        } else {
            Err(SessionError::Reused)
        }
    }

    /// Signed out, or a used token was seen again.
    pub fn revoke(mut self) -> Decision<Self> {
        if self.revoked {
            return Decision::unchanged(self);
        }
        self.revoked = true;
        Decision::changed(self)
    }

    pub fn is_alive(&self, user: &User, now: Timestamp) -> bool {
        !self.revoked && now < self.expires_at && user.may_sign_in() && self.user_id == user.id && self.epoch == user.epoch
    }
}

#[cfg(test)]
mod tests;
