//! The same accounts with a user pool that keeps the passwords and makes the tokens.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use contracts::Event;
use identity::{Config, Credentials, Links, Reads, TABLE};
use kernel::{Actor, Email, Role, Timestamp, UserId};
use ports::reads::{IdentityReads, LinkPurpose, LinkTokens};
use ports::{Clock, Enrolled, ManualClock, Person, PersonalData as _, PoolError, PoolTokens, UserPool};
use serde_json::{Value, json};
use shell::testing::{Harness, TestResponse};
use shell::{Signer, SigningKey};

use crate::shop::PASSWORD;

const OTHER: &str = "a wholly new password";

#[derive(Clone)]
struct Member {
    email: Email,
    proved: bool,
    name: String,
    password: String,
    enabled: bool,
    roles: Vec<Role>,
}

/// A pool as the port describes it. Its tokens are texts with a user and a number in them.
#[derive(Default)]
struct Pool {
    members: Mutex<HashMap<UserId, Member>>,
    sessions: Mutex<HashMap<String, UserId>>,
    clock: Mutex<Option<Arc<ManualClock>>>,
    away: Mutex<bool>,
    made: Mutex<u128>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pool {
    fn next(&self) -> u128 {
        let mut made = lock(&self.made);
        *made += 1;
        *made
    }

    fn here(&self) -> Result<(), PoolError> {
        if *lock(&self.away) { Err(PoolError::Unavailable("away".into())) } else { Ok(()) }
    }

    fn change(&self, user: UserId, change: impl FnOnce(&mut Member)) -> Result<(), PoolError> {
        self.here()?;
        let mut members = lock(&self.members);
        members.get_mut(&user).map(change).ok_or_else(|| PoolError::Misfit("no such user".into()))
    }

    fn member(&self, user: UserId) -> Option<Member> {
        lock(&self.members).get(&user).cloned()
    }

    fn tokens(&self, user: UserId, refresh_token: String) -> PoolTokens {
        let now = lock(&self.clock).as_ref().map_or(Timestamp::MIN, |clock| clock.now());
        let issued_at = Timestamp::from_millis(now.as_secs() * 1000);
        let roles = self.member(user).map(|member| member.roles).unwrap_or_default();
        PoolTokens { user, access_token: format!("access {user}"), refresh_token, expires_in_secs: 600, issued_at, roles }
    }

    fn checked(&self, user: Option<UserId>, password: &str) -> Result<UserId, PoolError> {
        let user = user.ok_or(PoolError::Refused)?;
        let member = self.member(user).ok_or(PoolError::Refused)?;
        if member.enabled && member.password == password { Ok(user) } else { Err(PoolError::Refused) }
    }
}

#[async_trait]
impl UserPool for Pool {
    async fn enrol(&self, email: &Email, name: &str, password: &str) -> Result<Enrolled, PoolError> {
        if password.len() > 100 {
            return Err(PoolError::Password("too long for the pool".into()));
        }
        let known = lock(&self.members).iter().find(|(_, member)| member.email == *email).map(|(user, member)| (*user, member.proved));
        if let Some((user, proved)) = known {
            if !proved {
                self.change(user, |member| member.password = password.into())?;
                self.end_sessions(user).await?;
            }
            return Ok(Enrolled { user, proved });
        }
        let user = UserId((0xABCD << 100) | self.next());
        let member =
            Member { email: email.clone(), proved: false, name: name.into(), password: password.into(), enabled: true, roles: vec![] };
        lock(&self.members).insert(user, member);
        Ok(Enrolled { user, proved: false })
    }

    async fn sign_in(&self, user: Option<UserId>, password: &str, _: Timestamp) -> Result<PoolTokens, PoolError> {
        let user = self.checked(user, password)?;
        let token = format!("refresh {}", self.next());
        lock(&self.sessions).insert(token.clone(), user);
        Ok(self.tokens(user, token))
    }

    async fn confirm(&self, user: Option<UserId>, password: &str) -> Result<(), PoolError> {
        self.checked(user, password).map(|_| ())
    }

    async fn refresh(&self, refresh_token: &str) -> Result<PoolTokens, PoolError> {
        let user = lock(&self.sessions).get(refresh_token).copied().ok_or(PoolError::Refused)?;
        Ok(self.tokens(user, refresh_token.into()))
    }

    async fn sign_out(&self, refresh_token: &str) -> Result<(), PoolError> {
        lock(&self.sessions).remove(refresh_token);
        Ok(())
    }

    async fn end_sessions(&self, user: UserId) -> Result<(), PoolError> {
        self.here()?;
        lock(&self.sessions).retain(|_, owner| *owner != user);
        Ok(())
    }

    async fn set_password(&self, user: UserId, password: &str) -> Result<(), PoolError> {
        self.change(user, |member| member.password = password.into())
    }

    async fn set_profile(&self, user: UserId, email: &Email, proved: bool, name: &str) -> Result<(), PoolError> {
        self.change(user, |member| (member.email, member.proved, member.name) = (email.clone(), proved, name.into()))
    }

    async fn set_roles(&self, user: UserId, gained: &[Role], lost: &[Role]) -> Result<(), PoolError> {
        self.change(user, |member| {
            member.roles.retain(|role| !lost.contains(role));
            member.roles.extend(gained);
            member.roles.sort_unstable();
            member.roles.dedup();
        })
    }

    async fn set_enabled(&self, user: UserId, enabled: bool) -> Result<(), PoolError> {
        self.change(user, |member| member.enabled = enabled)
    }

    async fn remove(&self, user: UserId) -> Result<(), PoolError> {
        lock(&self.members).remove(&user);
        self.end_sessions(user).await
    }
}

struct Shop {
    world: Harness,
    reads: Reads,
    links: Links,
    pool: Arc<Pool>,
}

impl Shop {
    fn open() -> Self {
        let signer = Arc::new(Signer::new("http://127.0.0.1:8080", &SigningKey([7; 32])).unwrap());
        let pool = Arc::new(Pool::default());
        let (key, credentials) = (signer.clone(), Credentials::Pool(pool.clone()));
        let world = Harness::new(|kit| vec![identity::service(&kit.work(&TABLE), key, credentials, Config::default())]);
        *lock(&pool.clock) = Some(world.kit().clock());
        let reads = Reads::new(&world.kit().work(&TABLE));
        Self { world, reads, links: Links::new(signer), pool }
    }

    async fn post(&self, path: &str, body: Value) -> TestResponse {
        self.world.post(&format!("/api/v1{path}"), &body).send().await
    }

    async fn register(&self, email: &str, password: &str) -> TestResponse {
        self.post("/auth/register", json!({"email": email, "password": password, "name": "Ann"})).await
    }

    /// A verified account.
    async fn ann(&self) -> UserId {
        self.register("ann@example.com", PASSWORD).await.expect(202);
        let events = self.world.events().await;
        let id = events.iter().find_map(|envelope| match &envelope.event {
            Event::VerificationRequested(registered) if registered.email.as_str() == "ann@example.com" => Some(registered.user_id),
            _ => None,
        });
        let id = id.unwrap();
        let token = self.links.link_token(id, LinkPurpose::VerifyEmail, 1);
        self.post("/auth/verify-email", json!({"token": token, "password": PASSWORD})).await.expect(204);
        id
    }

    async fn sign_in(&self, password: &str) -> TestResponse {
        self.post("/auth/sign-in", json!({"email": "ann@example.com", "password": password})).await
    }

    async fn refresh(&self, tokens: &Value) -> TestResponse {
        self.post("/auth/refresh", json!({"refresh_token": tokens["refresh_token"]})).await
    }
}

fn actor(id: UserId) -> Actor {
    Actor::User { id, roles: vec![Role::Customer], businesses: Vec::new() }
}

#[tokio::test]
async fn registration_to_sign_out() {
    let shop = Shop::open();
    let id = shop.ann().await;
    let member = shop.pool.member(id).unwrap();
    assert!(member.proved && member.password == PASSWORD, "the pool's user has the account's id");
    assert_eq!(shop.world.event_types().await, ["user.verification_requested", "user.verified"]);

    shop.sign_in("not the password").await.expect(401);
    let signed_in = shop.sign_in(PASSWORD).await.expect(200);
    assert_eq!(signed_in.headers["cache-control"], "no-store");
    assert_eq!(
        (signed_in.json["access_token"].as_str(), signed_in.json["expires_in"].as_u64()),
        (Some(&*format!("access {id}")), Some(600))
    );
    shop.refresh(&signed_in.json).await.expect(200);
    shop.post("/auth/sign-out", json!({"refresh_token": signed_in.json["refresh_token"]})).await.expect(204);
    shop.refresh(&signed_in.json).await.expect(401);
    shop.post("/auth/sign-out", json!({"refresh_token": "x".repeat(2000)})).await.expect(204);
    shop.world.get("/.well-known/jwks.json").send().await.expect(404);
    let person = Person { user_id: id, verified_email: Some("ann@example.com".parse().unwrap()) };
    let export = Reads::new(&shop.world.kit().work(&TABLE)).export(&person).await.unwrap();
    assert_eq!(export["profile"]["email"], "ann@example.com");
    assert!(!export.to_string().contains("pool:"), "{export}");
}

#[tokio::test]
async fn strangers_learn_and_change_nothing() {
    let shop = Shop::open();
    let id = shop.ann().await;
    let known = shop.register("ann@example.com", OTHER).await.expect(202);
    let unknown = shop.register("bea@example.com", OTHER).await.expect(202);
    assert_eq!(known.text, unknown.text);
    assert_eq!(shop.pool.member(id).unwrap().password, PASSWORD);
    let wrong = shop.sign_in(OTHER).await.expect(401);
    let nobody = shop.post("/auth/sign-in", json!({"email": "cat@example.com", "password": OTHER})).await.expect(401);
    assert_eq!(wrong.text, nobody.text);
    // An address that nobody has proved goes to the latest registration.
    shop.register("bea@example.com", PASSWORD).await.expect(202);
    shop.post("/auth/sign-in", json!({"email": "bea@example.com", "password": OTHER})).await.expect(401);
    shop.post("/auth/sign-in", json!({"email": "bea@example.com", "password": PASSWORD})).await.expect(200);
    // The pool's rules for passwords are told as ours are.
    let refused = shop.register("dan@example.com", &"x1".repeat(60)).await.expect(422);
    assert_eq!(refused.json["errors"][0]["field"], "password");
}

#[tokio::test]
async fn somebody_elses_user_of_the_pool_is_left_alone() {
    let shop = Shop::open();
    let email: Email = "ann@example.com".parse().unwrap();
    let other = shop.pool.enrol(&email, "Ann", OTHER).await.unwrap().user;
    shop.pool.set_profile(other, &email, true, "Ann").await.unwrap();
    shop.register("ann@example.com", PASSWORD).await.expect(202);
    assert_eq!(shop.pool.member(other).unwrap().password, OTHER);
    assert!(shop.world.events().await.is_empty());
    shop.sign_in(OTHER).await.expect(401);
}

#[tokio::test]
async fn attempts_are_limited_before_the_pool_is_asked() {
    let shop = Shop::open();
    for _ in 0..4 {
        shop.register("ann@example.com", PASSWORD).await.expect(202);
    }
    let id = *lock(&shop.pool.members).keys().next().unwrap();
    shop.register("ann@example.com", OTHER).await.expect(429);
    assert_eq!(shop.pool.member(id).unwrap().password, PASSWORD);
}

#[tokio::test]
async fn passwords() {
    let shop = Shop::open();
    let id = shop.ann().await;
    let old = shop.sign_in(PASSWORD).await.expect(200).json;
    let change = async |current: &str, new: &str| {
        let body = json!({"current_password": current, "new_password": new});
        shop.world.post("/api/v1/auth/change-password", &body).as_actor(&actor(id)).send().await
    };
    change("not the password", OTHER).await.expect(422);
    let changed = change(PASSWORD, OTHER).await.expect(200).json;
    shop.refresh(&old).await.expect(401);
    shop.refresh(&changed).await.expect(200);
    shop.sign_in(PASSWORD).await.expect(401);

    shop.post("/auth/forgot-password", json!({"email": "ann@example.com"})).await.expect(202);
    let reset = async |password: &str| {
        let token = shop.links.link_token(id, LinkPurpose::ResetPassword, 1);
        shop.post("/auth/reset-password", json!({"token": token, "new_password": password})).await
    };
    reset(PASSWORD).await.expect(204);
    reset(OTHER).await.expect(401);
    assert_eq!(shop.pool.member(id).unwrap().password, PASSWORD, "a used link changes nothing at the pool either");
    shop.refresh(&changed).await.expect(401);
    shop.sign_in(PASSWORD).await.expect(200);
}

#[tokio::test]
async fn sessions_end_everywhere() {
    let shop = Shop::open();
    let id = shop.ann().await;
    let tokens = shop.sign_in(PASSWORD).await.expect(200).json;
    let before = shop.reads.account(id).await.unwrap().unwrap().tokens_valid_from;
    let everywhere = || shop.world.post("/api/v1/auth/sign-out-everywhere", &json!({})).as_actor(&actor(id)).send();
    *lock(&shop.pool.away) = true;
    everywhere().await.expect(503);
    *lock(&shop.pool.away) = false;
    shop.refresh(&tokens).await.expect(200);
    everywhere().await.expect(204);
    shop.refresh(&tokens).await.expect(401);
    assert!(shop.reads.account(id).await.unwrap().unwrap().tokens_valid_from > before, "access tokens end with it");
}

#[tokio::test]
async fn admins_and_the_pool() {
    let shop = Shop::open();
    let id = shop.ann().await;
    let tokens = shop.sign_in(PASSWORD).await.expect(200).json;
    let admin = Harness::admin();
    let ask = async |step: &str, body: Value| {
        let path = format!("/api/v1/admin/users/{id}/{step}");
        let ask = if step == "roles" { shop.world.put(&path, &body) } else { shop.world.post(&path, &body) };
        ask.as_actor(&admin).send().await
    };
    ask("roles", json!({"roles": ["business"]})).await.expect(200);
    assert_eq!(shop.pool.member(id).unwrap().roles, [Role::Customer, Role::Business]);
    *lock(&shop.pool.away) = true;
    ask("disable", json!({"reason": "fraud"})).await.expect(503);
    assert!(!shop.reads.account(id).await.unwrap().unwrap().disabled, "nothing is committed that the pool does not know");
    *lock(&shop.pool.away) = false;
    ask("disable", json!({"reason": "fraud"})).await.expect(200);
    assert!(!shop.pool.member(id).unwrap().enabled);
    shop.refresh(&tokens).await.expect(401);
    shop.sign_in(PASSWORD).await.expect(401);
    ask("enable", json!({})).await.expect(200);
    shop.sign_in(PASSWORD).await.expect(200);
}

/// As an operator does it in the pool itself, past the shop.
#[tokio::test]
async fn a_group_given_in_the_pool_makes_the_first_admin() {
    let shop = Shop::open();
    let roles_of = async |id: UserId| shop.reads.account(id).await.unwrap().unwrap().roles;
    // Before the address is proved it makes nobody anything: it may be another's.
    shop.register("bea@example.com", PASSWORD).await.expect(202);
    let bea = *lock(&shop.pool.members).keys().next().unwrap();
    shop.pool.set_roles(bea, &[Role::Admin], &[]).await.unwrap();
    shop.post("/auth/sign-in", json!({"email": "bea@example.com", "password": PASSWORD})).await.expect(200);
    assert_eq!(roles_of(bea).await, [Role::Customer]);

    let ann = shop.ann().await;
    let tokens = shop.sign_in(PASSWORD).await.expect(200).json;
    shop.pool.set_roles(ann, &[Role::Business, Role::Admin], &[]).await.unwrap();
    assert_eq!(roles_of(ann).await, [Role::Customer], "the shop has not heard of it");
    shop.refresh(&tokens).await.expect(200);
    assert_eq!(roles_of(ann).await, [Role::Customer, Role::Admin], "a business is no matter of the pool");
    let boss = Actor::User { id: ann, roles: roles_of(ann).await, businesses: vec![] };
    let listed = shop.world.get("/api/v1/admin/users?role=admin").as_actor(&boss).send().await.expect(200).json;
    assert_eq!(listed["items"][0]["id"], ann.to_string(), "an admin like every other");
    shop.world.post(&format!("/api/v1/admin/users/{ann}/disable"), &json!({"reason": "left"})).as_actor(&boss).send().await.expect(409);
    assert_eq!(
        shop.world.event_types().await,
        ["user.verification_requested"].repeat(2).into_iter().chain(["user.verified"]).collect::<Vec<_>>()
    );
}

/// What an admin takes away is gone in both, and does not come back by itself.
#[tokio::test]
async fn roles_that_are_taken_away_stay_away() {
    let shop = Shop::open();
    let id = shop.ann().await;
    let account = async || shop.reads.account(id).await.unwrap().unwrap();
    shop.pool.set_roles(id, &[Role::Admin, Role::Support], &[]).await.unwrap();
    let tokens = shop.sign_in(PASSWORD).await.expect(200).json;
    assert_eq!(account().await.roles, [Role::Customer, Role::Support, Role::Admin]);
    // Another one, so that this is not the last.
    let work = shop.world.kit().work(&TABLE);
    identity::create_admin(&work, Credentials::Pool(shop.pool.clone()), "root@example.com".parse().unwrap(), PASSWORD).await.unwrap();
    let before = account().await.tokens_valid_from;
    let put = async |roles: Value| {
        let path = format!("/api/v1/admin/users/{id}/roles");
        shop.world.put(&path, &json!({ "roles": roles })).as_actor(&Harness::admin()).send().await.expect(200)
    };
    put(json!(["support"])).await;
    assert_eq!(shop.pool.member(id).unwrap().roles, [Role::Customer, Role::Support]);
    assert!(account().await.tokens_valid_from > before, "tokens end at once");
    shop.world.advance(kernel::Duration::from_secs(2));
    shop.refresh(&tokens).await.expect(200);
    assert_eq!(account().await.roles, [Role::Customer, Role::Support]);
    // Given in the pool and not taken over yet: the admin's word ends it as well.
    shop.pool.set_roles(id, &[Role::Admin], &[]).await.unwrap();
    put(json!(["support"])).await;
    shop.refresh(&tokens).await.expect(200);
    assert_eq!(account().await.roles, [Role::Customer, Role::Support]);
    shop.world
        .post(&format!("/api/v1/admin/users/{id}/disable"), &json!({"reason": "left"}))
        .as_actor(&Harness::admin())
        .send()
        .await
        .expect(200);
    shop.pool.set_roles(id, &[Role::Admin], &[]).await.unwrap();
    shop.sign_in(PASSWORD).await.expect(401);
    let account = account().await;
    assert!(account.disabled && account.roles == [Role::Customer, Role::Support], "a group lets nobody in who is disabled");
}

#[tokio::test]
async fn the_last_admin_stays_in_the_pool_too() {
    let shop = Shop::open();
    let work = shop.world.kit().work(&TABLE);
    let credentials = || Credentials::Pool(shop.pool.clone());
    let root = identity::create_admin(&work, credentials(), "root@example.com".parse().unwrap(), PASSWORD).await.unwrap();
    assert_eq!(identity::create_admin(&work, credentials(), "root@example.com".parse().unwrap(), OTHER).await.unwrap(), root, "again");
    let member = shop.pool.member(root).unwrap();
    assert_eq!((member.proved, member.password.as_str(), member.roles), (true, PASSWORD, vec![Role::Customer, Role::Admin]));
    let path = format!("/api/v1/admin/users/{root}/disable");
    shop.world.post(&path, &json!({"reason": "left"})).as_actor(&Harness::admin()).send().await.expect(409);
    assert!(shop.pool.member(root).unwrap().enabled);
}

#[tokio::test]
async fn profile_and_erasure() {
    let shop = Shop::open();
    let id = shop.ann().await;
    let patch = async |body: Value| shop.world.patch("/api/v1/me", &body).as_actor(&actor(id)).send().await;
    patch(json!({"name": "Ann Lee", "email": "ann@new.example", "current_password": PASSWORD})).await.expect(200);
    let member = shop.pool.member(id).unwrap();
    assert_eq!((member.name.as_str(), member.email.as_str()), ("Ann Lee", "ann@example.com"), "the address when it is verified");
    let token = shop.links.link_token(id, LinkPurpose::VerifyEmail, 2);
    shop.post("/auth/verify-email", json!({"token": token})).await.expect(204);
    assert_eq!(shop.pool.member(id).unwrap().email.as_str(), "ann@new.example");

    let erase = async |password: &str| {
        let body = json!({"password": password}).to_string();
        shop.world.delete("/api/v1/me").raw("application/json", body.as_bytes()).as_actor(&actor(id)).send().await
    };
    erase(OTHER).await.expect(422);
    assert!(shop.pool.member(id).is_some());
    erase(PASSWORD).await.expect(204);
    assert!(shop.pool.member(id).is_none());
}
