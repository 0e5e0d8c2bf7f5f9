//! HTTP: what a handler is given and gives, and what surrounds all handlers.

mod call;
mod document;
mod edge;
mod extract;
mod limits;
mod page;
mod reply;
mod server;

pub use call::{Call, page_limit};
pub(crate) use document::{describe, pages as document_pages};
pub(crate) use edge::{Edge, wrap};
pub use extract::{Json, Path, Query};
pub use limits::LimitsConfig;
pub use page::{Form, PAGE_POLICY, PAGE_STYLE, PageAnswer, PageFailure, escape, link, page, time};
pub use reply::{Answer, Failure, Reply};
pub(crate) use server::serve;
