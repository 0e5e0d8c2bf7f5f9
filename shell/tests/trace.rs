//! Every event that a request leads to is part of the request's trace, however many steps lie between.

#![allow(clippy::unwrap_used)]

mod common;

use common::{TABLE, bump, load};
use contracts::{Event, MailQueued};
use kernel::{MailId, TraceParent};
use serde_json::json;
use shell::testing::Harness;
use shell::{Consumer, Schedule};

/// Each mail leads to another one, until there have been four.
fn world() -> Harness {
    Harness::new(|kit| {
        let work = kit.work(&TABLE);
        let chain = Consumer::new("chain", work.clone()).on::<MailQueued>(|work, delivery, _| {
            Box::pin(async {
                let read = async |_| load(work, "chain").await;
                let next = |tally: Option<ports::store::Stored<common::Tally>>, context: &shell::DecisionContext| {
                    let more = tally.as_ref().is_none_or(|tally| tally.count < 3);
                    Ok(bump(tally, "chain", more.then(|| context.id::<MailId>(0)))?.0)
                };
                work.handle_event(delivery, read, next).await
            })
        });
        let tick = Schedule::new("tallies.tick", kernel::Duration::from_secs(1), work.clone(), async |work| {
            for name in ["b", "c"] {
                work.run_job("tick", |_| load(&work, name), |tally, context| Ok(bump(tally, name, Some(context.id(0)))?.0)).await?;
            }
            Ok(())
        });
        vec![common::service(&work).consumer(chain).schedule(tick)]
    })
}

async fn traces(world: &Harness) -> Vec<Option<TraceParent>> {
    let mails = world.events().await.into_iter().filter(|envelope| matches!(envelope.event, Event::MailQueued(_)));
    mails.map(|envelope| envelope.traceparent).collect()
}

#[tokio::test]
async fn a_request_gives_its_trace_to_all_that_follows() {
    let world = world();
    let sent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    world.post("/api/v1/tallies/a", &json!({})).header("traceparent", sent).send().await.expect(201);
    world.settle().await;
    let traces = traces(&world).await;
    assert_eq!(traces.len(), 4, "one by the request, three by the chain");
    assert!(traces.iter().all(|trace| *trace == sent.parse().ok()), "{traces:?}");
}

#[tokio::test]
async fn without_a_usable_trace_a_request_begins_one() {
    for sent in [None, Some("nonsense"), Some("00-00000000000000000000000000000000-00f067aa0ba902b7-01")] {
        let world = world();
        let mut ask = world.post("/api/v1/tallies/a", &json!({}));
        if let Some(sent) = sent {
            ask = ask.header("traceparent", sent);
        }
        ask.send().await.expect(201);
        world.settle().await;
        let traces = traces(&world).await;
        assert_eq!(traces.len(), 4);
        assert!(traces[0].is_some() && traces.iter().all(|trace| *trace == traces[0]), "{sent:?}: {traces:?}");
    }
}

#[tokio::test]
async fn a_tick_is_a_trace_and_the_next_one_another() {
    let world = world();
    world.tick("tallies.tick").await;
    world.tick("tallies.tick").await;
    let traces = traces(&world).await;
    assert_eq!(traces.len(), 4);
    assert!(traces.iter().all(Option::is_some));
    assert_eq!((traces[0], traces[2]), (traces[1], traces[3]));
    assert_ne!(traces[0], traces[2]);
}
