//! The pages behind the links of mails, as a browser meets them.

use kernel::UserId;
use ports::reads::{LinkPurpose, LinkTokens as _};
use shell::testing::TestResponse;

use crate::shop::{PASSWORD, Shop};

const NEW: &str = "a wholly new password";

async fn open(shop: &Shop, path: &str) -> TestResponse {
    let got = shop.world.get(path).send().await;
    let policy =
        "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
    assert_eq!(got.headers["content-type"], "text/html; charset=utf-8");
    assert_eq!(got.headers["content-security-policy"], policy);
    assert_eq!((got.headers["referrer-policy"].as_str(), got.headers["cache-control"].as_str()), ("same-origin", "no-store"));
    got
}

async fn submit(shop: &Shop, path: &str, fields: &[(&str, &str)], headers: &[(&str, &str)]) -> TestResponse {
    let body = fields.iter().map(|(name, value)| format!("{name}={}", value.replace(' ', "+").replace('&', "%26"))).collect::<Vec<_>>();
    let mut ask = shop.world.post(path, &serde_json::Value::Null).raw("application/x-www-form-urlencoded", body.join("&").as_bytes());
    for (name, value) in headers {
        ask = ask.header(name, value);
    }
    ask.send().await
}

async fn reset_token(shop: &Shop, id: UserId, email: &str, serial: u32) -> String {
    shop.post("/auth/forgot-password", serde_json::json!({ "email": email })).await.expect(202);
    shop.links.link_token(id, LinkPurpose::ResetPassword, serial)
}

#[tokio::test]
async fn an_address_is_verified_by_the_button_and_not_by_the_link() {
    let shop = Shop::open();
    let id = shop.register("ann@example.com").await;
    let token = shop.links.link_token(id, LinkPurpose::VerifyEmail, 1);
    let page = open(&shop, &format!("/verify-email?token={token}")).await.expect(200);
    assert!(page.text.contains(&format!("value=\"{token}\"")) && page.text.contains("<button"), "{}", page.text);
    assert_eq!(shop.count("user.verified").await, 0);

    let refused = submit(&shop, "/verify-email", &[("token", &token), ("password", PASSWORD)], &[("Sec-Fetch-Site", "cross-site")]).await;
    assert!(refused.expect(403).text.contains("another site"));
    assert_eq!(shop.count("user.verified").await, 0);
    for password in ["", "not the password"] {
        let again = submit(&shop, "/verify-email", &[("token", &token), ("password", password)], &[]).await.expect(422);
        assert!(again.text.contains("role=\"alert\"") && again.text.contains(&token), "{}", again.text);
    }
    assert_eq!(shop.count("user.verified").await, 0, "the button alone is not enough");
    // Posted again, as by a reload, it says the same and changes nothing.
    for _ in 0..2 {
        let done = submit(&shop, "/verify-email", &[("token", &token), ("password", PASSWORD)], &[("Sec-Fetch-Site", "same-origin")])
            .await
            .expect(200);
        assert!(done.text.contains("address is confirmed"), "{}", done.text);
        assert_eq!(shop.count("user.verified").await, 1);
    }
}

#[tokio::test]
async fn links_that_do_not_work_get_a_page_that_says_so() {
    let shop = Shop::open();
    let id = shop.register("ann@example.com").await;
    let reset = shop.links.link_token(id, LinkPurpose::ResetPassword, 1);
    let long = "x".repeat(3000);
    for token in ["", "nonsense", "%22%3E%3Cscript%3Ealert(1)%3C/script%3E", &reset, &long] {
        for path in ["/verify-email", "/reset-password"] {
            let page = open(&shop, &format!("{path}?token={token}")).await.expect(410);
            assert!(page.text.contains("no longer valid") && !page.text.contains("<script"), "{}", page.text);
        }
        let done = submit(&shop, "/verify-email", &[("token", token)], &[]).await.expect(410);
        assert!(done.text.contains("no longer valid"), "{}", done.text);
    }
    open(&shop, "/verify-email").await.expect(410);
    let late = shop.links.link_token(id, LinkPurpose::VerifyEmail, 1);
    shop.world.advance(kernel::Duration::from_secs(25 * 3600));
    submit(&shop, "/verify-email", &[("token", &late)], &[]).await.expect(410);
    assert_eq!(shop.count("user.verified").await, 0);
}

#[tokio::test]
async fn a_password_is_set_by_the_page() {
    let shop = Shop::open();
    let email = "o'hara&co@example.com";
    let id = shop.verified(email).await;
    let token = reset_token(&shop, id, email, 1).await;
    let path = format!("/reset-password?token={token}");
    let page = open(&shop, &path).await.expect(200);
    assert!(page.text.contains("10 to 128 characters") && page.text.contains("value=\"o&#39;hara&amp;co@example.com\""), "{}", page.text);

    for (password, repeated, says) in [
        ("short", "short", "must be 10 to 128 characters"),
        ("password123", "password123", "one of the first"),
        (NEW, "another one", "not the same in both fields"),
    ] {
        let fields = [("token", token.as_str()), ("new_password", password), ("repeated", repeated)];
        let again = submit(&shop, "/reset-password", &fields, &[]).await.expect(422);
        assert!(again.text.contains(says) && again.text.contains("role=\"alert\""), "{}", again.text);
        assert!(again.text.contains(&token) && !again.text.contains(password), "the form is kept, without the password");
    }
    shop.sign_in(email, PASSWORD).await.expect(200);

    let fields = [("token", token.as_str()), ("new_password", NEW), ("repeated", NEW)];
    let done = submit(&shop, "/reset-password", &fields, &[]).await.expect(200);
    assert!(done.text.contains("password is changed"), "{}", done.text);
    shop.sign_in(email, PASSWORD).await.expect(401);
    shop.sign_in(email, NEW).await.expect(200);
    open(&shop, &path).await.expect(410);
    submit(&shop, "/reset-password", &fields, &[]).await.expect(410);
}

#[tokio::test]
async fn a_form_that_is_none_is_refused_in_a_page() {
    let shop = Shop::open();
    let got = submit(&shop, "/reset-password", &[("token", "x")], &[]).await.expect(400);
    assert!(got.text.contains("<h1>The request could not be read</h1>"), "{}", got.text);
    let json = shop.world.post("/verify-email", &serde_json::json!({"token": "x"})).send().await.expect(415);
    assert_eq!(json.headers["content-type"], "text/html; charset=utf-8");
}
