//! The narrow waist: what the services need from the world, as traits. Adapters implement them;
//! the shell and the services only know what stands here.

mod blobs;
mod gateway;
mod log;
mod mailer;
pub mod reads;
pub mod store;
mod world;

pub use blobs::{Blob, BlobError, Blobs, check_blob_name};
pub use gateway::{Authorization, GatewayError, GatewayPayment, GatewayRefund, GatewayState, PaymentGateway, RefundState};
pub use log::{EventLog, LogPage, LoggedEvent, Position, check_log_limit};
pub use mailer::{Mail, MailError, Mailer};
pub use store::Store;
pub use world::{Clock, Entropy, FixedEntropy, ManualClock, SystemClock, SystemEntropy};
