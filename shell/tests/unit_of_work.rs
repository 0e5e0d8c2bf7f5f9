//! The commit loop: conflicts, repetitions, what events carry, what is metered.

#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use common::{TABLE, bump, count, load, mail, tally_delivery};
use contracts::{Event, MailQueued};
use kernel::{Actor, Code, MailId, Problem};
use serde_json::json;
use shell::testing::Harness;
use shell::{Changes, Consumer, UnitOfWork};

fn runtime() -> (Harness, UnitOfWork) {
    let harness = Harness::new(|kit| {
        let work = kit.work(&TABLE);
        let consumer =
            Consumer::new("tallies", work.clone()).on::<MailQueued>(|work, delivery, _| Box::pin(tally_delivery(work, delivery)));
        vec![common::service(&work).consumer(consumer)]
    });
    let work = harness.kit().work(&TABLE);
    (harness, work)
}

/// What another process does between our load and our commit.
async fn interfere(work: &UnitOfWork) {
    work.run_job("other", |_| load(work, "a"), |tally, _| Ok(bump(tally, "a", None)?.0)).await.unwrap();
}

#[tokio::test]
async fn a_conflict_asks_the_rule_again_with_the_same_ids() {
    let (_harness, work) = runtime();
    let (loads, ids) = (AtomicU32::new(0), Mutex::new(Vec::new()));
    let load = async |_| {
        let tally = load(&work, "a").await?;
        if loads.fetch_add(1, Ordering::SeqCst) < 4 {
            interfere(&work).await;
        }
        Ok(tally)
    };
    let changed = work
        .run_job("test", load, |tally, context| {
            ids.lock().unwrap().push((context.id::<MailId>(0), context.secret(0)));
            Ok(bump(tally, "a", None)?.0)
        })
        .await
        .unwrap();
    assert!(changed);
    assert_eq!(count(&work, "a").await, 5, "four by the other, one by us");
    let ids = ids.into_inner().unwrap();
    assert_eq!(ids.len(), 5);
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}

#[tokio::test]
async fn endless_conflicts_end_with_a_503() {
    let (_harness, work) = runtime();
    let loads = AtomicU32::new(0);
    let load = async |_| {
        let tally = load(&work, "a").await?;
        loads.fetch_add(1, Ordering::SeqCst);
        interfere(&work).await;
        Ok(tally)
    };
    let problem = work.run_job("test", load, |tally, _| Ok(bump(tally, "a", None)?.0)).await.unwrap_err();
    assert_eq!((problem.code, problem.code.status(), problem.retry_after_secs), (Code::Overloaded, 503, Some(1)));
    assert_eq!(loads.into_inner(), 24);
    assert_eq!(count(&work, "a").await, 24, "only the other's");
}

#[tokio::test]
async fn a_problem_of_the_rule_writes_nothing() {
    let (harness, work) = runtime();
    let refused = work.run_job("test", |_| load(&work, "a"), |_, _| Err::<Changes, _>(Problem::forbidden("no"))).await;
    assert_eq!(refused.unwrap_err().code, Code::Forbidden);
    assert_eq!(count(&work, "a").await, 0);
    assert!(harness.events().await.is_empty());
}

#[tokio::test]
async fn an_event_delivered_twice_changes_nothing_the_second_time() {
    let (harness, work) = runtime();
    let envelope = harness.publish(mail(7)).await;
    let name = MailId(7).to_string();
    for _ in 0..3 {
        harness.deliver("tallies", &envelope).await.unwrap();
    }
    assert_eq!(count(&work, &name).await, 1);
    assert_eq!(load(&work, &name).await.unwrap().unwrap().version, 1);
    let other = harness.publish(mail(7)).await;
    assert_ne!(other.id, envelope.id);
    harness.deliver("tallies", &other).await.unwrap();
    assert_eq!(count(&work, &name).await, 2, "another event about the same");
}

#[tokio::test]
async fn events_tell_who_why_and_in_which_order() {
    let (harness, _) = runtime();
    let ann = Harness::customer(1);
    for request in ["request-0001", "request-0002"] {
        harness.post("/api/v1/tallies/a", &json!({})).as_actor(&ann).header("x-request-id", request).send().await.expect(201);
    }
    harness.post("/api/v1/tallies/a", &json!({})).header("x-request-id", "request-0003").send().await.expect(201);
    let events = harness.events().await;
    let told: Vec<_> = events.iter().map(|event| (event.causation_id.as_str(), event.correlation_id.as_str(), event.sequence)).collect();
    assert_eq!(told, [("request-0001", "request-0001", 100), ("request-0002", "request-0002", 200), ("request-0003", "request-0003", 300)]);
    assert_eq!(events[0].actor, ann);
    assert_eq!(events[2].actor, Actor::Guest);
    assert!(events.iter().all(|event| event.time == events[0].time), "the clock stands still");
    assert!(matches!(&events[1].event, Event::MailQueued(queued) if queued.attempt == 2));
    let ids: std::collections::BTreeSet<_> = events.iter().map(|event| event.id).collect();
    assert_eq!(ids.len(), 3);
}

#[tokio::test]
async fn what_follows_from_an_event_names_it_as_its_cause() {
    let chain = Harness::new(|kit| {
        let work = kit.work(&TABLE);
        let service = common::service(&work);
        let consumer = Consumer::new("chain", work).on::<contracts::OrderAnonymized>(|work, delivery, _| {
            Box::pin(work.handle_event(delivery, |_| load(work, "a"), |tally, context| Ok(bump(tally, "a", Some(context.id(0)))?.0)))
        });
        vec![service.consumer(consumer)]
    });
    let first = chain.publish(contracts::OrderAnonymized { order_id: 5.into() }).await;
    chain.settle().await;
    let events = chain.events().await;
    assert_eq!(events.len(), 2);
    assert_eq!(events[1].causation_id, format!("event:{}", first.id));
    assert_eq!((events[1].correlation_id.as_str(), &events[1].actor), (first.correlation_id.as_str(), &Actor::System));
}

/// The value of the metric of the service and operation.
fn units(metrics: &str, name: &str, operation: &str) -> f64 {
    let start = format!("souk_{name}_total{{service=\"tallies\",operation=\"{operation}\"}} ");
    metrics.lines().find_map(|line| line.strip_prefix(start.as_str())).map_or(0.0, |value| value.parse().unwrap())
}

#[tokio::test]
async fn units_are_counted_per_operation() {
    let (harness, _) = runtime();
    let (post, get) = ("POST /api/v1/tallies/{name}", "GET /api/v1/tallies/{name}");
    harness.post("/api/v1/tallies/a", &json!({})).send().await.expect(201);
    let metrics = harness.get("/metrics").send().await.expect(200).text;
    // One strong read; the item, which carries the event.
    assert_eq!((units(&metrics, "store_read_units", post), units(&metrics, "store_write_units", post)), (1.0, 1.0), "{metrics}");

    harness.get("/api/v1/tallies/a").send().await.expect(200);
    harness.get("/api/v1/tallies/a").send().await.expect(200);
    let metrics = harness.get("/metrics").send().await.expect(200).text;
    assert_eq!((units(&metrics, "store_read_units", get), units(&metrics, "store_write_units", get)), (1.0, 0.0), "half for each");

    // The look for the idempotency record costs a read more, and a repetition only that. The item and the
    // record, which carries the event, are a transaction.
    for _ in 0..2 {
        harness.post("/api/v1/tallies/b", &json!({})).header("idempotency-key", "sixteen-letters-").send().await.expect(201);
    }
    let metrics = harness.get("/metrics").send().await.expect(200).text;
    assert_eq!((units(&metrics, "store_read_units", post), units(&metrics, "store_write_units", post)), (4.0, 5.0), "{metrics}");
}

#[tokio::test]
async fn one_write_alone_costs_no_transaction() {
    let (harness, _) = runtime();
    let put = "PUT /api/v1/tallies/{name}";
    harness.put("/api/v1/tallies/a", &json!({})).header("if-match", "\"v0\"").send().await.expect(200);
    let metrics = harness.get("/metrics").send().await.expect(200).text;
    assert_eq!((units(&metrics, "store_read_units", put), units(&metrics, "store_write_units", put)), (1.0, 1.0), "{metrics}");
}
