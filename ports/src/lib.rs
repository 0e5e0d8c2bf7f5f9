//! The narrow waist: what the services need from the world, as traits. Adapters implement them;
//! the shell and the services only know what stands here.

mod blobs;
mod clock;
mod gateway;
mod log;
mod mailer;
mod personal_data;
mod queues;
pub mod reads;
pub mod search;
mod sms;
pub mod store;
mod user_pool;

pub use blobs::{Blob, BlobError, Blobs, DirectUpload, check_blob_name};
pub use clock::{Clock, Entropy, FixedEntropy, ManualClock, SystemClock, SystemEntropy};
pub use gateway::{Authorization, GatewayError, GatewayPayment, GatewayRefund, PaymentGateway, RefundState};
pub use log::{EventLog, LogPage, LoggedEvent, Position, Unreadable, check_log_limit};
pub use mailer::{Mail, MailError, Mailer};
pub use personal_data::{Person, PersonalData};
pub use queues::{Content, DeadLetter, DeadLetterId, QueueStatus, Queues, REDRIVEN_MAX};
pub use search::Search;
pub use sms::{NoSms, PhoneNumber, PhoneNumberError, Sms, SmsError, TEXT_CHARS_MAX};
pub use store::Store;
pub use user_pool::{Enrolled, PoolError, PoolTokens, PublicKeys, UserPool, subject_of_user, user_of_subject};
