//! sitemap.xml and robots.txt: where machines find the pages of businesses.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use kernel::Timestamp;
use serde::Deserialize;
use shell::RootRoutes;
use shell::http::{Failure, Path};
use shell::{Sitemap, SitemapEntry};

use crate::storage;
use crate::{App, Config};

const CACHE: &str = "public, max-age=3600";

#[derive(Clone)]
struct Pages {
    settings: Arc<Config>,
    sitemap: Arc<Sitemap>,
}

/// As much of a business as a sitemap shows.
#[derive(Deserialize)]
struct Listed {
    slug: String,
    updated_at: Timestamp,
}

pub fn routes(app: App) -> RootRoutes {
    let files_url = format!("{}/sitemaps/businesses", app.settings.public_url);
    let sitemap = Arc::new(Sitemap::new(&app.work, storage::published_query(), files_url));
    RootRoutes::new()
        .get("/robots.txt", robots)
        .get("/sitemap.xml", index)
        .get("/sitemaps/businesses/{file}", file)
        .with_state(Pages { settings: app.settings, sitemap })
}

async fn robots(State(pages): State<Pages>) -> Response {
    let url = &pages.settings.public_url;
    // An index lists no other index, so the one of products, which the catalog has, is named here too.
    let sitemaps = format!("Sitemap: {url}/sitemap.xml\nSitemap: {url}/sitemap-products.xml\n");
    let text = format!("User-agent: *\nDisallow: /api/\nDisallow: /admin\nDisallow: /mailbox\n\n{sitemaps}");
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, CACHE)], text).into_response()
}

async fn index(State(pages): State<Pages>) -> Result<Response, Failure> {
    Ok(pages.sitemap.index().await?)
}

async fn file(State(pages): State<Pages>, Path(name): Path<String>) -> Result<Response, Failure> {
    let entry = |business: Listed| SitemapEntry {
        url: format!("{}/businesses/{}", pages.settings.public_url, business.slug),
        changed_at: Some(business.updated_at),
    };
    Ok(pages.sitemap.file(&name, entry).await?)
}
