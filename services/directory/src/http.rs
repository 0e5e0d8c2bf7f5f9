//! All routes of the directory. Each noun has its own.

mod browse;
mod business;
mod category;
mod claim;
mod hours;
mod lead;
mod moderation;

use shell::http::OpenApiRouter;

use crate::App;

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
