//! A shop's accounts with real tokens: what the scenarios share.

use std::sync::Arc;

use contracts::Event;
use identity::{Config, Links, Reads, TABLE};
use kernel::{Actor, Email, Problem, UserId};
use ports::reads::{LinkPurpose, LinkTokens as _};
use serde_json::{Value, json};
use shell::testing::{Harness, TestResponse};
use shell::{Authenticated, Authenticator, Passwords, Signer, SigningKey, TokenVerifier, UnitOfWork};

pub const PASSWORD: &str = "correct horse battery";

pub struct Shop {
    pub world: Harness,
    pub reads: Arc<Reads>,
    pub links: Links,
    pub work: UnitOfWork,
    pub passwords: Arc<Passwords>,
    verifier: TokenVerifier,
}

impl Shop {
    pub fn open() -> Self {
        let signer = Arc::new(Signer::new("http://127.0.0.1:8080", &SigningKey([7; 32])).unwrap());
        let passwords = Arc::new(Passwords::default());
        let (key, hashes) = (signer.clone(), passwords.clone());
        let world = Harness::new(|kit| vec![identity::service(&kit.work(&TABLE), key, hashes, Config::default())]);
        let work = world.kit().work(&TABLE);
        let reads = Arc::new(Reads::new(&work));
        let verifier = TokenVerifier::new(signer.issuer(), signer.jwks(), reads.clone(), world.kit().clock());
        let links = Links::new(signer);
        Self { world, reads, links, work, passwords, verifier }
    }

    pub async fn post(&self, path: &str, body: Value) -> TestResponse {
        self.world.post(&format!("/api/v1{path}"), &body).send().await
    }

    pub async fn register(&self, email: &str) -> UserId {
        self.post("/auth/register", json!({"email": email, "password": PASSWORD, "name": "Ann"})).await.expect(202);
        let wanted: Email = email.parse().unwrap();
        let events = self.world.events().await;
        let ours = |event: &Event| match event {
            Event::VerificationRequested(registered) if registered.email == wanted => Some(registered.user_id),
            _ => None,
        };
        events.iter().find_map(|envelope| ours(&envelope.event)).expect("a registration")
    }

    pub async fn verified(&self, email: &str) -> UserId {
        let id = self.register(email).await;
        self.prove(id, 1).await.expect(204);
        id
    }

    /// Follows the link and gives the password, as the page behind it asks.
    pub async fn prove(&self, id: UserId, serial: u32) -> TestResponse {
        let token = self.links.link_token(id, LinkPurpose::VerifyEmail, serial);
        self.post("/auth/verify-email", json!({"token": token, "password": PASSWORD})).await
    }

    pub async fn follow(&self, id: UserId, purpose: LinkPurpose, serial: u32) -> TestResponse {
        let token = self.links.link_token(id, purpose, serial);
        match purpose {
            LinkPurpose::VerifyEmail => self.post("/auth/verify-email", json!({"token": token})).await,
            LinkPurpose::ResetPassword => {
                self.post("/auth/reset-password", json!({"token": token, "new_password": "a wholly new password"})).await
            }
        }
    }

    /// The same as `post`, by a client of this address.
    pub async fn post_from(&self, client: &str, path: &str, body: Value) -> TestResponse {
        self.world.post(&format!("/api/v1{path}"), &body).from_client(client).send().await
    }

    pub async fn sign_in(&self, email: &str, password: &str) -> TestResponse {
        self.post("/auth/sign-in", json!({"email": email, "password": password})).await
    }

    pub async fn refresh(&self, tokens: &Value) -> TestResponse {
        self.post("/auth/refresh", json!({"refresh_token": tokens["refresh_token"]})).await
    }

    /// Whom an access token speaks for now.
    pub async fn who(&self, tokens: &Value) -> Result<Actor, Problem> {
        self.session(tokens).await.map(|authenticated| authenticated.actor)
    }

    /// The same with the session.
    pub async fn session(&self, tokens: &Value) -> Result<Authenticated, Problem> {
        self.verifier.authenticate(tokens["access_token"].as_str().expect("an access token")).await
    }

    pub async fn actor(&self, email: &str) -> Actor {
        let tokens = self.sign_in(email, PASSWORD).await.expect(200).json;
        self.who(&tokens).await.unwrap()
    }

    pub async fn count(&self, kind: &str) -> usize {
        self.world.event_types().await.iter().filter(|told| **told == kind).count()
    }
}
