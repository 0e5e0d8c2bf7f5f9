//! Under which name reads, writes and events are counted. The store says what each takes in the units in
//! which DynamoDB bills them (`ports::store::units`), so that the bill of the cloud home can be told from a
//! run of any home.

tokio::task_local! {
    /// What this task is doing, as the counters name it: `POST /orders`, `event > inventory`.
    pub(crate) static OPERATION: std::sync::Arc<str>;
}

pub(crate) fn operation() -> std::sync::Arc<str> {
    OPERATION.try_with(Clone::clone).unwrap_or_else(|_| "other".into())
}
