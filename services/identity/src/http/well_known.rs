//! How others find the keys that verify our tokens (RFC 8414, RFC 7517).

use axum::extract::State;
use serde::Serialize;
use shell::{HandlerResult, Reply, RootRoutes};

use crate::App;

/// Keys change rarely, and those who verify tokens ask often.
const KEPT_SECS: u32 = 300;

pub(super) fn routes(app: &App) -> RootRoutes {
    RootRoutes::new().get("/.well-known/jwks.json", keys).get("/.well-known/openid-configuration", configuration).with_state(app.clone())
}

async fn keys(State(app): State<App>) -> HandlerResult {
    Ok(Reply::ok(&app.signer.jwks()).cache_secs(KEPT_SECS))
}

#[derive(Serialize)]
struct Configuration<'a> {
    issuer: &'a str,
    jwks_uri: String,
    token_endpoint: String,
    response_types_supported: [&'a str; 1],
    subject_types_supported: [&'a str; 1],
    id_token_signing_alg_values_supported: [&'a str; 1],
}

async fn configuration(State(app): State<App>) -> HandlerResult {
    let issuer = app.signer.issuer();
    let base = issuer.trim_end_matches('/');
    let configuration = Configuration {
        issuer,
        jwks_uri: format!("{base}/.well-known/jwks.json"),
        token_endpoint: format!("{base}/api/v1/auth/sign-in"),
        response_types_supported: ["token"],
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: ["EdDSA"],
    };
    Ok(Reply::ok(&configuration).cache_secs(KEPT_SECS))
}
