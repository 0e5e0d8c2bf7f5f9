//! Registration, tokens, links and passwords, as anybody may use them.

use std::collections::BTreeSet;
use std::task::{Context, Waker};

use crate::shop::{PASSWORD, Shop};
use kernel::{Duration, Role};
use ports::reads::{IdentityReads as _, LinkPurpose, LinkTokens as _};
use serde_json::json;

/// How long a used refresh token still gets its successor.
const GRACE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn register_verify_sign_in() {
    let shop = Shop::open();
    let id = shop.register("Ann@Example.com").await;
    let tokens = shop.sign_in("ann@example.com", PASSWORD).await.expect(200);
    assert_eq!(tokens.headers["cache-control"], "no-store");
    assert_eq!((tokens.json["token_type"].as_str(), tokens.json["expires_in"].as_u64()), (Some("Bearer"), Some(600)));
    let actor = shop.who(&tokens.json).await.unwrap();
    assert_eq!((actor.user_id(), actor.has_role(Role::Customer)), (Some(id), true));
    assert!(!shop.reads.account(id).await.unwrap().unwrap().email_verified);

    shop.follow(id, LinkPurpose::VerifyEmail, 2).await.expect(401);
    shop.prove(id, 1).await.expect(204);
    shop.prove(id, 1).await.expect(204);
    assert!(shop.reads.account(id).await.unwrap().unwrap().email_verified);
    assert_eq!(shop.world.event_types().await, ["user.verification_requested", "user.verified"]);

    shop.world.advance(Duration::from_secs(600));
    assert!(shop.who(&tokens.json).await.is_err(), "ten minutes");
    let next = shop.refresh(&tokens.json).await.expect(200);
    assert_eq!(shop.who(&next.json).await.unwrap(), actor);
}

#[tokio::test]
async fn known_and_unknown_addresses_get_the_same_answers() {
    let shop = Shop::open();
    shop.verified("ann@example.com").await;
    let before = shop.world.events().await.len();
    for (path, extra) in [
        ("/auth/register", json!({"password": "another long password", "name": "Eve"})),
        ("/auth/forgot-password", json!({})),
        ("/auth/verify-email/resend", json!({})),
        ("/auth/sign-in", json!({"password": "not the password"})),
    ] {
        let ask = async |email: &str| {
            let mut body = extra.clone();
            body["email"] = email.into();
            let got = shop.post(path, body).await;
            (got.status, got.text)
        };
        assert_eq!(ask("ann@example.com").await, ask(&format!("{}@example.com", path.len())).await, "{path}");
    }
    let told: Vec<_> = shop.world.event_types().await.split_off(before);
    let expect = ["user.registered_again", "user.verification_requested", "user.password_reset_requested"];
    assert_eq!(told, expect, "the owner hears of it, one stranger registers, one reset");
    shop.sign_in("ann@example.com", PASSWORD).await.expect(200);
}

#[tokio::test]
async fn bad_registrations_are_refused_with_the_field() {
    let shop = Shop::open();
    for (body, field) in [
        (json!({"email": "ann@example.com", "password": "short", "name": "Ann"}), "password"),
        (json!({"email": "ann@example.com", "password": "Password123", "name": "Ann"}), "password"),
        (json!({"email": "ann@example.com", "password": PASSWORD, "name": " "}), "name"),
    ] {
        let got = shop.post("/auth/register", body).await.expect(422);
        assert_eq!(got.json["errors"][0]["field"], field);
    }
    for body in [
        json!({"email": "ann", "password": PASSWORD, "name": "Ann"}),
        json!({"email": "ann@example.com", "password": PASSWORD, "name": "Ann", "roles": ["admin"]}),
    ] {
        let status = shop.post("/auth/register", body).await.status;
        assert!(status == 400 || status == 422, "{status}");
    }
    assert!(shop.world.events().await.is_empty());
}

#[tokio::test]
async fn two_registrations_at_once_make_one_account() {
    let shop = Shop::open();
    let body = json!({"email": "ann@example.com", "password": PASSWORD, "name": "Ann"});
    let (first, second) = tokio::join!(shop.post("/auth/register", body.clone()), shop.post("/auth/register", body));
    assert_eq!((first.status, second.status), (202, 202));
    let ids: BTreeSet<_> = shop.world.events().await.iter().map(|envelope| envelope.event.subject()).collect();
    assert_eq!(ids.len(), 1);
}

#[tokio::test]
async fn a_used_refresh_token_ends_the_session_for_everyone() {
    let shop = Shop::open();
    shop.verified("ann@example.com").await;
    let stolen = shop.sign_in("ann@example.com", PASSWORD).await.expect(200).json;
    let other = shop.sign_in("ann@example.com", PASSWORD).await.expect(200).json;
    let owner = shop.refresh(&stolen).await.expect(200).json;
    shop.world.advance(GRACE);
    assert_eq!(shop.refresh(&stolen).await.expect(401).code(), "invalid-token");
    shop.refresh(&owner).await.expect(401);
    assert!(shop.who(&owner).await.is_err(), "access tokens end too");
    let other = shop.refresh(&other).await.expect(200).json;
    assert!(shop.who(&other).await.is_ok(), "other sessions go on");

    let forged = other["refresh_token"].as_str().unwrap().replacen('.', "x.", 1);
    shop.refresh(&json!({"refresh_token": forged})).await.expect(401);
    shop.refresh(&json!({"refresh_token": "x".repeat(300)})).await.expect(401);
    shop.refresh(&other).await.expect(200);
}

#[tokio::test]
async fn two_refreshes_at_once_are_one() {
    let shop = Shop::open();
    shop.verified("ann@example.com").await;
    let tokens = shop.sign_in("ann@example.com", PASSWORD).await.expect(200).json;
    let (first, second) = tokio::join!(shop.refresh(&tokens), shop.refresh(&tokens));
    let (first, second) = (first.expect(200).json, second.expect(200).json);
    assert_eq!(first["refresh_token"], second["refresh_token"]);
    assert!(shop.who(&first).await.is_ok() && shop.who(&second).await.is_ok());
    shop.refresh(&first).await.expect(200);
    shop.world.advance(GRACE);
    shop.refresh(&second).await.expect(401);
}

#[tokio::test]
async fn a_refresh_whose_answer_was_lost_can_be_repeated() {
    let shop = Shop::open();
    shop.verified("ann@example.com").await;
    let tokens = shop.sign_in("ann@example.com", PASSWORD).await.expect(200).json;
    let body = json!({"refresh_token": tokens["refresh_token"]});
    let ask = async |key: &str| shop.world.post("/api/v1/auth/refresh", &body).header("Idempotency-Key", key).send().await;
    let first = ask("an-answer-that-was-lost").await.expect(200).json;
    let again = ask("an-answer-that-was-lost").await.expect(200).json;
    assert_eq!(first["refresh_token"], again["refresh_token"]);
    shop.world.advance(GRACE);
    shop.refresh(&again).await.expect(200);
    ask("an-answer-that-was-lost").await.expect(401);
}

#[tokio::test]
async fn who_has_no_attempt_left_costs_no_hash() {
    let shop = Shop::open();
    let register = |email: &'static str| shop.post("/auth/register", json!({"email": email, "password": PASSWORD, "name": "Ann"}));
    for _ in 0..4 {
        register("ann@example.com").await.expect(202);
    }
    // Asked once and not again, they wait and keep all places.
    let mut waiting: Vec<_> = (0..100).map(|_| Box::pin(shop.passwords.hash(PASSWORD))).collect();
    let mut once = Context::from_waker(Waker::noop());
    waiting.iter_mut().for_each(|hash| drop(hash.as_mut().poll(&mut once)));
    assert_eq!(register("ann@example.com").await.expect(429).code(), "too-many-attempts");
    let refused = register("bob@example.com").await.expect(503);
    assert!(refused.code() == "overloaded" && refused.headers.contains_key("retry-after"), "{}", refused.text);
    drop(waiting);
    register("bob@example.com").await.expect(202);
}

#[tokio::test]
async fn attempts_are_limited_per_account() {
    let shop = Shop::open();
    shop.verified("ann@example.com").await;
    for email in ["ann@example.com", "nobody@example.com"] {
        for attempt in 0..10 {
            assert_eq!(shop.sign_in(email, "not the password").await.code(), "invalid-credentials", "{attempt}");
        }
        let refused = shop.sign_in(email, PASSWORD).await.expect(429);
        assert_eq!((refused.code(), refused.headers["retry-after"].as_str()), ("too-many-attempts", "900"));
    }
    shop.world.advance(Duration::from_secs(900));
    shop.sign_in("ann@example.com", "not the password").await.expect(401);
    shop.sign_in("ann@example.com", PASSWORD).await.expect(200);
    for _ in 0..9 {
        shop.sign_in("ann@example.com", "not the password").await.expect(401);
    }
    shop.sign_in("ann@example.com", PASSWORD).await.expect(200);
}

#[tokio::test]
async fn attempts_are_limited_per_client() {
    let shop = Shop::open();
    shop.verified("ann@example.com").await;
    for n in 0..50 {
        shop.sign_in(&format!("{n}@example.com"), "not the password").await.expect(401);
    }
    shop.sign_in("ann@example.com", PASSWORD).await.expect(429);
    shop.world.advance(Duration::from_secs(900));
    shop.sign_in("ann@example.com", PASSWORD).await.expect(200);
}

#[tokio::test]
async fn nobody_is_flooded_with_mails() {
    let shop = Shop::open();
    shop.register("ann@example.com").await;
    for _ in 0..3 {
        shop.post("/auth/verify-email/resend", json!({"email": "ann@example.com"})).await.expect(202);
    }
    shop.post("/auth/forgot-password", json!({"email": "ann@example.com"})).await.expect(429);
    assert_eq!(shop.count("user.verification_requested").await, 4);
    shop.world.advance(Duration::from_secs(3600));
    shop.post("/auth/forgot-password", json!({"email": "ann@example.com"})).await.expect(202);
}

#[tokio::test]
async fn a_forgotten_password_is_reset_once() {
    let shop = Shop::open();
    let id = shop.verified("ann@example.com").await;
    let tokens = shop.sign_in("ann@example.com", PASSWORD).await.expect(200).json;
    shop.post("/auth/forgot-password", json!({"email": "ann@example.com"})).await.expect(202);
    let verify = shop.links.link_token(id, LinkPurpose::VerifyEmail, 1);
    shop.post("/auth/reset-password", json!({"token": verify, "new_password": "a wholly new password"})).await.expect(401);
    let reset = shop.links.link_token(id, LinkPurpose::ResetPassword, 1);
    shop.post("/auth/reset-password", json!({"token": reset, "new_password": "short"})).await.expect(422);
    shop.follow(id, LinkPurpose::ResetPassword, 1).await.expect(204);
    shop.follow(id, LinkPurpose::ResetPassword, 1).await.expect(401);
    assert!(shop.who(&tokens).await.is_err());
    shop.refresh(&tokens).await.expect(401);
    shop.sign_in("ann@example.com", PASSWORD).await.expect(401);
    let tokens = shop.sign_in("ann@example.com", "a wholly new password").await.expect(200).json;
    assert!(shop.who(&tokens).await.is_ok());
}

#[tokio::test]
async fn whoever_registered_a_foreign_address_loses_it_to_its_owner() {
    let shop = Shop::open();
    let id = shop.register("ann@example.com").await;
    let thief = shop.sign_in("ann@example.com", PASSWORD).await.expect(200).json;
    shop.post("/auth/register", json!({"email": "ann@example.com", "password": "the owner's password", "name": "Ann"})).await.expect(202);
    shop.follow(id, LinkPurpose::VerifyEmail, 2).await.expect(204);
    assert!(shop.who(&thief).await.is_err());
    shop.refresh(&thief).await.expect(401);
    shop.sign_in("ann@example.com", PASSWORD).await.expect(401);
    shop.sign_in("ann@example.com", "the owner's password").await.expect(200);
}

#[tokio::test]
async fn signing_out() {
    let shop = Shop::open();
    shop.verified("ann@example.com").await;
    let actor = shop.actor("ann@example.com").await;
    let one = shop.sign_in("ann@example.com", PASSWORD).await.expect(200).json;
    let two = shop.sign_in("ann@example.com", PASSWORD).await.expect(200).json;
    for token in [&one["refresh_token"], &one["refresh_token"], &json!("nonsense")] {
        shop.post("/auth/sign-out", json!({"refresh_token": token})).await.expect(204);
    }
    shop.refresh(&one).await.expect(401);
    let two = shop.refresh(&two).await.expect(200).json;

    shop.post("/auth/sign-out-everywhere", json!({})).await.expect(401);
    shop.world.post("/api/v1/auth/sign-out-everywhere", &json!({})).as_actor(&actor).send().await.expect(204);
    assert!(shop.who(&two).await.is_err());
    shop.refresh(&two).await.expect(401);
    let three = shop.sign_in("ann@example.com", PASSWORD).await.expect(200).json;
    assert!(shop.who(&three).await.is_ok(), "in the very same second");
}

#[tokio::test]
async fn changing_the_password_keeps_only_the_one_who_did() {
    let shop = Shop::open();
    shop.verified("ann@example.com").await;
    let actor = shop.actor("ann@example.com").await;
    let elsewhere = shop.sign_in("ann@example.com", PASSWORD).await.expect(200).json;
    let change = async |current: &str, new: &str| {
        let body = json!({"current_password": current, "new_password": new});
        shop.world.post("/api/v1/auth/change-password", &body).as_actor(&actor).header("Idempotency-Key", "k").send().await
    };
    assert_eq!(change("not the password", "a wholly new password").await.expect(422).json["errors"][0]["field"], "current_password");
    assert_eq!(change(PASSWORD, "short").await.expect(422).json["errors"][0]["field"], "new_password");
    let tokens = change(PASSWORD, "a wholly new password").await.expect(200).json;
    assert!(shop.who(&tokens).await.is_ok() && shop.who(&elsewhere).await.is_err());
    shop.refresh(&elsewhere).await.expect(401);
    shop.refresh(&tokens).await.expect(200);
}

#[tokio::test]
async fn keys_are_published() {
    let shop = Shop::open();
    let keys = shop.world.get("/.well-known/jwks.json").send().await.expect(200);
    assert_eq!((keys.json["keys"][0]["kty"].as_str(), keys.json["keys"][0]["d"].as_str()), (Some("OKP"), None));
    let configuration = shop.world.get("/.well-known/openid-configuration").send().await.expect(200);
    assert_eq!(configuration.json["jwks_uri"], "http://127.0.0.1:8080/.well-known/jwks.json");
}
