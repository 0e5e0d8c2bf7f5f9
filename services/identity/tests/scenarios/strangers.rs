//! What strangers may not do to the owner of an account or of an address.

use contracts::Event;
use kernel::Duration;
use ports::reads::{IdentityReads as _, LinkPurpose};
use serde_json::{Value, json};

use crate::shop::{PASSWORD, Shop};

const ANN: &str = "ann@example.com";
const HOME: &str = "198.51.100.1";
const ELSEWHERE: &str = "198.51.100.2";
const STRANGER: &str = "203.0.113.9";

async fn sign_in(shop: &Shop, client: &str, password: &str) -> u16 {
    shop.post_from(client, "/auth/sign-in", json!({"email": ANN, "password": password})).await.status
}

async fn forgot(shop: &Shop, client: &str) -> u16 {
    shop.post_from(client, "/auth/forgot-password", json!({"email": ANN})).await.status
}

#[tokio::test]
async fn guesses_of_one_client_do_not_lock_others_out() {
    let shop = Shop::open();
    shop.verified(ANN).await;
    for _ in 0..10 {
        assert_eq!(sign_in(&shop, STRANGER, "a wrong guess").await, 401);
    }
    assert_eq!(sign_in(&shop, STRANGER, PASSWORD).await, 429, "ten guesses, then none");
    assert_eq!(sign_in(&shop, ELSEWHERE, PASSWORD).await, 200);
}

#[tokio::test]
async fn guesses_of_many_clients_do_not_lock_out_who_has_signed_in_before() {
    let shop = Shop::open();
    shop.verified(ANN).await;
    assert_eq!(sign_in(&shop, HOME, PASSWORD).await, 200);
    let mut guesses = 1;
    for client in 1..=12 {
        for _ in 0..9 {
            guesses += u32::from(sign_in(&shop, &format!("192.0.2.{client}"), "a wrong guess").await == 401);
        }
    }
    assert_eq!(guesses, 100, "the whole account has its limit");
    let paused = shop.post_from(ELSEWHERE, "/auth/sign-in", json!({"email": ANN, "password": PASSWORD})).await.expect(429);
    assert_eq!(paused.headers["retry-after"], "1", "no more than a pause");
    assert_eq!(sign_in(&shop, HOME, "mistyped").await, 401);
    assert_eq!(sign_in(&shop, HOME, PASSWORD).await, 200);

    shop.world.advance(Duration::from_secs(1));
    assert_eq!(sign_in(&shop, ELSEWHERE, "mistyped").await, 401);
    let paused = shop.post_from(ELSEWHERE, "/auth/sign-in", json!({"email": ANN, "password": PASSWORD})).await.expect(429);
    assert_eq!(paused.headers["retry-after"], "2", "pauses grow");
}

#[tokio::test]
async fn guesses_of_strangers_do_not_keep_a_session_from_its_account() {
    let shop = Shop::open();
    shop.verified(ANN).await;
    let ann = shop.actor(ANN).await;
    for client in 1..=2 {
        for _ in 0..11 {
            sign_in(&shop, &format!("192.0.2.{client}"), "a wrong guess").await;
        }
    }
    let change = |current: &str| {
        let body = json!({"current_password": current, "new_password": "a wholly new password"});
        let ask = shop.world.post("/api/v1/auth/change-password", &body).as_actor(&ann).from_client(STRANGER);
        async { ask.send().await.status }
    };
    for _ in 0..9 {
        assert_eq!(change("mistyped").await, 422);
    }
    assert_eq!(change(PASSWORD).await, 200);
    let erase = |password: &str| {
        let body = json!({ "password": password }).to_string();
        let ask = shop.world.delete("/api/v1/me").raw("application/json", body.as_bytes()).as_actor(&ann);
        async { ask.send().await.status }
    };
    for _ in 0..10 {
        assert_eq!(erase("mistyped").await, 422);
    }
    assert_eq!(erase("a wholly new password").await, 429, "a stolen session may not guess for ever either");
    shop.world.advance(Duration::from_secs(900));
    assert_eq!(erase("a wholly new password").await, 204);
}

#[tokio::test]
async fn strangers_do_not_use_up_the_mails_of_the_owner() {
    let shop = Shop::open();
    let id = shop.verified(ANN).await;
    assert_eq!(sign_in(&shop, HOME, PASSWORD).await, 200);
    for _ in 0..4 {
        assert_eq!(forgot(&shop, STRANGER).await, 202);
    }
    assert_eq!(forgot(&shop, STRANGER).await, 429);
    assert_eq!(forgot(&shop, ELSEWHERE).await, 202);
    let mut sent = 0;
    for client in 1..=10 {
        for _ in 0..4 {
            sent += u32::from(forgot(&shop, &format!("192.0.2.{client}")).await == 202);
        }
    }
    assert_eq!(sent, 14, "twenty an hour, that of the registration counted");
    assert_eq!(forgot(&shop, ELSEWHERE).await, 429);
    assert_eq!(forgot(&shop, HOME).await, 202);
    // Whoever sets the password by the link is known from there on.
    let serial = u32::try_from(shop.count("user.password_reset_requested").await).unwrap();
    let token = ports::reads::LinkTokens::link_token(&shop.links, id, LinkPurpose::ResetPassword, serial);
    let reset = json!({"token": token, "new_password": "a wholly new password"});
    shop.post_from(ELSEWHERE, "/auth/reset-password", reset).await.expect(204);
    assert_eq!(forgot(&shop, ELSEWHERE).await, 202);
}

#[tokio::test]
async fn one_client_registers_so_many_and_no_more() {
    let shop = Shop::open();
    let register = async |client: &str, n: u32| {
        let body = json!({"email": format!("{n}@example.com"), "password": PASSWORD, "name": "Ann"});
        shop.post_from(client, "/auth/register", body).await.status
    };
    for n in 0..20 {
        assert_eq!(register(STRANGER, n).await, 202);
    }
    assert_eq!(register(STRANGER, 20).await, 429);
    assert_eq!(register(HOME, 21).await, 202);
    shop.world.advance(Duration::from_secs(3600));
    assert_eq!(register(STRANGER, 22).await, 202);
}

/// A stranger registers the owner's address, and the owner presses the button of the mail.
#[tokio::test]
async fn the_link_alone_gives_a_stranger_nothing() {
    let shop = Shop::open();
    let id = shop.register(ANN).await;
    let stranger = shop.sign_in(ANN, PASSWORD).await.expect(200).json;
    shop.follow(id, LinkPurpose::VerifyEmail, 1).await.expect(204);
    assert!(shop.who(&stranger).await.is_err());
    shop.refresh(&stranger).await.expect(401);
    let proven = async || shop.reads.account(id).await.unwrap().unwrap().email_proven;
    let told = async || -> Vec<bool> {
        let of = |event: &Event| if let Event::UserVerified(event) = event { Some(event.proven) } else { None };
        shop.world.events().await.iter().filter_map(|envelope| of(&envelope.event)).collect()
    };
    shop.sign_in(ANN, PASSWORD).await.expect(200);
    assert!(!proven().await, "nor does signing in again");
    assert_eq!(told().await, [false]);

    // The owner sets a password, which ends what the stranger began.
    shop.post("/auth/forgot-password", json!({ "email": ANN })).await.expect(202);
    shop.follow(id, LinkPurpose::ResetPassword, 1).await.expect(204);
    shop.sign_in(ANN, PASSWORD).await.expect(401);
    assert!(proven().await);
    assert_eq!(told().await, [false, true]);
}

#[tokio::test]
async fn the_link_counts_for_whoever_is_signed_in_or_has_the_password() {
    let shop = Shop::open();
    let id = shop.register(ANN).await;
    let tokens = shop.sign_in(ANN, PASSWORD).await.expect(200).json;
    let verify =
        async |body: Value, actor: &kernel::Actor| shop.world.post("/api/v1/auth/verify-email", &body).as_actor(actor).send().await;
    let token = ports::reads::LinkTokens::link_token(&shop.links, id, LinkPurpose::VerifyEmail, 1);
    let guest = kernel::Actor::Guest;
    let wrong = verify(json!({"token": token, "password": "not the password"}), &guest).await.expect(422);
    assert_eq!(wrong.json["errors"][0]["field"], "password");
    assert!(!shop.reads.account(id).await.unwrap().unwrap().email_verified);
    let ann = shop.who(&tokens).await.unwrap();
    verify(json!({ "token": token }), &ann).await.expect(204);
    assert!(shop.reads.account(id).await.unwrap().unwrap().email_proven);
    assert!(shop.who(&tokens).await.is_ok(), "the session goes on");

    // Another address, as a stranger may want it who has an account of their own.
    let change = json!({"email": "victim@example.com", "current_password": PASSWORD});
    shop.world.patch("/api/v1/me", &change).as_actor(&ann).send().await.expect(200);
    shop.follow(id, LinkPurpose::VerifyEmail, 2).await.expect(204);
    let account = shop.reads.account(id).await.unwrap().unwrap();
    assert_eq!((account.email.as_str(), account.email_proven), ("victim@example.com", false));
    assert!(shop.who(&tokens).await.is_err());
}

#[tokio::test]
async fn answers_about_mails_take_as_long_for_known_and_unknown_addresses() {
    let shop = Shop::open();
    shop.verified(ANN).await;
    tokio::time::pause();
    for path in ["/auth/forgot-password", "/auth/verify-email/resend"] {
        let mut took = Vec::new();
        for email in [ANN, "nobody@example.com"] {
            let begun = tokio::time::Instant::now();
            shop.post(path, json!({ "email": email })).await.expect(202);
            took.push(begun.elapsed().as_millis());
        }
        // The timer of the runtime counts whole milliseconds.
        assert!(took.iter().all(|millis| (50..=52).contains(millis)), "{path}: {took:?}");
    }
}
