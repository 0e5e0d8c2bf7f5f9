//! Enquiries, what they cost, and who sees who asked.

use kernel::{Actor, Duration};
use serde_json::{Value, json};
use shell::testing::Harness;

use super::{Town, cafe, owner, text, with};

const SECRETS: [&str; 5] = ["Ann-Sophie", "Leebrück", "ann.sophie@example.com", "2345678", "example.com"];

pub fn enquiry() -> Value {
    json!({
        "name": "Ann-Sophie Leebrück", "email": "ann.sophie@example.com", "phone": "+49 151 2345678",
        "message": "Two cakes for Friday, please. Ann-Sophie Leebrück, +49 151 2345678, ann.sophie@example.com"
    })
}

fn from(n: u32) -> Value {
    with(enquiry(), json!({ "email": format!("ann.sophie{n}@example.com"), "phone": format!("+49 151 2345678 {n}") }))
}

async fn shop(town: &Town) -> String {
    let category = town.category("Cafés", None).await;
    town.published(&owner(), &cafe(&category)).await
}

async fn ask(town: &Town, business: &str, body: &Value) -> String {
    text(&town.post(&format!("/businesses/{business}/leads"), &Harness::guest(), body).await.expect(202).json["id"])
}

async fn lead(town: &Town, business: &str, id: &str) -> Value {
    town.get(&format!("/businesses/{business}/leads/{id}"), &owner()).await.expect(200).json
}

async fn admin(town: &Town, id: &str, what: &str) -> Value {
    town.post(&format!("/admin/leads/{id}/{what}"), &Harness::admin(), &json!({})).await.expect(200).json
}

#[track_caller]
fn holds_no_secret(what: &str, text: &str) {
    for secret in SECRETS {
        assert!(!text.contains(secret), "{secret} in {what}: {text}");
    }
}

/// Everything that anybody could see or that is kept, but for the one item where the contact is.
async fn everything(town: &Town, business: &str, lead: &str) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let people: [Actor; 5] = [Harness::guest(), Harness::customer(9), owner(), Harness::support(), Harness::admin()];
    let mut paths = vec![
        format!("/businesses/{business}"),
        format!("/businesses/{business}/profile"),
        format!("/businesses/{business}/leads"),
        format!("/businesses/{business}/leads/{lead}"),
        "/businesses".to_owned(),
        "/me/businesses".to_owned(),
        "/admin/businesses?status=published".to_owned(),
    ];
    paths.extend(["new", "delivered", "billed", "returned", "credited", "spam"].map(|status| format!("/admin/leads?status={status}")));
    for path in paths {
        for actor in &people {
            let got = town.get(&path, actor).await;
            all.push((format!("{path} as {}", actor.label()), format!("{:?} {}", got.headers, got.text)));
        }
    }
    for envelope in town.world.events().await {
        all.push((envelope.event.kind().to_owned(), serde_json::to_string(&envelope).unwrap()));
    }
    let place = format!("lead#{lead} / contact ");
    all.extend(
        town.world.stored(&directory::TABLE).into_iter().filter(|item| !item.starts_with(&place)).map(|item| ("an item".to_owned(), item)),
    );
    all
}

#[tokio::test]
async fn nobody_sees_who_asked_before_the_lead_is_released() {
    let log = Log::default();
    let _guard = log.listen();
    let town = Town::open();
    let business = shop(&town).await;
    let path = format!("/api/v1/businesses/{business}/leads");
    let send = || town.world.post(&path, &enquiry()).header("Idempotency-Key", "the-enquiry-about-bread").send();
    let sent = send().await.expect(202);
    let id = text(&sent.json["id"]);
    assert_eq!(send().await.expect(202).json, sent.json, "the record of the request gives the same answer");
    holds_no_secret("the answer", &sent.text);
    for (what, text) in everything(&town, &business, &id).await {
        holds_no_secret(&what, &text);
    }
    let kept = town.world.stored(&directory::TABLE);
    assert_eq!(kept.iter().filter(|item| SECRETS.iter().any(|secret| item.contains(secret))).count(), 1, "it is kept in one place");

    for wrong in [json!({ "phone": "none of 2345678" }), json!({ "name": "" }), json!({ "surname": "Leebrück" })] {
        let refused = town.post(&format!("/businesses/{business}/leads"), &Harness::guest(), &with(enquiry(), wrong)).await.expect(422);
        holds_no_secret("a refusal", &refused.text);
    }
    let long = "x".repeat(4_001);
    for (field, wrong) in
        [("email", "ann"), ("phone", "request me"), ("message", " "), ("message", &long), ("name", "two\nlines"), ("name", &long)]
    {
        let body = with(enquiry(), json!({ field: wrong }));
        let refused = town.post(&format!("/businesses/{business}/leads"), &Harness::guest(), &body).await.expect(422);
        assert_eq!(refused.json["errors"][0]["field"], field, "{}", refused.text);
    }
    let billed = admin(&town, &id, "bill").await;
    assert_eq!(billed["status"], "billed");
    holds_no_secret("the answer to the admin", &billed.to_string());
    let shown = lead(&town, &business, &id).await;
    assert_eq!((&shown["contact"]["email"], &shown["contact"]["phone"]), (&json!("ann.sophie@example.com"), &json!("+49 151 2345678")));
    let stranger = town.get(&format!("/businesses/{business}/leads/{id}"), &Harness::customer(9)).await.expect(403);
    holds_no_secret("a stranger's answer", &stranger.text);
    for envelope in town.world.events().await {
        holds_no_secret("an event", &serde_json::to_string(&envelope).unwrap());
    }
    for line in log.text().lines() {
        holds_no_secret("the log", line);
    }
}

#[tokio::test]
async fn duplicates_cost_nothing_and_give_nothing_away() {
    let town = Town::open();
    let business = shop(&town).await;
    let first = ask(&town, &business, &enquiry()).await;
    let again = ask(&town, &business, &with(enquiry(), json!({ "email": "other@example.org", "message": "And a third cake" }))).await;
    let duplicate = lead(&town, &business, &again).await;
    let open = lead(&town, &business, &first).await;
    assert!(duplicate.get("contact").is_none() && duplicate.get("duplicate_of").is_none(), "they would give away the first one");
    for same in ["status", "price", "unconfirmed"] {
        assert_eq!(duplicate[same], open[same], "a business cannot try out addresses");
    }
    let known = town.get("/admin/leads?status=delivered", &Harness::support()).await.expect(200).json;
    let known: Vec<_> = known["items"].as_array().unwrap().iter().filter_map(|lead| lead.get("duplicate_of")).collect();
    assert_eq!(known, [&json!(first)], "the same number is the same person");
    town.post(&format!("/admin/leads/{again}/bill"), &Harness::admin(), &json!({})).await.expect(409);
    admin(&town, &first, "bill").await;
    let released = lead(&town, &business, &again).await;
    assert_eq!((&released["contact"]["message"], &released["duplicate_of"]), (&json!("And a third cake"), &json!(first)));
    town.world.advance(Duration::from_secs(30 * 24 * 3600 + 1));
    let later = ask(&town, &business, &enquiry()).await;
    assert_eq!(lead(&town, &business, &later).await["price"]["amount"], 500);
}

#[tokio::test]
async fn terms_caps_and_free_leads() {
    let town = Town::open();
    let business = shop(&town).await;
    let terms = |body| {
        let path = format!("/api/v1/admin/businesses/{business}/lead-terms");
        town.world.put(&path, &body).as_actor(&Harness::admin()).send()
    };
    terms(json!({ "price": 250, "monthly_cap": 2, "covered_by_plan": false })).await.expect(200);
    let first = ask(&town, &business, &from(1)).await;
    assert_eq!(lead(&town, &business, &first).await["price"]["amount"], 250);
    ask(&town, &business, &from(2)).await;
    for n in [3, 1] {
        let refused = town.post(&format!("/businesses/{business}/leads"), &Harness::guest(), &from(n)).await;
        assert_eq!(refused.expect(409).code(), "conflict", "a duplicate is not told by the answer");
    }
    terms(json!({ "covered_by_plan": true })).await.expect(200);
    let covered = ask(&town, &business, &from(3)).await;
    let covered = lead(&town, &business, &covered).await;
    assert_eq!((&covered["status"], covered["contact"].is_object()), (&json!("billed"), true));
    assert_eq!(lead(&town, &business, &first).await["price"]["amount"], 250, "the price stays what it was");

    let free = Town::with_lead_price(0);
    let business = shop(&free).await;
    let id = ask(&free, &business, &enquiry()).await;
    assert_eq!(lead(&free, &business, &id).await["status"], "billed");
}

#[tokio::test]
async fn spam_is_kept_from_the_business() {
    let town = Town::open();
    let business = shop(&town).await;
    let trapped = ask(&town, &business, &with(from(1), json!({ "website": "https://spam.example" }))).await;
    let links = "https://a.example https://b.example https://c.example";
    let suspicious = ask(&town, &business, &with(from(2), json!({ "message": links }))).await;
    assert!(town.get(&format!("/businesses/{business}/leads"), &owner()).await.expect(200).json["items"].as_array().unwrap().is_empty());
    for id in [&trapped, &suspicious] {
        town.get(&format!("/businesses/{business}/leads/{id}"), &owner()).await.expect(404);
    }
    assert_eq!(town.get("/admin/leads", &Harness::support()).await.expect(200).json["items"][0]["id"], json!(suspicious));
    town.post(&format!("/admin/leads/{trapped}/deliver"), &Harness::admin(), &json!({})).await.expect(409);
    admin(&town, &suspicious, "deliver").await;
    assert_eq!(lead(&town, &business, &suspicious).await["status"], "delivered");
    admin(&town, &suspicious, "spam").await;
    for n in 0..10 {
        let body = with(enquiry(), json!({ "email": "one@example.com", "phone": null, "message": format!("cake {n}") }));
        ask(&town, &business, &body).await;
    }
    let body = with(enquiry(), json!({ "email": "one@example.com", "phone": null }));
    let refused = town.post(&format!("/businesses/{business}/leads"), &Harness::guest(), &body).await.expect(429);
    assert_eq!(refused.code(), "too-many-attempts");
    town.world.advance(Duration::from_secs(24 * 3600 + 1));
    ask(&town, &business, &body).await;
}

#[tokio::test]
async fn leads_go_back_and_are_credited() {
    let town = Town::open();
    let business = shop(&town).await;
    let id = ask(&town, &business, &enquiry()).await;
    admin(&town, &id, "bill").await;
    let back = |actor: Actor, reason: &str| {
        let (path, body) = (format!("/api/v1/businesses/{business}/leads/{id}/return"), json!({ "reason": reason }));
        async { town.world.post(&{ path }, &{ body }).as_actor(&{ actor }).send().await }
    };
    back(Harness::customer(9), "spam").await.expect(403);
    back(owner(), "too expensive").await.expect(422);
    assert_eq!(back(owner(), "wrong_number").await.expect(200).json["status"], "returned");
    town.post(&format!("/admin/leads/{id}/credit"), &owner(), &json!({})).await.expect(403);
    assert_eq!(admin(&town, &id, "credit").await["status"], "credited");
    let emitted: Vec<_> = town.world.event_types().await.into_iter().filter(|kind| kind.starts_with("lead.")).collect();
    assert_eq!(emitted, ["lead.delivered", "lead.billed", "lead.returned", "lead.credited"]);
    let late = ask(&town, &business, &from(5)).await;
    town.world.advance(Duration::from_secs(7 * 24 * 3600 + 1));
    let refused =
        town.post(&format!("/businesses/{business}/leads/{late}/return"), &owner(), &json!({ "reason": "spam" })).await.expect(409);
    assert_eq!(refused.code(), "illegal-transition");
}

#[tokio::test]
async fn a_lead_is_changed_by_those_who_have_seen_it() {
    let town = Town::open();
    let business = shop(&town).await;
    let id = ask(&town, &business, &enquiry()).await;
    let path = format!("/businesses/{business}/leads/{id}");
    let seen = town.get(&path, &owner()).await.expect(200).headers["etag"].clone();
    let bill = |etag: &str| {
        let path = format!("/api/v1/admin/leads/{id}/bill");
        let etag = etag.to_owned();
        async { town.world.post(&{ path }, &json!({})).as_actor(&Harness::admin()).header("If-Match", &{ etag }).send().await }
    };
    let billed = bill(&seen).await.expect(200);
    assert_eq!(billed.headers["etag"], town.get(&path, &owner()).await.expect(200).headers["etag"]);
    assert_eq!(bill(&seen).await.expect(412).code(), "precondition-failed");
    assert_eq!(bill(&billed.headers["etag"]).await.expect(200).headers["etag"], billed.headers["etag"], "nothing has changed");
    let back = town.world.post(&format!("/api/v1{path}/return"), &json!({ "reason": "spam" })).as_actor(&owner());
    back.header("If-Match", &seen).send().await.expect(412);
}

/// Collects what is logged on this thread.
#[derive(Clone, Default)]
struct Log(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl Log {
    fn listen(&self) -> tracing::subscriber::DefaultGuard {
        let log = self.clone();
        let subscriber = tracing_subscriber::fmt().json().with_max_level(tracing::Level::TRACE).with_writer(move || log.clone()).finish();
        tracing::subscriber::set_default(subscriber)
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_preview_has_no_words() {
    let town = Town::open();
    let business = shop(&town).await;
    for (n, message) in [
        "Call me: 01 51 - 23 45 - 67 89",
        "Call 0151 then 2345 and then 6789",
        "ann.sophie [at] example [dot] com",
        "I am ann.sophie on Instagram",
        "zero one five one, two three four five",
        "Greetings, Leebrück's office",
    ]
    .into_iter()
    .enumerate()
    {
        let body = with(from(u32::try_from(n).unwrap()), json!({ "message": message }));
        let id = ask(&town, &business, &body).await;
        assert_eq!(lead(&town, &business, &id).await["preview"], json!({ "message_chars": message.chars().count() }), "{message}");
    }
}

#[tokio::test]
async fn strangers_cost_a_business_little() {
    let town = Town::open();
    let business = shop(&town).await;
    let path = format!("/businesses/{business}/leads");
    let mut last = String::new();
    for n in 0..30 {
        last = ask(&town, &business, &from(n)).await;
        assert_eq!(lead(&town, &business, &last).await["unconfirmed"], json!(n >= 5), "{n}");
    }
    let refused = town.post(&path, &Harness::guest(), &from(30)).await.expect(429);
    assert!(refused.headers["retry-after"].parse::<u32>().unwrap() > 3_600);
    let delivered = town.world.event_types().await.into_iter().filter(|kind| *kind == "lead.delivered").count();
    assert_eq!(delivered, 5, "nobody is mailed about the others");
    town.post(&format!("/admin/leads/{last}/bill"), &Harness::admin(), &json!({})).await.expect(409);
    assert_eq!(admin(&town, &last, "deliver").await["unconfirmed"], json!(false));
    admin(&town, &last, "bill").await;

    town.world.advance(Duration::from_secs(24 * 3600 + 1));
    let terms = json!({ "price": 900, "monthly_cap": 20, "covered_by_plan": false });
    let set = format!("/api/v1/admin/businesses/{business}/lead-terms");
    town.world.put(&set, &terms).as_actor(&Harness::admin()).send().await.expect(200);
    for n in 40..45 {
        ask(&town, &business, &from(n)).await;
    }
    town.post(&path, &Harness::guest(), &from(45)).await.expect(429);
}

#[tokio::test]
async fn whoever_has_confirmed_an_address_is_charged() {
    let town = Town::open();
    let business = shop(&town).await;
    for n in 0..5 {
        ask(&town, &business, &from(n)).await;
    }
    let path = format!("/businesses/{business}/leads");
    for (email, unconfirmed) in [("Somebody@example.com", false), ("somebody.else@example.com", true)] {
        let body = with(enquiry(), json!({ "email": email, "phone": null }));
        let id = text(&town.post(&path, &Harness::customer(7), &body).await.expect(202).json["id"]);
        assert_eq!(lead(&town, &business, &id).await["unconfirmed"], json!(unconfirmed), "{email}");
    }
    town.post(&path, &owner(), &enquiry()).await.expect(403);
}

#[tokio::test]
async fn a_business_answers_and_the_enquirer_reads_it() {
    let town = Town::open();
    let business = shop(&town).await;
    let customer = Harness::customer(7);
    let sent = town.post(&format!("/businesses/{business}/leads"), &customer, &enquiry()).await.expect(202);
    let id = text(&sent.json["id"]);
    let path = format!("/businesses/{business}/leads/{id}/replies");
    let reply = json!({ "text": "Gladly, on Friday." });
    assert_eq!(town.post(&path, &owner(), &reply).await.expect(409).code(), "conflict");
    admin(&town, &id, "bill").await;
    town.post(&path, &customer, &reply).await.expect(403);
    town.post(&path, &owner(), &json!({ "text": " " })).await.expect(422);
    for _ in 0..20 {
        let answered = town.post(&path, &owner(), &reply).await.expect(200);
        assert!(answered.json["answered_at"].is_string());
        holds_no_secret("the answer to the owner", &answered.text);
    }
    town.post(&path, &owner(), &reply).await.expect(409);
    let own = town.get("/me/enquiries", &customer).await.expect(200).json;
    assert_eq!((&own["items"][0]["business_name"], &own["items"][0]["replies"][0]["text"]), (&json!("Café Föhn"), &reply["text"]));
    assert_eq!(own["items"][0]["replies"].as_array().unwrap().len(), 20);
    assert_eq!(lead(&town, &business, &id).await["contact"]["replies"][19]["text"], reply["text"]);
    assert_eq!(town.get("/me/enquiries", &Harness::customer(8)).await.expect(200).json["items"], json!([]));
    town.get("/me/enquiries", &Harness::guest()).await.expect(401);
    let told = town.world.event_types().await.into_iter().filter(|kind| *kind == "lead.answered").count();
    assert_eq!(told, 20);
}
