//! What Souk uses of AWS besides its tables: events, queues, mails, files, texts, the user pool.
//! A function names what it needs; a client is made when it is first used.

mod bus;
mod clients;
mod error;
mod files;
mod keys;
mod letters;
mod mail;
mod pool;
pub mod queues;
mod text;
pub mod trace;

pub use bus::{Bus, Unpublished};
pub use clients::{Clients, ClientsError};
pub use files::S3Blobs;
pub use keys::PoolKeys;
pub use mail::SesMailer;
pub use pool::CognitoPool;
pub use queues::Queues;
pub use text::SnsSms;
