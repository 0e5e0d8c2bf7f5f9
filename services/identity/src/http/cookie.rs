//! The refresh token in a cookie, for web apps: their scripts never see it, so that a script of somebody else cannot steal it.
//! The cookie goes to the routes of sign-in only, never to another site's request (`SameSite=Strict`), and counts only where the
//! browser says that one of our own pages asks.

use axum::http::{HeaderMap, header};
use kernel::Problem;
use shell::Reply;
use shell::http::is_same_origin;

use crate::App;
use crate::tokens::Tokens;

const NAME: &str = "souk_refresh";
const PATH: &str = "/api/v1/auth";

/// How a refresh token travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    Body,
    Cookie,
}

impl Carrier {
    /// As a client that signs in wants it.
    pub fn wanted(cookie: bool, headers: &HeaderMap) -> Result<Self, Problem> {
        if !cookie {
            return Ok(Self::Body);
        }
        check_origin(headers)?;
        Ok(Self::Cookie)
    }

    /// As this client has it.
    pub fn used(headers: &HeaderMap) -> Self {
        if read(headers).is_some() { Self::Cookie } else { Self::Body }
    }
}

/// The refresh token of a request: from the body, or else from the cookie.
pub fn presented(headers: &HeaderMap, body: Option<String>) -> Result<(String, Carrier), Problem> {
    match (body, read(headers)) {
        (Some(token), _) => Ok((token, Carrier::Body)),
        (None, Some(token)) => {
            check_origin(headers)?;
            Ok((token.to_owned(), Carrier::Cookie))
        }
        (None, None) => Err(Problem::field("refresh_token", "must be given, here or in the cookie")),
    }
}

/// The tokens on their way to the client.
pub fn answer(app: &App, mut tokens: Tokens, carrier: Carrier) -> Reply {
    match (carrier, tokens.refresh_token.take_if(|_| carrier == Carrier::Cookie)) {
        (Carrier::Cookie, Some(token)) => {
            let cookie = set(app, &token, app.config.refresh_token_lifetime.as_secs());
            Reply::ok(&tokens).no_store().cookie(cookie)
        }
        (Carrier::Cookie, None) | (Carrier::Body, _) => Reply::ok(&tokens).no_store(),
    }
}

/// Takes the cookie away where there is one.
pub fn forgotten(app: &App, reply: Reply, headers: &HeaderMap) -> Reply {
    match Carrier::used(headers) {
        Carrier::Cookie => reply.cookie(set(app, "", 0)),
        Carrier::Body => reply,
    }
}

fn set(app: &App, token: &str, seconds: u64) -> String {
    // Browsers keep no secure cookie of a shop that is tried out over plain HTTP.
    let secure = if app.signer.issuer().starts_with("http://") { "" } else { "; Secure" };
    format!("{NAME}={token}; Path={PATH}; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}")
}

fn read(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, value)| *name == NAME && !value.is_empty()).map(|(_, value)| value)
}

fn check_origin(headers: &HeaderMap) -> Result<(), Problem> {
    if is_same_origin(headers) { Ok(()) } else { Err(Problem::forbidden("another site asks; the cookie is for pages of this one")) }
}
