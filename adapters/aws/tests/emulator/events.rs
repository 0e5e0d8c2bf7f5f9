//! Bus and queues.

use std::sync::Arc;
use std::time::Duration;

use aws::queues::{FailedDelivery, Pauses, QueueError};
use aws::{Bus, Clients, Queues};
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use ports::SystemEntropy;
use serde_json::{Value, json};

use crate::{clients, unique};

fn envelope(n: usize) -> String {
    json!({
        "specversion": "1.0", "id": format!("evt_{n}"), "source": "orders", "type": "order.placed", "data": {"n": n, "text": "Größe \"9\""},
        "traceparent": "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01",
    })
    .to_string()
}

async fn queue(clients: &Clients, name: &str) -> String {
    clients.queues().create_queue().queue_name(name).send().await.unwrap().queue_url.unwrap()
}

/// A queue that gets everything of the bus that orders tell.
async fn listen(clients: &Clients, bus: &str) -> String {
    use aws_sdk_eventbridge::types::Target;
    clients.events().create_event_bus().name(bus).send().await.unwrap();
    let url = queue(clients, bus).await;
    let arn = format!("arn:aws:sqs:eu-central-1:000000000000:{bus}");
    let pattern = json!({"source": ["souk.orders"], "detail-type": ["order.placed"]}).to_string();
    clients.events().put_rule().name(bus).event_bus_name(bus).event_pattern(pattern).send().await.unwrap();
    let target = Target::builder().id("queue").arn(arn).build().unwrap();
    clients.events().put_targets().rule(bus).event_bus_name(bus).targets(target).send().await.unwrap();
    url
}

async fn receive(clients: &Clients, url: &str, count: usize) -> Vec<Message> {
    let mut received: Vec<Message> = Vec::new();
    for _ in 0..50 {
        let asked = clients.queues().receive_message().queue_url(url).max_number_of_messages(10).wait_time_seconds(1);
        let asked = asked.message_system_attribute_names(MessageSystemAttributeName::All);
        received.extend(asked.send().await.unwrap().messages.unwrap_or_default());
        if received.len() >= count {
            return received;
        }
    }
    panic!("{} of {count} messages came", received.len());
}

#[tokio::test]
async fn events_arrive_as_they_are() {
    let clients = clients();
    let name = unique("bus");
    let url = listen(&clients, &name).await;
    let bus = Bus::new(clients.clone(), &name, Arc::new(SystemEntropy));
    let mut envelopes: Vec<String> = (0..12).map(envelope).collect();
    envelopes.insert(3, "no event".into());
    let unpublished = bus.publish(&envelopes).await;
    assert_eq!(unpublished.iter().map(|one| (one.place, one.retry)).collect::<Vec<_>>(), [(3, false)], "{unpublished:?}");

    let mut seen = Vec::new();
    for message in receive(&clients, &url, 12).await {
        let event: Value = serde_json::from_str(message.body().unwrap()).unwrap();
        assert_eq!((event["source"].as_str(), event["detail-type"].as_str()), (Some("souk.orders"), Some("order.placed")));
        let n = usize::try_from(event["detail"]["data"]["n"].as_u64().unwrap()).unwrap();
        assert_eq!(event["detail"], serde_json::from_str::<Value>(&envelope(n)).unwrap());
        seen.push(n);
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..12).collect::<Vec<_>>());
    assert_eq!(bus.publish(&[]).await, []);
}

struct Desk {
    clients: Arc<Clients>,
    queues: Queues,
    live: String,
    dead: String,
}

const CONSUMER: &str = "orders.follow";

async fn desk() -> Desk {
    let clients = clients();
    let queues = Queues::new(clients.clone(), unique("q") + "-", Arc::new(SystemEntropy));
    let live = queue(&clients, &queues.name(CONSUMER)).await;
    let dead = queue(&clients, &queues.dead_name(CONSUMER)).await;
    Desk { clients, queues, live, dead }
}

impl Desk {
    async fn send(&self, url: &str, body: &str) {
        self.clients.queues().send_message().queue_url(url).message_body(body).send().await.unwrap();
    }
}

#[tokio::test]
async fn dead_letters_are_listed_redriven_and_dropped() {
    let desk = desk().await;
    for n in 0..13 {
        desk.send(&desk.dead, &format!("letter {n}")).await;
    }
    let letters = desk.queues.dead_letters(CONSUMER, 100).await.unwrap();
    assert_eq!(letters.len(), 13);
    assert!(letters.iter().all(|letter| letter.sent_at_ms > 0 && letter.receives >= 1));
    assert_eq!(desk.queues.dead_letters(CONSUMER, 5).await.unwrap().len(), 5);
    assert_eq!(desk.queues.depth(CONSUMER).await.unwrap().dead, 13, "looking takes nothing away");

    let (first, second) = (&letters[0], &letters[1]);
    desk.queues.redrive(CONSUMER, &first.id).await.unwrap();
    assert_eq!(receive(&desk.clients, &desk.live, 1).await[0].body(), Some(first.body.as_str()));
    assert_eq!(desk.queues.redrive(CONSUMER, &first.id).await, Err(QueueError::NoLetter(first.id.clone())));
    desk.queues.drop_letter(CONSUMER, &second.id).await.unwrap();
    assert_eq!(desk.queues.depth(CONSUMER).await.unwrap().dead, 11);

    assert_eq!(desk.queues.redrive_all(CONSUMER).await.unwrap(), 11);
    let mut bodies: Vec<_> =
        receive(&desk.clients, &desk.live, 11).await.iter().map(|message| message.body().unwrap().to_owned()).collect();
    let mut expect: Vec<_> = letters[2..].iter().map(|letter| letter.body.clone()).collect();
    bodies.sort_unstable();
    expect.sort_unstable();
    assert_eq!(bodies, expect);
    let depth = desk.queues.depth(CONSUMER).await.unwrap();
    assert_eq!((depth.ready, depth.hidden, depth.dead), (0, 12, 0));
    assert!(matches!(desk.queues.depth("nobody").await, Err(QueueError::Unknown(_))));
}

#[tokio::test]
async fn failed_deliveries_rest() {
    let desk = desk().await;
    for n in 0..11 {
        desk.send(&desk.live, &format!("{n}")).await;
    }
    let failed: Vec<_> = receive(&desk.clients, &desk.live, 11)
        .await
        .iter()
        .map(|message| FailedDelivery { receipt_handle: message.receipt_handle().unwrap().to_owned(), receives: 1 })
        .collect();
    let rest = |secs| Pauses { first: Duration::from_secs(secs), longest: Duration::from_secs(3600) };
    desk.queues.postpone(CONSUMER, &failed, rest(3600)).await.unwrap();
    let depth = desk.queues.depth(CONSUMER).await.unwrap();
    assert_eq!((depth.ready, depth.hidden), (0, 11));
    desk.queues.postpone(CONSUMER, &failed, rest(0)).await.unwrap();
    assert_eq!(receive(&desk.clients, &desk.live, 11).await.len(), 11, "at once");

    let arn = format!("arn:aws:sqs:eu-central-1:000000000000:{}", desk.queues.name(CONSUMER));
    assert_eq!(desk.queues.consumer_of(&arn, ["cart.close", CONSUMER]), Some(CONSUMER));
    assert_eq!(desk.queues.consumer_of(&format!("{arn}-dead"), [CONSUMER]), None);
}
