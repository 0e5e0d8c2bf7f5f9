//! What surrounds every handler, seen from outside.

mod common;

use kernel::Actor;
use serde_json::json;
use shell::testing::{Harness, TestResponse};

fn world() -> Harness {
    Harness::new(|kit| vec![common::service(&kit.work(&common::TABLE))])
}

async fn bump(world: &Harness, actor: &Actor, name: &str, note: &str, key: &str) -> TestResponse {
    let path = format!("/api/v1/tallies/{name}");
    world.post(&path, &json!({ "note": note })).as_actor(actor).header("Idempotency-Key", key).send().await
}

#[tokio::test]
async fn every_refusal_is_a_problem() {
    let world = world();
    let path = "/api/v1/tallies/a";
    let large = json!({ "note": "x".repeat(300 * 1024) });
    let cases = [
        (world.get("/nowhere").send().await, 404, "not-found"),
        (world.delete(path).send().await, 405, "method-not-allowed"),
        (world.post(path, &json!({})).raw("application/json", b"{").send().await, 400, "malformed-request"),
        (world.post(path, &json!({})).raw("application/json", b"{} {}").send().await, 400, "malformed-request"),
        (world.post(path, &json!({})).raw("text/plain", b"{}").send().await, 415, "unsupported-media-type"),
        (world.post(path, &json!({ "nte": "x" })).send().await, 422, "invalid"),
        (world.post(path, &large).send().await, 413, "payload-too-large"),
        (world.get("/api/v1/mails/msg_1").send().await, 404, "not-found"),
        (world.get(path).header("Authorization", "Basic abc").send().await, 401, "invalid-token"),
        (world.get(path).header("Authorization", "Bearer abc").send().await, 401, "invalid-token"),
        (world.post(path, &json!({})).header("Idempotency-Key", "a b").send().await, 400, "malformed-request"),
        (world.get("/api/v1/panics").send().await, 500, "internal"),
        (world.get("/api/v1/admin/queues").send().await, 401, "unauthenticated"),
        (world.get("/api/v1/admin/queues").as_actor(&Harness::customer(1)).send().await, 403, "forbidden"),
    ];
    for (got, status, code) in cases {
        assert_eq!((got.status, got.code()), (status, code), "{}", got.text);
        assert_eq!(got.headers["content-type"], "application/problem+json", "{}", got.text);
        assert_eq!(got.json["status"], status, "{}", got.text);
        assert!(got.headers["x-request-id"].starts_with("req_"), "{:?}", got.headers);
        assert_eq!(got.headers["x-content-type-options"], "nosniff");
        assert!(!got.text.contains("4711"), "a panic's words stay inside: {}", got.text);
    }
}

#[tokio::test]
async fn every_field_that_is_wrong_is_named() {
    let world = world();
    for (body, expect) in [
        (json!({}), &[("email", "is required"), ("name", "is required")][..]),
        (json!(["ann@example.com", "Ann"]), &[("body", "must be an object")]),
        (
            json!({ "email": "ann", "name": " ", "age": "9" }),
            &[("age", "must be a whole number"), ("email", "must be an e-mail address"), ("name", "must be 1 to 20 characters")],
        ),
        // What only the type knows is told beside what the schema knows.
        (
            json!({ "name": "A\u{7}nn" }),
            &[("email", "is required"), ("name", "must not hold control characters, nor invisible ones that turn or hide what is read")],
        ),
        (json!({ "email": "ann@example.com", "name": "Ann", "age": -1 }), &[("age", "must be at least 0")]),
        (json!({ "email": "ann@example.com", "name": "Ann", "age": 5_000_000_000_u64 }), &[("age", "is not valid")]),
        (
            json!({ "email": "ann@example.com", "name": "Ann", "pets": [{ "name": "Tom", "cat": true }, { "nme": "Cy" }] }),
            &[("pets[1].cat", "is required"), ("pets[1].name", "is required"), ("pets[1].nme", "is not known here")],
        ),
    ] {
        let refused = world.post("/api/v1/people", &body).send().await.expect(422);
        let mut errors: Vec<_> = refused.json["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|error| (error["field"].as_str().unwrap(), error["message"].as_str().unwrap()))
            .collect();
        errors.sort_unstable();
        assert_eq!(errors, expect, "{body}");
    }
    world.post("/api/v1/people", &json!({ "email": "ann@example.com", "name": "Ann" })).send().await.expect(200);
}

#[tokio::test]
async fn parameters_that_are_not_known_are_refused() {
    let world = world();
    for (path, field, message) in [
        ("/api/v1/people?aeg=9", "aeg", "is no parameter of this operation"),
        ("/api/v1/people?age=9&age=8", "age", "is given twice"),
        ("/api/v1/people?age=x", "age", "must be a whole number"),
        ("/api/v1/people?limit=x", "limit", "must be a whole number"),
        ("/api/v1/tallies/a?x", "x", "is no parameter of this operation"),
    ] {
        let refused = world.get(path).send().await.expect(400);
        assert_eq!(refused.json["errors"], json!([{ "field": field, "message": message }]), "{path}");
    }
    assert_eq!(world.get("/api/v1/people?age=9&limit=5&").send().await.expect(200).json, 9);
}

#[tokio::test]
async fn causes_that_lie_with_us_are_not_told() {
    let refused = world().get("/api/v1/vault").as_actor(&Harness::admin()).send().await.expect(503);
    assert!(refused.code() == "unavailable" && refused.headers.contains_key("retry-after"), "{}", refused.text);
    assert!(!refused.text.contains("4711") && !refused.text.contains("/var"), "{}", refused.text);
}

/// Many guests share an address, and with it the scope of their keys.
#[tokio::test]
async fn keys_of_guests_are_long() {
    let world = world();
    let guest = Harness::guest();
    assert_eq!(bump(&world, &guest, "a", "x", "key-1").await.expect(400).code(), "malformed-request");
    bump(&world, &guest, "a", "x", "5f0c7c1e-9d2b-4c55").await.expect(201);
}

/// Whatever clients make up as a method is one more line of the metrics, not one each.
#[tokio::test]
async fn made_up_methods_are_counted_as_one() {
    let world = world();
    for number in 0..1000 {
        world.request(&format!("M{number}"), "/api/v1/long").send().await.expect(405);
        world.request(&format!("M{number}"), "/nowhere").send().await.expect(404);
    }
    let metrics = world.get("/metrics").send().await.text;
    let lines: Vec<_> = metrics.lines().filter(|line| line.starts_with("souk_http_requests_total")).collect();
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(lines.iter().all(|line| line.contains("OTHER") && line.ends_with(" 1000")), "{lines:#?}");
}

#[tokio::test]
async fn a_key_gets_the_first_answer_again() {
    let world = world();
    let (ann, bob) = (Harness::customer(1), Harness::customer(2));
    let first = bump(&world, &ann, "a", "x", "key-1").await.expect(201);
    let again = bump(&world, &ann, "a", "x", "key-1").await.expect(201);
    assert_eq!((&again.text, &again.headers["location"]), (&first.text, &first.headers["location"]));
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert!(!first.headers.contains_key("idempotency-replayed"));
    assert_eq!(bump(&world, &ann, "a", "y", "key-1").await.expect(422).code(), "idempotency-key-reused");
    assert_eq!(bump(&world, &bob, "a", "x", "key-1").await.expect(201).json["count"], 2, "another's key is another key");
    assert_eq!(bump(&world, &ann, "b", "x", "key-1").await.expect(422).code(), "idempotency-key-reused");

    let (left, right) = tokio::join!(bump(&world, &ann, "c", "x", "key-2"), bump(&world, &ann, "c", "x", "key-2"));
    assert_eq!((left.status, right.status, left.text), (201, 201, right.text));
    assert_eq!(world.get("/api/v1/tallies/c").send().await.json["count"], 1);

    world.advance(kernel::Duration::from_secs(24 * 3600));
    assert_eq!(bump(&world, &ann, "a", "x", "key-1").await.expect(201).json["count"], 3, "after a day the key is free");
}

#[tokio::test]
async fn versions_guard_edits_and_spare_reads() {
    let world = world();
    let path = "/api/v1/tallies/a";
    world.post(path, &json!({})).send().await.expect(201);
    let etag = world.get(path).send().await.expect(200).headers["etag"].clone();
    assert_eq!(world.put(path, &json!({})).send().await.expect(428).code(), "precondition-required");
    world.put(path, &json!({})).header("If-Match", &etag).send().await.expect(200);
    assert_eq!(world.put(path, &json!({})).header("If-Match", &etag).send().await.expect(412).code(), "precondition-failed");
    assert_eq!(world.put(path, &json!({})).header("If-Match", "\"other\"").send().await.expect(412).code(), "precondition-failed");
    let etag = world.get(path).send().await.headers["etag"].clone();
    let unchanged = world.get(path).header("If-None-Match", &etag).send().await.expect(304);
    assert!(unchanged.bytes.is_empty());
    world.get(path).header("If-None-Match", "\"v0\"").send().await.expect(200);

    world.post("/api/v1/tallies/secret", &json!({})).send().await.expect(201);
    let secret = world.get("/api/v1/tallies/secret").send().await.expect(200);
    assert_eq!(secret.headers["cache-control"], "no-store");
    world.get("/api/v1/tallies/secret").header("If-None-Match", &secret.headers["etag"]).send().await.expect(200);
}

#[tokio::test]
async fn a_wait_ends_with_the_change() {
    let world = world();
    let waits = world.get("/api/v1/tallies/a").header("Prefer", "wait=30").send();
    let changes = async {
        tokio::task::yield_now().await;
        world.post("/api/v1/tallies/a", &json!({})).send().await.expect(201)
    };
    let begun = std::time::Instant::now();
    let (waited, _) = tokio::join!(waits, changes);
    assert_eq!(waited.expect(200).json["count"], 1);
    assert!(begun.elapsed().as_secs() < 30, "it waited to the end");
}

#[tokio::test]
async fn long_answers_are_compressed_when_asked() {
    let world = world();
    let plain = world.get("/api/v1/long").send().await.expect(200);
    let packed = world.get("/api/v1/long").header("Accept-Encoding", "gzip").send().await.expect(200);
    assert_eq!(packed.headers["content-encoding"], "gzip");
    assert!(packed.bytes.len() * 5 < plain.bytes.len());
}

#[tokio::test]
async fn health_metrics_and_the_document_are_served() {
    let world = world();
    world.get("/api/v1/tallies/a").send().await.expect(404);
    assert_eq!(world.get("/health/live").send().await.expect(200).json["status"], "live");
    assert_eq!(world.get("/health/ready").send().await.expect(200).json["status"], "ready");
    let metrics = world.get("/metrics").send().await.expect(200).text;
    assert!(metrics.contains("souk_http_requests_total{route=\"GET /api/v1/tallies/{name}\",status=\"404\"} 1"), "{metrics}");
    assert!(metrics.trim_end().ends_with("# EOF"), "the text is whole");
    let document = world.get("/api/openapi.json").send().await.expect(200).json;
    assert_eq!(document["openapi"], "3.1.0");
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let problem = &operation["responses"]["500"]["$ref"];
            assert_eq!(problem, "#/components/responses/Internal", "{method} {path}");
        }
    }
}
