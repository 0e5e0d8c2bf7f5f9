//! The export of a person's data, composed of what the services say.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use async_trait::async_trait;
use kernel::{Problem, Timestamp, UserId};
use ports::reads::{Account, IdentityReads};
use ports::{Person, PersonalData};
use serde_json::{Value, json};
use shell::testing::Harness;

struct Accounts;

#[async_trait]
impl IdentityReads for Accounts {
    async fn account(&self, user: UserId) -> Result<Option<Account>, Problem> {
        let (verified, unverified) = (Harness::customer(1).user_id() == Some(user), Harness::customer(3).user_id() == Some(user));
        Ok((verified || unverified).then(|| Account {
            id: user,
            email: "ada@example.com".parse().unwrap(),
            email_verified: verified,
            email_proven: verified,
            name: "Ada".into(),
            roles: Vec::new(),
            businesses: Vec::new(),
            disabled: false,
            tokens_valid_from: Timestamp::MIN,
        }))
    }
}

/// A service that keeps one address, and nothing of others.
struct Addresses;

#[async_trait]
impl PersonalData for Addresses {
    async fn export(&self, person: &Person) -> Result<Value, Problem> {
        let is_adas = person.verified_email.as_ref().is_some_and(|email| email.as_str() == "ada@example.com");
        Ok(if is_adas { json!({ "addresses": ["Marienplatz 8"] }) } else { Value::Null })
    }
}

struct Nothing;

#[async_trait]
impl PersonalData for Nothing {
    async fn export(&self, _: &Person) -> Result<Value, Problem> {
        Ok(Value::Null)
    }
}

fn harness() -> Harness {
    Harness::new(|kit| {
        let part = |service, data| privacy::Part { service, data };
        let parts = vec![part("identity", Arc::new(Addresses) as Arc<dyn PersonalData>), part("cart", Arc::new(Nothing))];
        vec![privacy::service(kit.runtime(), privacy::Deps { accounts: Arc::new(Accounts), parts })]
    })
}

#[tokio::test]
async fn a_copy_holds_what_each_service_keeps_of_the_person() {
    let harness = harness();
    let copy = harness.get("/api/v1/me/export").as_actor(&Harness::customer(1)).send().await.expect(200);
    assert_eq!(copy.json["services"], json!({ "identity": { "addresses": ["Marienplatz 8"] } }));
    assert_eq!(copy.json["email"], "ada@example.com");
    assert_eq!(copy.headers["cache-control"], "no-store");
}

#[tokio::test]
async fn nobody_gets_a_copy_without_an_account() {
    let harness = harness();
    harness.get("/api/v1/me/export").send().await.expect(401);
    harness.get("/api/v1/me/export").as_actor(&Harness::customer(2)).send().await.expect(401);
}

/// Whoever registers a stranger's address does not get what is kept under it.
#[tokio::test]
async fn an_address_that_is_not_verified_opens_nothing() {
    let copy = harness().get("/api/v1/me/export").as_actor(&Harness::customer(3)).send().await.expect(200);
    assert_eq!(copy.json["services"], json!({}));
}
