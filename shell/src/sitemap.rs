//! Sitemaps (sitemaps.org): which pages there are, for search engines. An index, and as many files below it as are needed.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use kernel::{Code, Cursor, Problem, Timestamp};
use ports::store::Query;
use serde::de::{DeserializeOwned, IgnoredAny};
use tokio::sync::Mutex;

use crate::http::escape;
use crate::unit_of_work::UnitOfWork;

/// What one file may list.
const URLS_MAX: usize = 50_000;
const READ_AT_ONCE: usize = 1_000;
/// How long an index is kept here, and all of it by whoever asked. It takes a walk through the whole listing.
const KEPT_SECS: u64 = 3_600;
const FIRST: &str = "first";

/// A page of the shop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SitemapEntry {
    pub url: String,
    pub changed_at: Option<Timestamp>,
}

/// A listing of a table as a sitemap. A file is called after the place in the listing where it begins, so
/// that it is found without counting.
pub struct Sitemap {
    work: UnitOfWork,
    listing: Query,
    /// Where the files are, without a slash at the end.
    files_url: String,
    index: Mutex<Option<(Timestamp, String)>>,
}

impl Sitemap {
    pub fn new(work: &UnitOfWork, listing: Query, files_url: impl Into<String>) -> Self {
        Self { work: work.clone(), listing: listing.limit(READ_AT_ONCE), files_url: files_url.into(), index: Mutex::default() }
    }

    /// The files that there are, as they were at most an hour ago.
    pub async fn index(&self) -> Result<Response, Problem> {
        // Whoever comes while somebody walks waits for that walk.
        let mut kept = self.index.lock().await;
        let now = self.work.now();
        let fresh = kept.as_ref().filter(|(at, _)| now < at.plus(kernel::Duration::from_secs(KEPT_SECS)));
        if let Some((_, text)) = fresh {
            return Ok(xml(text.clone()));
        }
        let mut files = String::new();
        let (mut name, mut start) = (FIRST.to_owned(), None);
        loop {
            let mut count = 0;
            let next = self.walk::<IgnoredAny>(start, |_| count += 1).await?;
            if count > 0 {
                files.push_str(&format!("<sitemap><loc>{}/{name}.xml</loc></sitemap>\n", escape(&self.files_url)));
            }
            let Some(cursor) = next else { break };
            name.clone_from(&cursor.0);
            start = Some(cursor);
        }
        let text = document("sitemapindex", &files);
        *kept = Some((now, text.clone()));
        Ok(xml(text))
    }

    /// The file of that name. `NotFound` for one that the index never named.
    pub async fn file<T: DeserializeOwned>(&self, name: &str, entry: impl Fn(T) -> SitemapEntry) -> Result<Response, Problem> {
        let missing = || Problem::new(Code::NotFound, "there is no such sitemap");
        let start = match name.strip_suffix(".xml").ok_or_else(missing)? {
            FIRST => None,
            cursor => Some(Cursor(cursor.to_owned())),
        };
        let mut urls = String::new();
        let push = |item| {
            let SitemapEntry { url, changed_at } = entry(item);
            let changed = changed_at.map(|at| format!("<lastmod>{at}</lastmod>")).unwrap_or_default();
            urls.push_str(&format!("<url><loc>{}</loc>{changed}</url>\n", escape(&url)));
        };
        match self.walk(start, push).await {
            Ok(_) => Ok(xml(document("urlset", &urls))),
            Err(problem) if problem.code == Code::InvalidCursor => Err(missing()),
            Err(problem) => Err(problem),
        }
    }

    /// Shows what stands in one file, and returns where the next one begins.
    async fn walk<T: DeserializeOwned>(&self, mut start: Option<Cursor>, mut each: impl FnMut(T)) -> Result<Option<Cursor>, Problem> {
        for _ in 0..URLS_MAX / READ_AT_ONCE {
            let page = self.work.table().list::<T>(self.listing.clone().after(start)).await?;
            page.items.into_iter().for_each(|item| each(item.value));
            start = page.next;
            if start.is_none() {
                break;
            }
        }
        Ok(start)
    }
}

fn document(root: &str, content: &str) -> String {
    let head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";
    format!("{head}\n<{root} xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n{content}</{root}>\n")
}

fn xml(text: String) -> Response {
    let cache = format!("public, max-age={KEPT_SECS}");
    ([(header::CONTENT_TYPE, "application/xml; charset=utf-8".to_owned()), (header::CACHE_CONTROL, cache)], text).into_response()
}
