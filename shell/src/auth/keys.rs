//! The keys of an issuer: known from the start, or fetched from where it publishes them.

use std::sync::{Arc, PoisonError, RwLock};

use jsonwebtoken::jwk::{Jwk, JwkSet};
use kernel::{Duration, Problem, Timestamp};
use ports::PublicKeys;
use tokio::sync::Mutex;

use super::invalid_token;

/// Fetched keys are taken for good so long; an issuer that withdraws one is heard after that.
const KEPT: Duration = Duration::from_secs(24 * 3600);
/// A token with an unknown key makes us ask the issuer, but not more often than this: anybody can
/// send such tokens.
const UNKNOWN_PAUSE: Duration = Duration::from_secs(60);
/// The same while there are no keys at all.
const FAILED_PAUSE: Duration = Duration::from_secs(5);

pub(super) enum Keys {
    Known(JwkSet),
    Fetched(Box<Fetched>),
}

pub(super) struct Fetched {
    source: Arc<dyn PublicKeys>,
    latest: RwLock<Option<Latest>>,
    /// When the issuer was last asked. Held while it is asked, so that one request asks for all.
    asked_at: Mutex<Option<Timestamp>>,
}

struct Latest {
    keys: JwkSet,
    at: Timestamp,
}

impl Keys {
    pub fn fetched(source: Arc<dyn PublicKeys>) -> Self {
        Self::Fetched(Box::new(Fetched { source, latest: RwLock::default(), asked_at: Mutex::default() }))
    }

    /// `InvalidToken` for a key that the issuer does not have, `Unavailable` while that is not known.
    pub async fn find(&self, key_id: &str, now: Timestamp) -> Result<Jwk, Problem> {
        match self {
            Self::Known(keys) => keys.find(key_id).cloned().ok_or_else(invalid_token),
            Self::Fetched(fetched) => fetched.find(key_id, now).await,
        }
    }
}

enum Look {
    Found(Jwk),
    /// It was there, but long ago.
    Old(Jwk),
    Missing,
    NoKeys,
}

impl Fetched {
    fn look(&self, key_id: &str, now: Timestamp) -> Look {
        match &*self.latest.read().unwrap_or_else(PoisonError::into_inner) {
            None => Look::NoKeys,
            Some(latest) => match latest.keys.find(key_id) {
                Some(key) if now < latest.at.plus(KEPT) => Look::Found(key.clone()),
                Some(key) => Look::Old(key.clone()),
                None => Look::Missing,
            },
        }
    }

    async fn find(&self, key_id: &str, now: Timestamp) -> Result<Jwk, Problem> {
        if let Look::Found(key) = self.look(key_id, now) {
            return Ok(key);
        }
        let mut asked_at = self.asked_at.lock().await;
        // Whoever held the lock before may have fetched them.
        let pause = match self.look(key_id, now) {
            Look::Found(key) => return Ok(key),
            Look::NoKeys => FAILED_PAUSE,
            Look::Old(_) | Look::Missing => UNKNOWN_PAUSE,
        };
        if asked_at.is_none_or(|asked_at| now >= asked_at.plus(pause)) {
            *asked_at = Some(now);
            self.ask(now).await;
        }
        match self.look(key_id, now) {
            // An issuer that cannot be reached has not withdrawn its keys.
            Look::Found(key) | Look::Old(key) => Ok(key),
            Look::Missing => Err(invalid_token()),
            Look::NoKeys => Err(Problem::unavailable("the keys of the issuer of tokens cannot be had")),
        }
    }

    async fn ask(&self, now: Timestamp) {
        let read = |text: String| serde_json::from_str::<JwkSet>(&text).map_err(|error| error.to_string());
        match self.source.fetch().await.and_then(read) {
            Ok(keys) => *self.latest.write().unwrap_or_else(PoisonError::into_inner) = Some(Latest { keys, at: now }),
            Err(error) => tracing::warn!(error, "the keys of an issuer of tokens were not had"),
        }
    }
}
