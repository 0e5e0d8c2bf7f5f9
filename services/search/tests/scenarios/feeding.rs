//! How changes come into the index.

use std::sync::atomic::Ordering;

use contracts::{BusinessRemoved, CategoryChanged, ProductArchived, ProductCategoryChanged, RatingChanged};
use kernel::{CategoryId, Rating, ReviewTarget};
use ports::reads::CategoryListing;

use crate::shop::{ITALIAN, business, changed, get, names, product_changed, world};

#[tokio::test]
async fn a_change_is_found_when_its_event_is_settled() {
    let (world, town) = world();
    town.put(business(1, "Xylophonbau", 48.1, 11.5));
    let first = world.publish(changed(1)).await;
    world.settle().await;
    assert_eq!(names(&world, "q=xylophonbau").await, ["Xylophonbau"]);

    town.put(business(1, "Neuer Titel", 48.1, 11.5));
    world.publish(changed(1)).await;
    world.settle().await;
    assert_eq!(names(&world, "q=xylophonbau").await, Vec::<String>::new());
    assert_eq!(names(&world, "q=neuer").await, ["Neuer Titel"]);

    // An event that comes late tells nothing old: the store is read.
    world.deliver("search", &first).await.unwrap();
    assert_eq!(names(&world, "").await, ["Neuer Titel"]);
}

#[tokio::test]
async fn what_is_not_published_any_more_is_not_found() {
    let (world, town) = world();
    town.put(business(1, "Gasthof", 48.1, 11.5));
    town.put(business(2, "Wirtshaus", 48.1, 11.5));
    town.sell(1, "Teller", 100);
    for id in 1..=2 {
        world.publish(changed(id)).await;
    }
    world.publish(product_changed(1)).await;
    world.settle().await;
    assert_eq!(names(&world, "").await.len(), 3);
    town.businesses.lock().unwrap().get_mut(&1.into()).unwrap().published = false;
    world.publish(changed(1)).await;
    town.businesses.lock().unwrap().remove(&2.into());
    world.publish(BusinessRemoved { business_id: 2.into(), members: Vec::new() }).await;
    town.products.lock().unwrap().get_mut(&1.into()).unwrap().published = false;
    world.publish(ProductArchived { product_id: 1.into(), seller_id: 1.into() }).await;
    world.settle().await;
    assert_eq!(names(&world, "").await, Vec::<String>::new());
}

#[tokio::test]
async fn a_renamed_category_shows_in_all_its_documents() {
    let (world, town) = world();
    for id in 1..=3 {
        town.put(business(id, &format!("Haus {id}"), 48.1, 11.5));
        world.publish(changed(id)).await;
    }
    world.settle().await;
    for listing in town.businesses.lock().unwrap().values_mut() {
        listing.categories[0].name = "Osterien".into();
    }
    world.publish(CategoryChanged { category_id: ITALIAN, name: "Osterien".into(), deleted: false }).await;
    world.settle().await;
    assert_eq!(names(&world, "q=osterien").await.len(), 3);
    let found = get(&world, "/api/v1/search?facets=category").await;
    assert_eq!(found["facets"][0]["values"], serde_json::json!([{ "value": ITALIAN.to_string(), "label": "Osterien", "count": 3 }]));
}

#[tokio::test]
async fn a_renamed_category_shows_in_its_products() {
    let (world, town) = world();
    for id in 1..=2 {
        town.sell(id, &format!("Kanne {id}"), 1999);
        town.products.lock().unwrap().get_mut(&id.into()).unwrap().category = (id == 1).then(teapots);
        world.publish(product_changed(id)).await;
    }
    world.settle().await;
    assert_eq!(names(&world, "q=teapots").await, ["Kanne 1"]);
    town.products.lock().unwrap().get_mut(&1.into()).unwrap().category = Some(CategoryListing { name: "Samoware".into(), ..teapots() });
    world.publish(ProductCategoryChanged { category_id: TEAPOTS, name: "Samoware".into(), deleted: false }).await;
    world.settle().await;
    assert_eq!((names(&world, "q=samoware").await, names(&world, "q=teapots").await), (vec!["Kanne 1".to_owned()], Vec::new()));
}

const TEAPOTS: CategoryId = CategoryId(7);

fn teapots() -> CategoryListing {
    CategoryListing { id: TEAPOTS, name: "Teapots".into(), path: vec![TEAPOTS], above: Vec::new() }
}

#[tokio::test]
async fn ratings_are_found_and_sorted_by() {
    let (world, town) = world();
    for id in 1..=2 {
        town.put(business(id, &format!("Haus {id}"), 48.1, 11.5));
        world.publish(changed(id)).await;
    }
    world.settle().await;
    let target = ReviewTarget::Business(2.into());
    let rating = Rating { sum: 50, count: 10 };
    town.ratings.lock().unwrap().insert(target, rating);
    world.publish(RatingChanged { target, rating }).await;
    world.settle().await;
    assert_eq!(names(&world, "sort=rating").await, ["Haus 2", "Haus 1"]);
    assert_eq!(names(&world, "rating_min=5").await, ["Haus 2"]);
}

/// Deliveries that come together share one batch: the stores are read far less often than there are events.
#[tokio::test]
async fn deliveries_at_once_are_one_batch() {
    let (world, town) = world();
    let mut envelopes = Vec::new();
    for id in 1..=100 {
        town.put(business(id, &format!("Haus {id}"), 48.1, 11.5));
        envelopes.push(world.publish(changed(id)).await);
    }
    let deliveries = envelopes.iter().map(|envelope| world.deliver("search", envelope));
    for delivered in futures::future::join_all(deliveries).await {
        delivered.unwrap();
    }
    assert_eq!(get(&world, "/api/v1/search").await["total"], 100);
    let reads = town.reads.load(Ordering::SeqCst);
    assert!(reads <= 5, "{reads} reads for 100 events");
}
