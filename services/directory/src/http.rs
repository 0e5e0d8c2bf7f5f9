//! All routes of the directory. Each noun has its own.

use shell::http::OpenApiRouter;

use crate::business::{browse, http as business, moderation};
use crate::{App, category, claim, lead};

pub fn routes(app: App) -> OpenApiRouter {
    OpenApiRouter::new()
        .merge(browse::routes())
        .merge(business::routes())
        .merge(moderation::routes())
        .merge(category::http::routes())
        .merge(claim::http::routes())
        .merge(lead::http::routes())
        .with_state(app)
}
