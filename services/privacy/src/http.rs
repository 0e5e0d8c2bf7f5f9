//! The copy of one's data over HTTP.

use axum::extract::State;
use futures::future::try_join_all;
use kernel::{Code, Email, Problem, Timestamp, UserId};
use ports::Person;
use serde::Serialize;
use serde_json::{Map, Value};
use shell::http::{OpenApiRouter, SignedIn};
use shell::{HandlerResult, Reply};
use utoipa::ToSchema;

use crate::App;

pub fn routes(app: App) -> OpenApiRouter {
    shell::routes!(export).with_state(app)
}

/// A copy of what is kept of a person.
#[derive(Serialize, ToSchema)]
struct PersonalDataCopy {
    exported_at: Timestamp,
    user_id: UserId,
    #[schema(value_type = String, format = "email")]
    email: Email,
    /// By service, as each of them keeps it. Services that keep nothing of the person are left out.
    #[schema(value_type = Object)]
    services: Map<String, Value>,
}

/// Export everything that is kept of you.
#[utoipa::path(get, path = "/me/export", tag = "identity", operation_id = "exportMe", responses((status = 200, body = PersonalDataCopy)))]
async fn export(request: SignedIn, State(app): State<App>) -> HandlerResult {
    let account = app.deps.accounts.account(request.user_id).await?;
    let account = account.ok_or_else(|| Problem::new(Code::Unauthenticated, "the account is gone"))?;
    let verified_email = account.email_proven.then(|| account.email.clone());
    let person = Person { user_id: account.id, verified_email };
    let exported = try_join_all(app.deps.parts.iter().map(|part| part.data.export(&person))).await?;
    let named = app.deps.parts.iter().map(|part| part.service.to_owned()).zip(exported);
    let services = named.filter(|(_, data)| !data.is_null()).collect();
    let exported_at = app.runtime.clock.now();
    Ok(Reply::ok(&PersonalDataCopy { exported_at, user_id: account.id, email: account.email, services }).no_store())
}
