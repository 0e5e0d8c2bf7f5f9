//! The adapters against an emulator of AWS. TEST_MINISTACK_ENDPOINT says where it is.

// Helpers of tests may unwrap as the tests themselves do.
#![allow(clippy::unwrap_used)]

mod events;
mod files;
mod messages;
mod pool;
mod queues;

use std::sync::Arc;

use aws::Clients;
use ports::{Entropy, SystemEntropy};

fn endpoint() -> String {
    std::env::var("TEST_MINISTACK_ENDPOINT").expect("TEST_MINISTACK_ENDPOINT says where the emulator is, as http://localhost:4566")
}

fn clients() -> Arc<Clients> {
    Arc::new(Clients::at(&endpoint()))
}

/// A name that no other test and no earlier run has.
fn unique(name: &str) -> String {
    let mut chance = [0; 8];
    SystemEntropy.fill(&mut chance);
    format!("{name}-{:016x}", u64::from_le_bytes(chance))
}

/// What the emulator shows of itself.
async fn shown(path: &str) -> serde_json::Value {
    let url = format!("{}{path}", endpoint());
    tokio::task::spawn_blocking(move || ureq::get(&url).call().unwrap().body_mut().read_json().unwrap()).await.unwrap()
}
