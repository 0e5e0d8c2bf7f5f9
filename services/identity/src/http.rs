//! Routes: signing in and what belongs to it, one's own account, the accounts for admins, and the
//! pages behind the links of mails.

mod admin;
mod at_pool;
mod auth;
mod cookie;
mod me;
mod pages;
mod sessions;
mod well_known;

use shell::http::OpenApiRouter;

use crate::App;

pub(crate) fn root_routes(app: &App) -> shell::RootRoutes {
    match app.credentials.pool() {
        None => well_known::routes(app).merge(pages::routes(app)),
        // The pool publishes its keys itself.
        Some(_) => pages::routes(app),
    }
}

pub(crate) fn routes(app: App) -> OpenApiRouter {
    OpenApiRouter::new().merge(auth::routes()).merge(me::routes()).merge(sessions::routes()).merge(admin::routes()).with_state(app)
}
