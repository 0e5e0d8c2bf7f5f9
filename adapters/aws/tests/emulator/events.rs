//! The bus.

use std::sync::Arc;

use aws::{Bus, Clients};
use ports::SystemEntropy;
use serde_json::{Value, json};

use crate::queues::{queue, receive};
use crate::{clients, unique};

fn envelope(n: usize) -> String {
    json!({
        "specversion": "1.0", "id": format!("evt_{n}"), "source": "orders", "type": "order.placed", "data": {"n": n, "text": "Größe \"9\""},
        "traceparent": "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01",
    })
    .to_string()
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
