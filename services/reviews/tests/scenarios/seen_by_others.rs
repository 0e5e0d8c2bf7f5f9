//! What a person, other services and a business read of reviews.

use super::*;

#[tokio::test]
async fn a_person_gets_a_copy_and_is_forgotten() {
    let (world, town) = town(open());
    let (ada, bob) = (Harness::customer(1), Harness::customer(2));
    let user_id = ada.user_id().unwrap();
    for order in [1, 2] {
        town.orders.lock().unwrap().insert(order.into(), user_id);
        world.publish(delivered(order, &ada)).await;
    }
    world.settle().await;
    let of_bob = submitted(&world, &bob, bakery(), 5).await;
    submit(&world, &ada, bakery(), 1, "My street is Rose Lane.").await.expect(201);
    let path = format!("/api/v1/reviews/{of_bob}");
    world.put(&format!("{path}/helpful"), &json!({})).as_actor(&ada).send().await.expect(204);
    let report = json!({"reason": "privacy", "text": "I live there, at Rose Lane."});
    world.post(&format!("{path}/reports"), &report).as_actor(&ada).send().await.expect(204);

    let reads = Reads::new(&world.kit().work(&TABLE));
    let person = Person { user_id, verified_email: Some(address(user_id)) };
    let copy = reads.export(&person).await.unwrap();
    assert_eq!(copy["reviews"][0]["text"], "My street is Rose Lane.");
    assert_eq!((&copy["helpful_votes"], &copy["reports"][0]["text"]), (&json!([of_bob]), &report["text"]));
    assert_eq!([&copy["eligibilities"], &copy["reminders"]].map(|list| list.as_array().unwrap().len()), [2, 2], "{copy}");

    let erased = world.publish(UserErased { user_id, email: person.verified_email.clone() }).await;
    world.settle().await;
    world.deliver("reviews", &erased).await.unwrap();
    assert_eq!((listed(&world, "").await, summary(&world, bakery()).await), (vec![5], (1, 5)));
    assert_eq!(world.get(&path).send().await.expect(200).json["helpful"], json!(0));
    for list in ["/api/v1/me/reviews", "/api/v1/me/reviews/eligible"] {
        assert_eq!(world.get(list).as_actor(&ada).send().await.expect(200).json["items"], json!([]), "{list}");
    }
    assert_eq!(reads.export(&person).await.unwrap(), Value::Null);
    for item in world.stored(&TABLE) {
        assert!(!item.contains("Rose Lane") && !item.contains(address(user_id).as_str()), "{item}");
        assert!(item.contains(&of_bob) || !item.contains("Ada L."), "the names of both are the same: {item}");
    }
}

#[tokio::test]
async fn others_read_the_averages() {
    let (world, _) = town(open());
    for (n, rating) in [(1, 3), (2, 4)] {
        submitted(&world, &Harness::customer(n), bakery(), rating).await;
    }
    let reads = Reads::new(&world.kit().work(&TABLE));
    let ratings = reads.ratings(&[ReviewTarget::Product(BREAD), bakery(), bakery()]).await.unwrap();
    let (none, some) = (Rating::default(), Rating { sum: 7, count: 2 });
    assert_eq!(ratings, [none, some, some]);
}

#[tokio::test]
async fn a_business_finds_all_that_is_said_of_it_in_one_list() {
    let (world, _) = town(open());
    let path = format!("/api/v1/businesses/{BAKERY}/reviews");
    let bread = ReviewTarget::Product(BREAD);
    let mut ids = Vec::new();
    for (n, target) in [(1, bakery()), (2, bread), (3, bakery())] {
        ids.push(submitted(&world, &Harness::customer(n), target, 4).await);
        world.advance(Duration::from_secs(1));
    }
    let thanks = json!({ "text": "Thanks" });
    world.put(&format!("/api/v1/reviews/{}/reply", ids[2]), &thanks).as_actor(&baker()).send().await.expect(200);
    let listed = |query: &'static str| {
        let (path, world) = (format!("{path}{query}"), &world);
        async move { world.get(&path).as_actor(&baker()).send().await.expect(200).json["items"].clone() }
    };
    let all = listed("").await;
    let titles: Vec<_> = all.as_array().unwrap().iter().map(|review| (&review["id"], &review["subject"]["title"])).collect();
    let (bakery, bread) = (json!("Bakery"), json!("Bread"));
    let ids = ids.into_iter().map(Value::from).collect::<Vec<_>>();
    assert_eq!(titles, [(&ids[1], &bread), (&ids[0], &bakery), (&ids[2], &bakery)], "those without an answer first");
    for (query, count) in [("?answered=true", 1), ("?answered=false", 2), ("?limit=1", 1)] {
        assert_eq!(listed(query).await.as_array().unwrap().len(), count, "{query}");
    }
    for (actor, status) in
        [(Harness::guest(), 401), (Harness::customer(1), 403), (Harness::business(2, BusinessId(51)), 403), (Harness::support(), 200)]
    {
        world.get(&path).as_actor(&actor).send().await.expect(status);
    }
    let own = world.get("/api/v1/me/reviews").as_actor(&Harness::customer(2)).send().await.expect(200);
    assert_eq!(own.json["items"][0]["subject"]["slug"], json!("bread"));
}
