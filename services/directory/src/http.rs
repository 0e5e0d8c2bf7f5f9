//! All routes of the directory. Each noun has its own.

mod browse;
mod business;
mod category;
mod claim;
mod hours;
mod lead;
mod moderation;

use serde::Deserialize;
use shell::http::OpenApiRouter;
use utoipa::{IntoParams, ToSchema};

use crate::App;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ByStatus<S: ToSchema> {
    /// Those that wait for an admin, unless given.
    #[param(inline)]
    status: Option<S>,
}

pub fn routes(app: App) -> OpenApiRouter {
    OpenApiRouter::new()
        .merge(browse::routes())
        .merge(business::routes())
        .merge(moderation::routes())
        .merge(category::routes())
        .merge(claim::routes())
        .merge(hours::routes())
        .merge(lead::routes())
        .with_state(app)
}
