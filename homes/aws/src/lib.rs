//! The home on AWS: tables in DynamoDB, events over EventBridge (and SQS, if wanted), files in S3, mail over SES,
//! tokens of Cognito. A function serves one service in one role; `settings.rs` says how it is told.
//!
//! | role | file | is called by | does |
//! |---|---|---|---|
//! | `api` | `api.rs` | API Gateway or a load balancer | answers a request |
//! | `relay` | `relay.rs` | the table's stream | publishes the events of new commits |
//! | `events` | `events.rs` | the bus, or the consumers' queues | delivers events |
//! | `tick` | `tick.rs` | a timer | runs a schedule |

mod api;
mod emf;
mod events;
mod home;
mod invocation;
mod relay;
mod secrets;
mod settings;
mod tick;

pub use api::ApiFunction;
pub use emf::{Metrics, Unit};
pub use events::EventsFunction;
pub use home::Home;
pub use invocation::Invocations;
pub use relay::{RelayFunction, StreamEvent};
pub use settings::{Delivery, Role, Settings, UserPool};
pub use tick::{Tick, TickFunction};
