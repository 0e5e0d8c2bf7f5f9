//! The words that every part of Souk shares: identifiers, money, time, pages, actors, problems.
//! Pure: nothing here reads a clock, waits, or talks to anything.

mod actor;
mod address;
mod backoff;
mod email;
mod geo;
mod id;
mod money;
mod offer;
mod page;
mod problem;
mod rating;
mod slug;
mod stock;
mod text;
mod time;
mod trace;
mod wanted;
mod written;

pub use actor::{Actor, Membership, Role, StaffRole};
pub use address::PostalAddress;
pub use backoff::Backoff;
pub use email::Email;
pub use geo::GeoPosition;
pub use id::{AddressId, BusinessId, CartId, CategoryId, EventId, IdError, MailId, OrderId, PaymentId, ProductId, RefundId};
pub use id::{ClaimId, LeadId, ReviewId, SessionId, UploadId, UserId, VariantId, id_schemas, stable_id};
pub use money::{Currency, Money, MoneyError, TaxRate};
pub use offer::{Offer, OfferShown, OptionValue, SellerRef};
pub use page::{Count, Counts, Cursor, Limit, Page};
pub use problem::{Code, FieldError, Problem};
pub use rating::{Rating, ReviewTarget, Stars};
pub use slug::{SLUG_CHARS_MAX, is_slug, slugify};
pub use stock::StockState;
pub use text::{Line, Paragraph, TextError, is_unseen};
pub use time::{Duration, Timestamp};
pub use trace::{TraceParent, TraceParentError};
pub use wanted::WantedWords;
