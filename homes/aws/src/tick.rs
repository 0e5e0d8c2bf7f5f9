//! Schedules: a timer says which one is due. A tick that fails is tried again by the timer.

use std::sync::Arc;
use std::time::Instant;

use kernel::Problem;
use serde::Deserialize;
use shell::{Runtime, Service, find_schedule, tick};

use crate::invocation::Invocations;

/// `{"schedule":"orders.expire"}`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Tick {
    pub schedule: String,
}

pub struct TickFunction {
    runtime: Arc<Runtime>,
    services: Vec<Service>,
    invocations: Invocations,
}

impl TickFunction {
    pub fn new(runtime: Arc<Runtime>, service: Service, invocations: Invocations) -> Self {
        Self { runtime, services: vec![service], invocations }
    }

    pub async fn run(&self, due: &Tick) -> Result<(), Problem> {
        let begun = Instant::now();
        let result = match find_schedule(&self.services, &due.schedule) {
            Some(schedule) => tick(&self.runtime, schedule).await,
            None => Err(Problem::not_found(format_args!("schedule {}", due.schedule))),
        };
        if let Err(problem) = &result {
            tracing::error!(schedule = due.schedule, %problem, "a tick failed");
        }
        self.invocations.write([self.invocations.measure(begun, result.is_err())]);
        result
    }
}
