//! The embedded home: one process, SQLite, files on disk, SMTP, the built-in issuer, the test gateway.

mod api_page;
mod home;
mod pictures;
mod secrets;
mod upkeep;

pub use home::{Home, backup, check_config};
pub use pictures::{PictureFetcher, Reach};
