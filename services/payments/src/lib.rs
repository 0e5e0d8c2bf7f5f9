//! Payments: authorized and captured once an order's stock is held and it is said how to pay, given back when it
//! is cancelled. The gateway may be slow, away or silent; the payment then stays open and is settled
//! later, and never charged twice.

pub mod breaker;
mod consumer;
#[cfg(test)]
mod formats;
mod gateway;
mod http;
mod payment;
mod personal_data;
mod settle;
mod storage;

use std::sync::Arc;
use std::time::Duration;

use shell::{Schedule, Service, UnitOfWork};

pub use gateway::{GuardOptions, GuardedGateway};
pub use personal_data::Reads;
pub use storage::TABLE;

/// The schedule that asks the gateway about what is open, and the cause of what it does.
pub const SETTLE: &str = "payments.settle";

#[derive(Clone)]
struct App {
    work: UnitOfWork,
    gateway: Arc<GuardedGateway>,
}

/// The service. The gateway's guard is shared: whoever else calls the gateway should do it through it.
pub fn service(work: &UnitOfWork, gateway: Arc<GuardedGateway>) -> Service {
    let app = App { work: work.clone(), gateway };
    let settle = Schedule::new(SETTLE, Duration::from_secs(1), app.clone(), async |app| settle::settle_due(&app).await);
    Service::new(work).consumer(consumer::consumer(app.clone())).schedule(settle).routes(http::routes(app))
}
