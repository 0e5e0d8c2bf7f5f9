//! HTTP: what a handler is given and gives, and what surrounds all handlers.

mod access;
mod answers;
mod caller;
mod client;
mod document;
mod edge;
mod extract;
mod heeds;
mod limits;
mod listing;
mod merge_patch;
mod misfit;
mod operation;
mod page;
mod paths;
mod reply;
mod request_context;
mod route;
mod rows;
mod schemas;
mod server;
mod wrappers;

pub use access::Access;
pub use caller::{Admin, Anyone, Caller, SignedIn, Staff};
pub use client::{Client, client_address};
pub(crate) use document::{describe, json as document_json};
pub use edge::set_client;
pub(crate) use edge::{Edge, wrap};
pub use extract::{Json, LargeBody, Path, Query};
pub use heeds::{Heeds, Version};
#[doc(hidden)]
pub use kernel::Code;
pub use limits::LimitsConfig;
pub use listing::{Listing, NoFilter, Paging, id_list};
pub use merge_patch::MergePatch;
pub use operation::{FirstArgument, Operation, described_operation};
pub use page::{Form, PAGE_POLICY, PAGE_STYLE, PageAnswer, PageFailure, escape, is_same_origin, link, page, time};
pub(crate) use paths::described;
pub use reply::{Failure, HandlerResult, Reply};
pub use request_context::RequestContext;
pub(crate) use request_context::key_reused;
pub use rows::{ROWS_MAX, RowAnswer, RowAnswers};
pub(crate) use server::serve;
#[doc(hidden)]
pub use utoipa_axum;
pub use utoipa_axum::router::OpenApiRouter;
pub use wrappers::{MayWait, Tagged, Unrecorded, VersionRequired, Versioned};
