//! Where somebody is signed in, and refresh tokens in cookies.

use kernel::{Duration, SessionId};
use serde_json::{Value, json};
use shell::testing::{Harness, TestRequest, TestResponse};

use crate::shop::{PASSWORD, Shop};

const ANN: &str = "ann@example.com";
const WINDOWS: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0";
const IPHONE: &str =
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/604.1";

async fn sign_in_with(shop: &Shop, agent: &str, client: &str) -> Value {
    let body = json!({"email": ANN, "password": PASSWORD});
    let ask = shop.world.post("/api/v1/auth/sign-in", &body).header("User-Agent", agent).from_client(client);
    ask.send().await.expect(200).json
}

async fn list(shop: &Shop, tokens: &Value, query: &str) -> Value {
    let who = shop.session(tokens).await.unwrap();
    shop.world.get(&format!("/api/v1/me/sessions{query}")).in_session(&who).send().await.expect(200).json
}

#[tokio::test]
async fn sessions_are_listed_and_ended_one_by_one() {
    let shop = Shop::open();
    shop.verified(ANN).await;
    let desktop = sign_in_with(&shop, WINDOWS, "203.0.113.77").await;
    shop.world.advance(Duration::from_secs(60));
    let phone = sign_in_with(&shop, IPHONE, "2001:db8:1:2:3:4:5:6").await;
    shop.world.advance(Duration::from_secs(60));
    let script = sign_in_with(&shop, "curl/8.5.0 <b>", "203.0.113.77").await;
    let desktop = shop.refresh(&desktop).await.expect(200).json;

    let listed = list(&shop, &desktop, "").await;
    let shown: Vec<_> =
        listed["items"].as_array().unwrap().iter().map(|item| [&item["device"], &item["network"], &item["current"]]).collect();
    assert_eq!(
        json!(shown),
        json!([
            ["curl", "203.0.113.0/24", false],
            ["Safari on iPhone", "2001:db8:1::/48", false],
            ["Firefox on Windows", "203.0.113.0/24", true],
        ])
    );
    let mine = &listed["items"][2];
    assert!(mine["last_used_at"].as_str() > mine["created_at"].as_str(), "{mine}");
    let first = list(&shop, &desktop, "?limit=1").await;
    let rest = list(&shop, &desktop, &format!("?limit=2&cursor={}", first["next"].as_str().unwrap())).await;
    assert_eq!(json!([first["items"][0], rest["items"][0], rest["items"][1]]), listed["items"]);

    let who = shop.session(&desktop).await.unwrap();
    let end = |id: &str| shop.world.delete(&format!("/api/v1/me/sessions/{id}")).in_session(&who).send();
    let phone_id = listed["items"][1]["id"].as_str().unwrap();
    shop.verified("eve@example.com").await;
    let eve = shop.actor("eve@example.com").await;
    shop.world.delete(&format!("/api/v1/me/sessions/{phone_id}")).as_actor(&eve).send().await.expect(404);
    shop.world.delete(&format!("/api/v1/me/sessions/{phone_id}")).send().await.expect(401);
    end(&SessionId(9).to_string()).await.expect(404);
    assert!(shop.who(&phone).await.is_ok());

    end(phone_id).await.expect(204);
    end(phone_id).await.expect(204);
    assert!(shop.who(&phone).await.is_err(), "at once");
    shop.refresh(&phone).await.expect(401);
    shop.refresh(&script).await.expect(200);
    let desktop = shop.refresh(&desktop).await.expect(200).json;
    assert_eq!(list(&shop, &desktop, "").await["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn admins_see_and_end_the_sessions_of_a_user() {
    let shop = Shop::open();
    let id = shop.verified(ANN).await;
    let phone = sign_in_with(&shop, IPHONE, "203.0.113.77").await;
    let path = format!("/api/v1/admin/users/{id}/sessions");
    shop.world.get(&path).as_actor(&Harness::customer(1)).send().await.expect(403);
    let listed = shop.world.get(&path).as_actor(&Harness::support()).send().await.expect(200).json;
    assert_eq!((&listed["items"][0]["device"], &listed["items"][0]["current"]), (&json!("Safari on iPhone"), &json!(false)));
    let one = format!("{path}/{}", listed["items"][0]["id"].as_str().unwrap());
    shop.world.delete(&one).as_actor(&Harness::support()).send().await.expect(403);
    assert!(shop.who(&phone).await.is_ok());
    shop.world.delete(&one).as_actor(&Harness::admin()).send().await.expect(204);
    assert!(shop.who(&phone).await.is_err());
    shop.refresh(&phone).await.expect(401);
}

#[tokio::test]
async fn only_what_counts_is_listed() {
    let shop = Shop::open();
    shop.verified(ANN).await;
    let old = sign_in_with(&shop, WINDOWS, "203.0.113.77").await;
    shop.post("/auth/sign-out", json!({"refresh_token": old["refresh_token"]})).await.expect(204);
    sign_in_with(&shop, WINDOWS, "203.0.113.77").await;
    shop.world.advance(Duration::from_secs(31 * 24 * 3600));
    let new = sign_in_with(&shop, IPHONE, "203.0.113.77").await;
    assert_eq!(list(&shop, &new, "").await["items"].as_array().unwrap().len(), 1);
    shop.world.get("/api/v1/me/sessions?colour=red").as_actor(&Harness::customer(1)).send().await.expect(400);
}

fn ask<'a>(shop: &'a Shop, path: &str, body: &Value, cookie: Option<&str>, headers: &[(&str, &str)]) -> TestRequest<'a> {
    let ask = shop.world.post(&format!("/api/v1/auth/{path}"), body);
    let ask = cookie.into_iter().fold(ask, |ask, cookie| ask.header("Cookie", &format!("theme=dark; {cookie}")));
    headers.iter().fold(ask, |ask, (name, value)| ask.header(name, value))
}

async fn sign_in_by_cookie(shop: &Shop) -> TestResponse {
    ask(shop, "sign-in", &json!({"email": ANN, "password": PASSWORD, "cookie": true}), None, &[]).send().await.expect(200)
}

/// `name=value` of an answer's cookie.
fn cookie_of(answer: &TestResponse) -> String {
    answer.headers["set-cookie"].split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_browser_keeps_the_refresh_token_where_scripts_do_not_see_it() {
    let shop = Shop::open();
    shop.verified(ANN).await;
    let signed_in = sign_in_by_cookie(&shop).await;
    assert!(shop.who(&signed_in.json).await.is_ok() && signed_in.json.get("refresh_token").is_none(), "{}", signed_in.text);
    let set = &signed_in.headers["set-cookie"];
    assert!(set.starts_with("souk_refresh=ses_"), "{set}");
    assert!(set.ends_with("; Path=/api/v1/auth; Max-Age=2592000; HttpOnly; SameSite=Strict"), "over plain HTTP, in development: {set}");

    let first = cookie_of(&signed_in);
    let refreshed = ask(&shop, "refresh", &json!({}), Some(&first), &[]).send().await.expect(200);
    assert!(refreshed.json.get("refresh_token").is_none() && shop.who(&refreshed.json).await.is_ok());
    let second = cookie_of(&refreshed);
    assert_ne!(first, second);
    let twin = ask(&shop, "refresh", &json!({}), Some(&first), &[]).send().await.expect(200);
    assert_eq!(cookie_of(&twin), second, "two windows at once");

    let who = shop.session(&refreshed.json).await.unwrap();
    let change = json!({"current_password": PASSWORD, "new_password": "a wholly new password"});
    let changed = ask(&shop, "change-password", &change, Some(&second), &[]).in_session(&who).send().await.expect(200);
    assert!(changed.json.get("refresh_token").is_none());
    let third = cookie_of(&changed);

    let out = ask(&shop, "sign-out", &json!({}), Some(&third), &[]).send().await.expect(204);
    assert!(out.headers["set-cookie"].starts_with("souk_refresh=; Path=/api/v1/auth; Max-Age=0;"), "{}", out.headers["set-cookie"]);
    ask(&shop, "refresh", &json!({}), Some(&third), &[]).send().await.expect(401);
    let nothing = ask(&shop, "refresh", &json!({}), None, &[]).send().await.expect(422);
    assert_eq!(nothing.json["errors"][0]["field"], "refresh_token");
}

#[tokio::test]
async fn a_foreign_site_cannot_use_the_cookie() {
    let shop = Shop::open();
    shop.verified(ANN).await;
    let cookie = cookie_of(&sign_in_by_cookie(&shop).await);
    let credentials = json!({"email": ANN, "password": PASSWORD, "cookie": true});
    for headers in [
        &[("Sec-Fetch-Site", "cross-site")][..],
        &[("Sec-Fetch-Site", "same-site")],
        &[("Origin", "https://evil.example"), ("Host", "shop.example")],
        &[("Origin", "null"), ("Host", "shop.example")],
    ] {
        for path in ["refresh", "sign-out"] {
            ask(&shop, path, &json!({}), Some(&cookie), headers).send().await.expect(403);
        }
        let planted = ask(&shop, "sign-in", &credentials, None, headers).send().await.expect(403);
        assert!(!planted.headers.contains_key("set-cookie"), "nobody is signed in to a stranger's account");
    }
    // What a form of another site can send without asking the browser's leave.
    for kind in ["text/plain", "application/x-www-form-urlencoded"] {
        ask(&shop, "refresh", &json!({}), Some(&cookie), &[]).raw(kind, b"{}").send().await.expect(415);
    }
    for headers in [&[("Sec-Fetch-Site", "same-origin")][..], &[("Origin", "https://shop.example"), ("Host", "shop.example")]] {
        ask(&shop, "refresh", &json!({}), Some(&cookie), headers).send().await.expect(200);
    }
}
