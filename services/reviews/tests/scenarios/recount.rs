//! The aggregate against a recount, after thousands of random operations with repeats and in any order.

use std::collections::BTreeMap;

use kernel::ReviewId;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;

const AUTHORS: u128 = 12;

#[derive(Debug, Clone)]
enum Operation {
    Submit {
        author: u128,
        rating: u8,
    },
    Edit {
        author: u128,
        rating: u8,
    },
    Remove {
        author: u128,
    },
    Publish {
        author: u128,
    },
    Reject {
        author: u128,
    },
    /// A lead of this author is billed; the event comes twice, in any order with the rest.
    Verify {
        author: u128,
    },
    Vote {
        author: u128,
        reader: u128,
        wanted: bool,
    },
    Report {
        author: u128,
        reader: u128,
    },
}

fn operation() -> impl Strategy<Value = Operation> {
    let author = || 0..AUTHORS;
    let rating = || 1_u8..=5;
    prop_oneof![
        3 => (author(), rating()).prop_map(|(author, rating)| Operation::Submit { author, rating }),
        3 => (author(), rating()).prop_map(|(author, rating)| Operation::Edit { author, rating }),
        1 => author().prop_map(|author| Operation::Remove { author }),
        4 => author().prop_map(|author| Operation::Publish { author }),
        2 => author().prop_map(|author| Operation::Reject { author }),
        1 => author().prop_map(|author| Operation::Verify { author }),
        1 => (author(), author(), any::<bool>()).prop_map(|(author, reader, wanted)| Operation::Vote { author, reader, wanted }),
        1 => (author(), author()).prop_map(|(author, reader)| Operation::Report { author, reader }),
    ]
}

/// The reviews of the authors that have submitted one.
type Reviews = BTreeMap<u128, String>;

/// Runs one operation, `times` in a row, with the same Idempotency-Key where `keyed`.
async fn perform(world: &Harness, reviews: &mut Reviews, step: usize, operation: &Operation, times: u8, keyed: bool) {
    let (admin, key) = (Harness::admin(), format!("step-{step}"));
    let path_of = |reviews: &Reviews, author: u128| reviews.get(&author).cloned().unwrap_or_else(|| ReviewId(author).to_string());
    for _ in 0..times {
        let (ask, actor) = match operation {
            Operation::Submit { author, rating } => {
                (world.post("/api/v1/reviews", &words(bakery(), *rating, "Words.")), Harness::customer(*author))
            }
            Operation::Edit { author, rating } => {
                let words = json!({"rating": rating, "text": "Other words."});
                (world.put(&format!("/api/v1/reviews/{}", path_of(reviews, *author)), &words), Harness::customer(*author))
            }
            Operation::Remove { author } => {
                (world.delete(&format!("/api/v1/reviews/{}", path_of(reviews, *author))), Harness::customer(*author))
            }
            Operation::Publish { author } => {
                (world.post(&format!("/api/v1/admin/reviews/{}/publish", path_of(reviews, *author)), &json!({})), admin.clone())
            }
            Operation::Reject { author } => (
                world.post(&format!("/api/v1/admin/reviews/{}/reject", path_of(reviews, *author)), &json!({"reason": "No."})),
                admin.clone(),
            ),
            Operation::Vote { author, reader, wanted } => {
                let path = format!("/api/v1/reviews/{}/helpful", path_of(reviews, *author));
                (if *wanted { world.put(&path, &json!({})) } else { world.delete(&path) }, Harness::customer(*reader))
            }
            Operation::Report { author, reader } => {
                let path = format!("/api/v1/reviews/{}/reports", path_of(reviews, *author));
                (world.post(&path, &json!({"reason": "spam"})), Harness::customer(*reader))
            }
            Operation::Verify { author } => {
                let customer_id = Harness::customer(*author).user_id();
                world
                    .publish(LeadBilled {
                        lead_id: (step as u128).into(),
                        business_id: BAKERY,
                        price: Money::new(0, Currency::EUR),
                        customer_id,
                    })
                    .await;
                continue;
            }
        };
        let ask = if keyed { ask.header("Idempotency-Key", &key) } else { ask };
        let got = ask.as_actor(&actor).send().await;
        assert!(got.status < 500, "{operation:?}: {}", got.text);
        if let (Operation::Submit { author, .. }, 201) = (operation, got.status) {
            reviews.insert(*author, got.json["id"].as_str().unwrap().to_owned());
        }
    }
}

/// Counts the published reviews one by one and holds the aggregate and the events against them.
async fn recount(world: &Harness) {
    let mut stars = [0_u64; 5];
    let mut cursor = String::new();
    loop {
        let page = world.get(&format!("/api/v1/reviews?target={BAKERY}&limit=5{cursor}")).send().await.expect(200);
        for review in page.json["items"].as_array().unwrap() {
            stars[usize::try_from(review["rating"].as_u64().unwrap()).unwrap() - 1] += 1;
        }
        match page.json["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let summary = world.get(&format!("/api/v1/reviews/summary?target={BAKERY}")).send().await.expect(200).json;
    let (count, sum) = (stars.iter().sum::<u64>(), stars.iter().zip(1..).map(|(count, rating)| count * rating).sum::<u64>());
    assert_eq!((&summary["count"], &summary["sum"], &summary["stars"]), (&json!(count), &json!(sum), &json!(stars)));
    let mut told = BTreeMap::new();
    for envelope in world.events().await {
        if let Event::RatingChanged(changed) = &envelope.event {
            told.insert(envelope.sequence, changed.rating);
        }
    }
    let last = told.last_key_value().map_or_else(Rating::default, |(_, rating)| *rating);
    assert_eq!(last, Rating { sum, count }, "the last event tells the average");
}

#[test]
fn the_aggregate_equals_a_recount_after_ten_thousand_operations() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut runner = TestRunner::new(Config { cases: 20, max_shrink_iters: 200, failure_persistence: None, ..Config::default() });
    let sequences = vec((operation(), 1_u8..=2, any::<bool>()), 500..=500);
    let (moderated, counted) = (std::cell::Cell::new(false), std::cell::Cell::new(0));
    runner
        .run(&sequences, |sequence| {
            moderated.set(!moderated.get());
            counted.set(counted.get() + sequence.len());
            let moderation = if moderated.get() { Moderation::All } else { Moderation::Unverified };
            runtime.block_on(async {
                let (world, _) = town(reviews::Config { moderation, ..reviews::Config::default() });
                let mut reviews = Reviews::new();
                for (step, (operation, times, keyed)) in sequence.iter().enumerate() {
                    perform(&world, &mut reviews, step, operation, *times, *keyed).await;
                    world.advance(Duration::from_millis(1));
                    // Events wait for a while, so that they meet later states.
                    if step % 7 == 0 {
                        world.settle().await;
                    }
                    if step % 100 == 99 {
                        recount(&world).await;
                    }
                }
                world.settle().await;
                recount(&world).await;
            });
            Ok(())
        })
        .unwrap();
    println!("{} operations", counted.get());
    assert!(counted.get() >= 10_000);
}
