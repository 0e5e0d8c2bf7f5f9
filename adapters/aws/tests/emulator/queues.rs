//! The consumers' queues, and what they have given up.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use aws::queues::{FailedDelivery, Pauses, QueueError, envelope_of};
use aws::{Clients, Queues};
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use contracts::{Envelope, MailQueued};
use kernel::{Actor, Code, EventId, MailId};
use ports::{Clock as _, Content, Entropy as _, Queues as _, SystemClock, SystemEntropy};
use serde_json::json;
use suite::dead_letters::QueueHome;

use crate::{clients, unique};

const CONSUMER: &str = "orders.follow";

struct Desk {
    clients: Arc<Clients>,
    queues: Queues,
    live: String,
    dead: String,
}

pub async fn queue(clients: &Clients, name: &str) -> String {
    clients.queues().create_queue().queue_name(name).send().await.unwrap().queue_url.unwrap()
}

pub async fn receive(clients: &Clients, url: &str, count: usize) -> Vec<Message> {
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

/// As the bus wraps it.
fn on_the_bus(id: EventId) -> String {
    let envelope = Envelope {
        id,
        time: SystemClock.now(),
        sequence: 100,
        cause: "test".into(),
        correlation: "test".into(),
        traceparent: None,
        actor: Actor::System,
        event: MailQueued { mail_id: MailId(id.0), attempt: 1 }.into(),
    };
    json!({ "version": "0", "detail-type": "mail.queued", "source": "souk.notifications", "detail": envelope }).to_string()
}

impl QueueHome for Desk {
    fn queues(&self) -> &dyn ports::Queues {
        &self.queues
    }

    fn consumer(&self) -> &str {
        CONSUMER
    }

    async fn give_up(&self, count: usize) -> BTreeSet<EventId> {
        let mut events = BTreeSet::new();
        for _ in 0..count {
            let mut chance = [0; 16];
            SystemEntropy.fill(&mut chance);
            let id = EventId(u128::from_le_bytes(chance));
            self.send(&self.dead, &on_the_bus(id)).await;
            events.insert(id);
        }
        events
    }

    async fn come_again(&self, count: usize) -> BTreeSet<EventId> {
        let messages = receive(&self.clients, &self.live, count).await;
        assert_eq!(messages.len(), count);
        messages.iter().map(|message| envelope_of(message.body().unwrap()).unwrap().id).collect()
    }
}

suite::dead_letters_tests!(desk);

#[tokio::test]
async fn what_is_no_event_is_shown_as_it_is() {
    let desk = desk().await;
    desk.send(&desk.dead, &"Größe ".repeat(1000)).await;
    let page = desk.queues.dead_letters(CONSUMER, 5, None).await.unwrap();
    let [letter] = &page.items[..] else { panic!("{page:?}") };
    let Content::Unreadable(text) = &letter.content else { panic!("{letter:?}") };
    assert!(text.starts_with("Größe Größe") && text.chars().count() == 2000, "{text}");
    desk.queues.drop_letter(CONSUMER, &letter.id).await.unwrap();
    assert_eq!(desk.queues.status("nobody").await.unwrap_err().code, Code::Internal, "a queue that should be there");
    assert!(matches!(desk.queues.depth("nobody").await, Err(QueueError::Unknown(_))));
}

/// A function answers with 6 MB at most.
#[tokio::test]
async fn a_page_ends_before_it_is_too_large() {
    let desk = desk().await;
    for _ in 0..21 {
        desk.send(&desk.dead, &"x".repeat(200_000)).await;
    }
    let first = desk.queues.dead_letters(CONSUMER, 100, None).await.unwrap();
    assert_eq!(first.items.len(), 20);
    let second = desk.queues.dead_letters(CONSUMER, 100, first.next).await.unwrap();
    assert_eq!((second.items.len(), second.next), (1, None));
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
