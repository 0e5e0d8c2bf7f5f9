//! Sitemaps of more pages than one file may list.

// A failing unwrap is a failing test, also in the helpers.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::State;
use contracts::Decision;
use kernel::Duration;
use ports::store::{Key, Query, Record, TableSchema};
use serde::{Deserialize, Serialize};
use shell::http::{Failure, Path};
use shell::testing::Harness;
use shell::{Changes, RootRoutes, Service, UnitOfWork};
use shell::{Sitemap, SitemapEntry};

const TABLE: TableSchema = TableSchema { name: "pages", indexes: 0 };

#[derive(Serialize, Deserialize)]
struct Page {
    n: usize,
}

impl Record for Page {
    fn key(&self) -> Key {
        Key::new("pages", format!("{:06}", self.n))
    }
}

fn world() -> (Harness, UnitOfWork) {
    let mut made = None;
    let world = Harness::new(|kit| {
        let work = made.insert(kit.work(&TABLE)).clone();
        let sitemap = Arc::new(Sitemap::new(&work, Query::table("pages"), "https://shop.example/maps?a&b"));
        let index = async |State(sitemap): State<Arc<Sitemap>>| Ok::<_, Failure>(sitemap.index().await?);
        let file = async |State(sitemap): State<Arc<Sitemap>>, Path(name): Path<String>| {
            let entry = |page: Page| SitemapEntry { url: format!("https://shop.example/{}?a&b", page.n), changed_at: None };
            Ok::<_, Failure>(sitemap.file(&name, entry).await?)
        };
        vec![Service::new(&work).root_routes(RootRoutes::new().get("/map.xml", index).get("/maps/{name}", file).with_state(sitemap))]
    });
    (world, made.unwrap())
}

async fn fill(work: &UnitOfWork, from: usize, to: usize) {
    for first in (from..to).step_by(100) {
        let put = |(), _: &shell::DecisionContext| {
            (first..to.min(first + 100))
                .try_fold(Changes::none(), |changes, n| Ok(changes.and(Changes::create(Decision::changed(Page { n }))?)))
        };
        work.run_job("test", |_| async { Ok(()) }, put).await.unwrap();
    }
}

/// The names of the files, and of each the pages.
async fn files(world: &Harness) -> Vec<(String, Vec<String>)> {
    let index = world.get("/map.xml").send().await.expect(200);
    assert_eq!(index.headers["content-type"], "application/xml; charset=utf-8");
    let locations = |text: &str| {
        let all: Vec<String> = text.split("<loc>").skip(1).map(|rest| rest.split("</loc>").next().unwrap().to_owned()).collect();
        all
    };
    let mut files = Vec::new();
    for url in locations(&index.text) {
        let name = url.strip_prefix("https://shop.example/maps?a&amp;b/").unwrap().to_owned();
        let file = world.get(&format!("/maps/{name}")).send().await.expect(200);
        files.push((name, locations(&file.text)));
    }
    files
}

#[tokio::test]
async fn every_page_is_in_one_file() {
    let (world, work) = world();
    assert!(files(&world).await.is_empty());
    world.advance(Duration::from_secs(3_600));
    fill(&work, 0, 50_000).await;
    let one = files(&world).await;
    assert_eq!(one.iter().map(|(name, pages)| (name.as_str(), pages.len())).collect::<Vec<_>>(), [("first.xml", 50_000)]);
    assert_eq!(one[0].1[7], "https://shop.example/7?a&amp;b");

    fill(&work, 50_000, 50_007).await;
    assert_eq!(files(&world).await.len(), 1, "the index is kept for an hour");
    world.advance(Duration::from_secs(3_600));
    let two = files(&world).await;
    assert_eq!(two.iter().map(|(_, pages)| pages.len()).collect::<Vec<_>>(), [50_000, 7]);
    let all: BTreeSet<&String> = two.iter().flat_map(|(_, pages)| pages).collect();
    assert_eq!(all.len(), 50_007);
    for name in ["second.xml", "first", "..%2Fmap.xml"] {
        world.get(&format!("/maps/{name}")).send().await.expect(404);
    }
}
