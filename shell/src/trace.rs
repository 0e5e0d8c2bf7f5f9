//! The trace that this task belongs to. A request brings it or is given one by the edge; the unit of work
//! writes it into the events of a commit; their deliveries go on with it.

use kernel::TraceParent;

use ports::Entropy;

tokio::task_local! {
    static TRACE: Option<TraceParent>;
}

/// Does the work as part of a trace, or of none.
pub async fn within_trace<F: Future>(trace: Option<TraceParent>, work: F) -> F::Output {
    TRACE.scope(trace, work).await
}

pub(crate) fn current() -> Option<TraceParent> {
    TRACE.try_with(|trace| *trace).ok().flatten()
}

/// A trace that begins here.
pub(crate) fn begin(entropy: &dyn Entropy) -> TraceParent {
    TraceParent::from_chance(entropy.bytes())
}
