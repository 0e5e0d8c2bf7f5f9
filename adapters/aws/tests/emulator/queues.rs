//! The consumers' queues, and what they have given up, with queues of their own and called by the bus.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use aws::queues::{FailedDelivery, QueueError, envelope_of};
use aws::{Bus, Clients, Queues};
use aws_sdk_eventbridge::types::Target;
use aws_sdk_sqs::types::{Message, MessageAttributeValue, MessageSystemAttributeName};
use contracts::{Envelope, MailQueued};
use kernel::{Actor, Backoff, Code, EventId, MailId};
use ports::{Clock as _, Content, Entropy as _, Queues as _, SystemClock, SystemEntropy};
use serde_json::json;
use suite::dead_letters::QueueHome;

use crate::{clients, unique};

const CONSUMER: &str = "orders.follow";

struct Fixture {
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

async fn work() -> Fixture {
    let clients = clients();
    let queues = Queues::new(clients.clone(), unique("q") + "-", Arc::new(SystemEntropy));
    let live = queue(&clients, &queues.name(CONSUMER)).await;
    let dead = queue(&clients, &queues.dead_name(CONSUMER)).await;
    Fixture { clients, queues, live, dead }
}

impl Fixture {
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
        causation_id: "test".into(),
        correlation_id: "test".into(),
        traceparent: None,
        actor: Actor::System,
        event: MailQueued { mail_id: MailId(id.0), attempt: 1 }.into(),
    };
    json!({ "version": "0", "detail-type": "mail.queued", "source": "souk.notifications", "detail": envelope }).to_string()
}

impl QueueHome for Fixture {
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

suite::dead_letters_tests!(work);

/// Consumers that the bus calls. The emulator cannot run them here, so a queue stands where each function would
/// be, behind a rule as the stacks write it (`infra/src/consumer.ts`).
mod direct {
    use super::*;

    const OTHER: &str = "cart.close";

    async fn rule(clients: &Clients, bus: &str, consumer: &str, queue: &str) {
        let pattern = json!({ "$or": [
            { "source": [{ "prefix": "souk." }], "detail-type": ["mail.queued"] },
            { "source": ["redrive"], "detail-type": [consumer] },
        ] });
        let rules = clients.events();
        rules.put_rule().name(queue).event_bus_name(bus).event_pattern(pattern.to_string()).send().await.unwrap();
        let target = Target::builder().id("function").arn(format!("arn:aws:sqs:eu-central-1:000000000000:{queue}")).build().unwrap();
        rules.put_targets().rule(queue).event_bus_name(bus).targets(target).send().await.unwrap();
    }

    async fn work() -> Fixture {
        let Fixture { clients, queues, live, dead } = super::work().await;
        let bus = unique("bus");
        clients.events().create_event_bus().name(&bus).send().await.unwrap();
        queue(&clients, &queues.name(OTHER)).await;
        for consumer in [CONSUMER, OTHER] {
            rule(&clients, &bus, consumer, &queues.name(consumer)).await;
        }
        let bus = Bus::new(clients.clone(), bus, Arc::new(SystemEntropy));
        Fixture { queues: queues.called_by(bus), clients, live, dead }
    }

    suite::dead_letters_tests!(work);

    #[tokio::test]
    async fn a_letter_goes_to_its_consumer_alone() {
        let work = work().await;
        let event = work.give_up(1).await;
        assert_eq!(work.queues.redrive_some(CONSUMER, 10).await, Ok(1));
        let [message] = &receive(&work.clients, &work.live, 1).await[..] else { panic!("one message") };
        let handed: serde_json::Value = serde_json::from_str(message.body().unwrap()).unwrap();
        assert_eq!((&handed["source"], &handed["detail-type"]), (&json!("redrive"), &json!(CONSUMER)));
        assert_eq!(BTreeSet::from([envelope_of(message.body().unwrap()).unwrap().id]), event);
        let url = queue(&work.clients, &work.queues.name(OTHER)).await;
        let asked = work.clients.queues().receive_message().queue_url(url).wait_time_seconds(1).send().await.unwrap();
        assert_eq!(asked.messages(), [], "the other consumer wants the same events, but not this letter");
    }

    /// Lambda and the bus write down why; the letter that comes back was redriven before, and is redriven again.
    #[tokio::test]
    async fn what_was_given_up_twice_says_why() {
        let work = work().await;
        let body = on_the_bus(EventId(7))
            .replace("souk.notifications", "redrive")
            .replace("\"mail.queued\",\"source", &format!("\"{CONSUMER}\",\"source"));
        for (name, why) in [("ErrorMessage", "the table is on fire"), ("ERROR_MESSAGE", "no permission")] {
            let value = MessageAttributeValue::builder().data_type("String").string_value(why).build().unwrap();
            let send = work.clients.queues().send_message().queue_url(&work.dead).message_body(&body).message_attributes(name, value);
            send.send().await.unwrap();
        }
        let letters = work.queues.dead_letters(CONSUMER, 5, None).await.unwrap().items;
        let why: BTreeSet<_> = letters.iter().map(|letter| letter.error.as_deref()).collect();
        assert_eq!(why, BTreeSet::from([Some("the table is on fire"), Some("no permission")]));
        assert_eq!(work.queues.redrive_some(CONSUMER, 5).await, Ok(2));
        assert_eq!(work.come_again(2).await, BTreeSet::from([EventId(7)]));
    }

    #[tokio::test]
    async fn what_is_no_event_stays_and_keeps_nobody_back() {
        let work = work().await;
        let events = work.give_up(2).await;
        work.send(&work.dead, "no event").await;
        assert_eq!(work.queues.redrive_some(CONSUMER, 10).await, Ok(2));
        assert_eq!(work.come_again(2).await, events);
        let [letter] = &work.queues.dead_letters(CONSUMER, 5, None).await.unwrap().items[..] else { panic!("one letter") };
        let problem = work.queues.redrive(CONSUMER, &letter.id).await.unwrap_err();
        assert!(problem.code == Code::Invalid && problem.detail.contains("cannot be delivered again"), "{problem}");
        work.queues.drop_dead_letter(CONSUMER, &letter.id).await.unwrap();
        assert_eq!(work.queues.depth(CONSUMER).await.unwrap().dead, 0);
    }
}

#[tokio::test]
async fn what_is_no_event_is_shown_as_it_is() {
    let work = work().await;
    work.send(&work.dead, &"Größe ".repeat(1000)).await;
    let page = work.queues.dead_letters(CONSUMER, 5, None).await.unwrap();
    let [letter] = &page.items[..] else { panic!("{page:?}") };
    let Content::Unreadable(text) = &letter.content else { panic!("{letter:?}") };
    assert!(text.starts_with("Größe Größe") && text.chars().count() == 2000, "{text}");
    work.queues.drop_dead_letter(CONSUMER, &letter.id).await.unwrap();
    assert_eq!(work.queues.status("nobody").await.unwrap_err().code, Code::Internal, "a queue that should be there");
    assert!(matches!(work.queues.depth("nobody").await, Err(QueueError::Unknown(_))));
}

/// A function answers with 6 MB at most.
#[tokio::test]
async fn a_page_ends_before_it_is_too_large() {
    let work = work().await;
    for _ in 0..21 {
        work.send(&work.dead, &"x".repeat(200_000)).await;
    }
    let first = work.queues.dead_letters(CONSUMER, 100, None).await.unwrap();
    assert_eq!(first.items.len(), 20);
    let second = work.queues.dead_letters(CONSUMER, 100, first.next).await.unwrap();
    assert_eq!((second.items.len(), second.next), (1, None));
}

#[tokio::test]
async fn failed_deliveries_rest() {
    let work = work().await;
    for n in 0..11 {
        work.send(&work.live, &format!("{n}")).await;
    }
    let failed: Vec<_> = receive(&work.clients, &work.live, 11)
        .await
        .iter()
        .map(|message| FailedDelivery { receipt_handle: message.receipt_handle().unwrap().to_owned(), receives: 1 })
        .collect();
    let rest = |secs| Backoff { first: Duration::from_secs(secs), max: Duration::from_secs(3600) };
    work.queues.postpone(CONSUMER, &failed, rest(3600)).await.unwrap();
    let depth = work.queues.depth(CONSUMER).await.unwrap();
    assert_eq!((depth.ready, depth.hidden), (0, 11));
    work.queues.postpone(CONSUMER, &failed, rest(0)).await.unwrap();
    assert_eq!(receive(&work.clients, &work.live, 11).await.len(), 11, "at once");

    let arn = format!("arn:aws:sqs:eu-central-1:000000000000:{}", work.queues.name(CONSUMER));
    assert_eq!(work.queues.consumer_of(&arn, ["cart.close", CONSUMER]), Some(CONSUMER));
    assert_eq!(work.queues.consumer_of(&format!("{arn}-dead"), [CONSUMER]), None);
}
