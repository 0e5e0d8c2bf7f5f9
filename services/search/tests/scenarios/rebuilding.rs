//! Building the index anew, and an index that does not fit the log.

use std::sync::Arc;

use ports::Search;
use ports::search::Mark;
use shell::testing::Harness;
use tantivy_search::TantivySearch;

use crate::shop::{business, changed, get, names, world, world_on};

const LOOK: &str = "search.look";

async fn rebuild(world: &Harness) -> serde_json::Value {
    world.get("/api/v1/admin/search").as_actor(&Harness::admin()).send().await.expect(200).json["rebuild"].clone()
}

#[tokio::test]
async fn a_new_index_is_filled_from_the_stores() {
    let (world, town) = world();
    for id in 1..=5 {
        town.put(business(id, &format!("Haus {id}"), 48.1, 11.5));
    }
    town.sell(1, "Tee", 100);
    // Nobody told of them: they were there before search was.
    assert_eq!(get(&world, "/api/v1/search").await["total"], 0);
    world.tick(LOOK).await;
    assert_eq!(get(&world, "/api/v1/search").await["total"], 6);
    let rebuild = rebuild(&world).await;
    assert_eq!((&rebuild["status"], &rebuild["documents"]), (&"done".into(), &6.into()));
}

#[tokio::test]
async fn an_admin_has_it_built_anew_while_events_come() {
    let (world, town) = world();
    for id in 1..=6 {
        town.put(business(id, &format!("Haus {id}"), 48.1, 11.5));
    }
    world.tick(LOOK).await;
    let asked = world.post("/api/v1/admin/search/rebuild", &serde_json::json!({})).as_actor(&Harness::admin()).send().await.expect(202);
    assert_eq!(asked.json["rebuild"]["status"], "wanted");
    // Changes after the first page has been read, of something on that page and of something new; their
    // events are delivered while the second page is being read.
    *town.between_pages.lock().unwrap() = Some(Box::new(|town| {
        town.businesses.lock().unwrap().remove(&1.into());
        town.put(business(2, "Umbenannt", 48.1, 11.5));
        town.put(business(7, "Haus 7", 48.1, 11.5));
    }));
    let (mut envelopes, ticked) = (Vec::new(), world.tick(LOOK));
    for id in [1, 2, 7] {
        envelopes.push(world.publish(changed(id)).await);
    }
    let events = async {
        for envelope in &envelopes {
            while !town.businesses.lock().unwrap().contains_key(&7.into()) {
                tokio::task::yield_now().await;
            }
            world.deliver("search", envelope).await.unwrap();
        }
    };
    tokio::join!(ticked, events);
    let mut found = names(&world, "limit=50").await;
    found.sort();
    assert_eq!(found, ["Haus 3", "Haus 4", "Haus 5", "Haus 6", "Haus 7", "Umbenannt"]);
    assert_eq!(rebuild(&world).await["status"], "done");
}

#[tokio::test]
async fn an_index_behind_the_log_catches_up() {
    let index = Arc::new(TantivySearch::in_memory().unwrap());
    index.apply(Vec::new(), Some(Mark { position: 0, event: None })).await.unwrap();
    let (world, town) = world_on(index);
    for id in 1..=3 {
        town.put(business(id, &format!("Haus {id}"), 48.1, 11.5));
        world.publish(changed(id)).await;
    }
    world.tick(LOOK).await;
    assert_eq!(get(&world, "/api/v1/search").await["total"], 3);
    assert!(rebuild(&world).await.is_null(), "no rebuild was needed");
}

#[tokio::test]
async fn an_index_of_another_log_is_built_anew() {
    for (mark, reason) in [
        (Mark { position: 99, event: None }, "the index knows events that the log does not"),
        (Mark { position: 1, event: Some("evt_00000000000000000000000009".into()) }, "the log is another one"),
    ] {
        let index = Arc::new(TantivySearch::in_memory().unwrap());
        index.apply(Vec::new(), Some(mark)).await.unwrap();
        let (world, town) = world_on(index);
        town.put(business(1, "Haus", 48.1, 11.5));
        world.publish(changed(1)).await;
        world.tick(LOOK).await;
        assert_eq!(get(&world, "/api/v1/search").await["total"], 1);
        assert_eq!(rebuild(&world).await["reason"], reason);
    }
}

#[tokio::test]
async fn an_index_on_disk_is_there_again() {
    let folder = tempfile::tempdir().unwrap();
    {
        let (world, town) = world_on(Arc::new(TantivySearch::open(folder.path()).unwrap()));
        town.put(business(1, "Haus", 48.1, 11.5));
        world.tick(LOOK).await;
        assert_eq!(names(&world, "").await, ["Haus"]);
    }
    let (world, _) = world_on(Arc::new(TantivySearch::open(folder.path()).unwrap()));
    assert_eq!(names(&world, "").await, ["Haus"]);
}
