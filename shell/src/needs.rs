//! What services ask of their homes besides stores, and who of them uses it.

use serde::Serialize;

/// The ways in which a service is run. On AWS each is a function with rights of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceRole {
    /// Answers requests.
    Api,
    /// Takes events.
    Events,
    /// Runs schedules.
    Tick,
}

impl ServiceRole {
    pub const ALL: &'static [Self] = &[Self::Api, Self::Events, Self::Tick];
}

/// What a home may offer besides stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    EventLog,
    Files,
    Gateway,
    Mail,
    Queues,
    SearchIndex,
    SigningKey,
    TimeZones,
    UserPool,
}

/// A resource that a service asks its home for, and the roles that use it: only these get the right to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Need {
    pub resource: Resource,
    pub roles: &'static [ServiceRole],
}
