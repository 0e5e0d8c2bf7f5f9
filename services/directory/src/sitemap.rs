//! sitemap.xml and robots.txt: where machines find the pages of businesses.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use kernel::{Code, Problem};
use shell::RootRoutes;
use shell::http::{Failure, Path, escape};

use crate::App;
use crate::business::Business;
use crate::storage;

/// What a file may list (sitemaps.org).
const URLS_MAX: usize = 50_000;
const PAGE: usize = 1_000;
const CACHE: &str = "public, max-age=3600";
/// Names sort by their slugs, so these are all the letters that they begin with.
const LETTERS: &str = "0123456789abcdefghijklmnopqrstuvwxyz";

pub fn routes(app: App) -> RootRoutes {
    RootRoutes::new().get("/robots.txt", robots).get("/sitemap.xml", index).get("/sitemaps/{file}", letter).with_state(app)
}

async fn robots(State(app): State<App>) -> Response {
    let text = format!(
        "User-agent: *\nDisallow: /api/\nDisallow: /admin\nDisallow: /mailbox\n\nSitemap: {}/sitemap.xml\n",
        app.settings.public_url
    );
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, CACHE)], text).into_response()
}

/// One file for each letter that a business begins with.
async fn index(State(app): State<App>) -> Result<Response, Failure> {
    let mut text =
        String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<sitemapindex xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n");
    for letter in LETTERS.chars() {
        let first = app.desk.table().list::<Business>(storage::published_query().prefix(letter).limit(1)).await?;
        if !first.items.is_empty() {
            text.push_str(&format!(
                "<sitemap><loc>{}/sitemaps/businesses-{letter}.xml</loc></sitemap>\n",
                escape(&app.settings.public_url)
            ));
        }
    }
    text.push_str("</sitemapindex>\n");
    Ok(xml(text))
}

async fn letter(State(app): State<App>, Path(file): Path<String>) -> Result<Response, Failure> {
    let letter = file
        .strip_prefix("businesses-")
        .and_then(|rest| rest.strip_suffix(".xml"))
        .filter(|letter| letter.len() == 1 && LETTERS.contains(letter));
    let letter = letter.ok_or_else(|| Problem::new(Code::NotFound, "there is no such sitemap"))?;
    let mut text =
        String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n");
    let (mut cursor, mut count) = (None, 0);
    while count < URLS_MAX {
        let query = storage::published_query().prefix(letter).limit(PAGE.min(URLS_MAX - count)).after(cursor);
        let page = app.desk.table().list::<Business>(query).await?;
        count += page.items.len();
        for business in &page.items {
            let url = format!("{}/businesses/{}", app.settings.public_url, business.slug);
            text.push_str(&format!("<url><loc>{}</loc><lastmod>{}</lastmod></url>\n", escape(&url), business.updated_at));
        }
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    text.push_str("</urlset>\n");
    Ok(xml(text))
}

fn xml(text: String) -> Response {
    ([(header::CONTENT_TYPE, "application/xml; charset=utf-8"), (header::CACHE_CONTROL, CACHE)], text).into_response()
}
