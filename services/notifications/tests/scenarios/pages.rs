//! The admin's log and the mailbox of development.

use crate::support::*;
use kernel::{Duration, OrderId};
use notifications::{Config, Delivery, Locale};
use serde_json::json;
use shell::testing::Harness;

#[tokio::test]
async fn the_log_is_newest_first_in_pages_and_filtered() {
    let world = capturing();
    for number in 0..12 {
        world.publish(placed(OrderId(number))).await;
        world.publish(confirmed(OrderId(number))).await;
        world.advance(Duration::from_secs(1));
    }
    world.settle().await;
    for (query, expect) in [
        ("?limit=5", 36),
        ("?limit=7&to=ann@example.com", 24),
        ("?limit=5&template=receipt", 12),
        ("?limit=5&status=captured&to=boss@example.com", 12),
        ("?limit=5&status=failed", 0),
        ("?limit=5&to=nobody@example.com", 0),
    ] {
        let mut seen: Vec<(String, String)> = Vec::new();
        let mut path = format!("/api/v1/admin/mails{query}");
        for _ in 0..40 {
            let page = world.get(&path).as_actor(&Harness::support()).send().await.expect(200).json;
            for mail in page["items"].as_array().unwrap() {
                seen.push((mail["created_at"].as_str().unwrap().into(), mail["id"].as_str().unwrap().into()));
            }
            let Some(next) = page["next"].as_str() else { break };
            path = format!("/api/v1/admin/mails{query}&cursor={next}");
        }
        assert_eq!(seen.len(), expect, "{query}");
        let mut ids: Vec<&String> = seen.iter().map(|(_, id)| id).collect();
        assert!(ids.windows(2).all(|pair| pair[0] > pair[1]), "{query}: newest first, none twice");
        ids.dedup();
        assert_eq!(ids.len(), expect);
    }
    let wrong = world.get("/api/v1/admin/mails?cursor=nonsense").as_actor(&Harness::admin()).send().await;
    assert_eq!((wrong.status, wrong.code()), (400, "invalid-cursor"));
}

#[tokio::test]
async fn the_log_is_for_staff() {
    let world = capturing();
    world.publish(verified("Ann")).await;
    world.settle().await;
    let id = log(&world, "").await[0]["id"].as_str().unwrap().to_owned();
    for path in [
        "/api/v1/admin/mails".to_owned(),
        format!("/api/v1/admin/mails/{id}"),
        "/api/v1/admin/mail-templates".into(),
        "/api/v1/admin/mail-templates/receipt/preview".into(),
    ] {
        for (actor, status) in [(Harness::guest(), 401), (Harness::customer(1), 403), (Harness::support(), 200), (Harness::admin(), 200)] {
            assert_eq!(world.get(&path).as_actor(&actor).send().await.status, status, "{path}");
        }
    }
    for (actor, status) in [(Harness::guest(), 401), (Harness::customer(1), 403), (Harness::support(), 200)] {
        assert_eq!(world.post(&format!("/api/v1/admin/mails/{id}/resend"), &json!({})).as_actor(&actor).send().await.status, status);
    }
    let missing = format!("/api/v1/admin/mails/{}", kernel::MailId(1));
    world.get(&missing).as_actor(&Harness::admin()).send().await.expect(404);
}

#[tokio::test]
async fn templates_are_listed_and_shown() {
    let world = shop(Delivery::Capture, Config { locale: Locale::De, ..config() });
    let list = world.get("/api/v1/admin/mail-templates").as_actor(&Harness::admin()).send().await.expect(200).json;
    let items = list["items"].as_array().unwrap();
    assert!(items.iter().any(|item| item["name"] == "order_confirmation" && item["essential"] == true), "{items:?}");
    for item in items {
        let path = format!("/api/v1/admin/mail-templates/{}/preview", item["name"].as_str().unwrap());
        let preview = world.get(&path).as_actor(&Harness::admin()).send().await.expect(200);
        assert!(preview.headers["content-type"].starts_with("text/html"));
        assert!(preview.headers["content-security-policy"].contains("default-src 'none'"));
        assert!(preview.text.contains("<html lang=\"de\">") && !item["subject"].as_str().unwrap().is_empty());
    }
    world.get("/api/v1/admin/mail-templates/nonsense/preview").as_actor(&Harness::admin()).send().await.expect(404);
}

#[tokio::test]
async fn the_mailbox_shows_captured_mails() {
    let world = capturing();
    world.publish(verified("<img src=x onerror=alert(1)>")).await;
    world.advance(Duration::from_secs(1));
    world.publish(placed(GUEST_ORDER)).await;
    world.publish(confirmed(GUEST_ORDER)).await;
    world.settle().await;

    let list = world.get("/mailbox").send().await.expect(200);
    assert!(list.headers["content-security-policy"].contains("style-src 'unsafe-inline'"));
    assert!(!list.headers["content-security-policy"].contains("script"));
    assert!(list.text.contains("Development only") && list.text.contains("Your order S-7K3F-92QD is confirmed"), "{}", list.text);
    let filtered = world.get("/mailbox?to=boss%40example.com").send().await.expect(200);
    assert!(filtered.text.contains("New order") && !filtered.text.contains("Welcome to"), "{}", filtered.text);
    world.get("/mailbox?to=&limit=1").send().await.expect(200);
    world.get("/mailbox?to=%3Cscript%3E").send().await.expect(422);

    let messages = world.get("/mailbox/messages?to=ann@example.com&limit=10").send().await.expect(200).json;
    let messages = messages["items"].as_array().unwrap();
    let mut templates = field(messages, "template");
    templates[..2].sort_unstable();
    assert_eq!(templates, ["order_confirmation", "receipt", "welcome"]);
    for about_the_order in &messages[..2] {
        assert!(about_the_order["text"].as_str().unwrap().contains(&format!("?token={GUEST_TOKEN}")));
    }
    let welcome = messages[2]["id"].as_str().unwrap();
    let one = world.get(&format!("/mailbox/messages/{welcome}")).send().await.expect(200).json;
    assert_eq!(&one, &messages[2]);
    assert!(one["html"].as_str().unwrap().contains("&lt;img src=x"), "{}", one["html"]);

    let page = world.get(&format!("/mailbox/{welcome}")).send().await.expect(200);
    assert!(page.text.contains("sandbox=") && page.text.contains("srcdoc=\"&lt;!doctype html&gt;"), "{}", page.text);
    assert!(!page.text.contains("<img"), "{}", page.text);
    world.get(&format!("/mailbox/{}", kernel::MailId(1))).send().await.expect(404);
    world.get("/mailbox/nonsense").send().await.expect(404);
}

#[tokio::test]
async fn there_is_no_mailbox_where_mails_are_sent_or_it_is_off() {
    let closed = shop(Delivery::Capture, Config { mailbox: false, ..config() });
    for world in [sending().0, closed] {
        for path in ["/mailbox", "/mailbox/messages"] {
            world.get(path).send().await.expect(404);
        }
    }
}

#[tokio::test]
async fn mails_are_forgotten_in_time() {
    let world = shop(Delivery::Capture, Config { keep_days: 2, ..config() });
    world.publish(verified("Ann")).await;
    world.settle().await;
    world.advance(Duration::from_secs(47 * 3600));
    assert_eq!(log(&world, "").await.len(), 1);
    world.advance(Duration::from_secs(2 * 3600));
    assert!(log(&world, "").await.is_empty());
}
