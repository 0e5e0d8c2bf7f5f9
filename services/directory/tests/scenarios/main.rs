//! The directory as its clients see it: real routes and rules on the memory adapter.

// A failing unwrap is a failing test, also in the helpers.
#![allow(clippy::unwrap_used)]

mod businesses;
mod erasure;
mod imports;
mod leads;
mod munich;

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use directory::{Config, Deps, TimeZoneMap};
use kernel::{Actor, Currency, Money, Problem, Timestamp, UserId};
use ports::reads::{Account, IdentityReads};
use serde_json::{Value, json};
use shell::testing::{Harness, TestResponse};
use shell::{Signer, SigningKey, UnitOfWork};

/// Everybody has an account but `NOBODY`; that of `CLOSED` is disabled, and `unverified` has confirmed no address.
struct People;

pub const NOBODY: UserId = UserId(9_998);
pub const CLOSED: UserId = UserId(9_999);

#[async_trait]
impl IdentityReads for People {
    async fn account(&self, id: UserId) -> Result<Option<Account>, Problem> {
        let account = Account {
            id,
            email: "somebody@example.com".parse().unwrap(),
            email_verified: unverified().user_id() != Some(id),
            email_proven: unverified().user_id() != Some(id),
            name: "Somebody".into(),
            roles: Vec::new(),
            businesses: Vec::new(),
            disabled: id == CLOSED,
            tokens_valid_from: Timestamp::MIN,
        };
        Ok((id != NOBODY).then_some(account))
    }
}

pub struct Town {
    pub world: Harness,
    pub work: UnitOfWork,
}

pub fn time_zones() -> TimeZoneMap {
    TimeZoneMap::new(|| Ok(tzf_dist::load_lite_tzb().into()))
}

impl Town {
    pub fn open() -> Self {
        Self::with_lead_price(500)
    }

    pub fn with_lead_price(amount: i64) -> Self {
        let work = OnceLock::new();
        let world = Harness::new(|kit| {
            let work = work.get_or_init(|| kit.work(&directory::TABLE));
            let signer = Signer::new("https://town.example", &SigningKey([7; 32])).unwrap();
            let settings = Config {
                public_url: "https://town.example".into(),
                time_zone: "Europe/Berlin".into(),
                region: "DE-BY".into(),
                lead_price: Money::new(amount, Currency::EUR),
            };
            let dependencies = Deps { accounts: Arc::new(People), signer: Arc::new(signer), time_zones: time_zones() };
            vec![directory::service(work, dependencies, settings)]
        });
        let work = work.get().expect("the harness was built").clone();
        Self { world, work }
    }

    pub async fn get(&self, path: &str, actor: &Actor) -> TestResponse {
        self.world.get(&format!("/api/v1{path}")).as_actor(actor).send().await
    }

    pub async fn post(&self, path: &str, actor: &Actor, body: &Value) -> TestResponse {
        self.world.post(&format!("/api/v1{path}"), body).as_actor(actor).send().await
    }

    /// Replaces a category of the version that its page tells.
    pub async fn edit_category(&self, id: &str, body: &Value) -> TestResponse {
        let path = format!("/api/v1/business-categories/{id}");
        let edit = || self.world.put(&path, body).as_actor(&Harness::admin());
        edit().send().await.expect(428);
        edit().header("If-Match", "\"v99\"").send().await.expect(412);
        let etag = self.world.get(&path).send().await.expect(200).headers["etag"].clone();
        edit().header("If-Match", &etag).send().await.expect(200)
    }

    pub async fn category(&self, name: &str, parent: Option<&str>) -> String {
        let body = json!({ "name": name, "parent_id": parent });
        text(&self.post("/business-categories", &Harness::admin(), &body).await.expect(201).json["id"])
    }

    /// A business of the owner that everybody sees; its id.
    pub async fn published(&self, owner: &Actor, body: &Value) -> String {
        let id = text(&self.post("/businesses", owner, body).await.expect(201).json["id"]);
        self.post(&format!("/businesses/{id}/submit"), owner, &json!({})).await.expect(200);
        self.post(&format!("/admin/businesses/{id}/approve"), &Harness::admin(), &json!({})).await.expect(200);
        id
    }

    /// The names of a public listing, page by page.
    pub async fn names(&self, query: &str) -> Vec<String> {
        let (mut names, mut cursor) = (Vec::new(), String::new());
        loop {
            let got = self.get(&format!("/businesses?{query}{cursor}"), &Harness::guest()).await.expect(200);
            names.extend(got.json["items"].as_array().unwrap().iter().map(|item| text(&item["name"])));
            match got.json["next"].as_str() {
                Some(next) => cursor = format!("&cursor={}", next.replace('#', "%23")),
                None => return names,
            }
        }
    }
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

pub fn unverified() -> Actor {
    Harness::customer(997)
}

pub fn owner() -> Actor {
    Harness::customer(1)
}

pub fn cafe(category: &str) -> Value {
    json!({
        "name": "Café Föhn", "description": "Cake </script> and coffee", "categories": [category], "tags": ["Vegan"],
        "address": { "street_address": "Ring 1", "postal_code": "80001", "address_locality": "Dorf", "address_country": "DE" },
        "position": { "lat": 48.1374, "lon": 11.5755 }, "phone": "+49 89 1", "website": "https://cafe.example",
        "opening_hours": "Mo-Fr 09:00-18:00; PH off"
    })
}

/// The body with some members replaced.
pub fn with(mut body: Value, changes: Value) -> Value {
    if let (Some(body), Value::Object(changes)) = (body.as_object_mut(), changes) {
        body.extend(changes);
    }
    body
}
