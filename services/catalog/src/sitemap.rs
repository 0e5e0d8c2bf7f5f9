//! The sitemap of products, which robots.txt names beside that of businesses.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use ports::store::Query;
use serde::Deserialize;
use shell::RootRoutes;
use shell::http::{Failure, Path};
use shell::{Sitemap, SitemapEntry};

use crate::storage::Listing;
use crate::{App, Config};

#[derive(Clone)]
struct Pages {
    settings: Arc<Config>,
    sitemap: Arc<Sitemap>,
}

/// As much of a card as a sitemap shows.
#[derive(Deserialize)]
struct Listed {
    slug: String,
}

pub fn routes(app: App) -> RootRoutes {
    let files_url = format!("{}/sitemaps/products", app.settings.public_url);
    let sitemap = Arc::new(Sitemap::new(&app.work, Query::table(Listing::All.pk()), files_url));
    RootRoutes::new()
        .get("/sitemap-products.xml", index)
        .get("/sitemaps/products/{file}", file)
        .with_state(Pages { settings: app.settings, sitemap })
}

async fn index(State(pages): State<Pages>) -> Result<Response, Failure> {
    Ok(pages.sitemap.index().await?)
}

async fn file(State(pages): State<Pages>, Path(name): Path<String>) -> Result<Response, Failure> {
    // Cards do not know when their product changed, and reading products instead costs ten times as much.
    let entry = |card: Listed| SitemapEntry { url: pages.settings.product_url(&card.slug), changed_at: None };
    Ok(pages.sitemap.file(&name, entry).await?)
}
