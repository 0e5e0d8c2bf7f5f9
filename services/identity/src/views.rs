//! What clients see of accounts.

use kernel::{BusinessId, Email, Role, SessionId, Timestamp, UserId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::addresses::{AddressBook, Entry};
use crate::session::Session;
use crate::user::{Status, User};

/// One's own account.
#[derive(Serialize, ToSchema)]
pub struct ProfileView {
    pub id: UserId,
    pub email: Email,
    pub email_verified: bool,
    /// The address that takes over once it is verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending_email: Option<Email>,
    pub name: String,
    pub telephone: String,
    pub roles: Vec<Role>,
    pub businesses: Vec<BusinessId>,
    pub created_at: Timestamp,
}

impl ProfileView {
    pub fn of(user: &User) -> Self {
        Self {
            id: user.id,
            email: user.email.clone(),
            email_verified: user.email_verified,
            pending_email: user.pending_email.clone(),
            name: user.name.clone(),
            telephone: user.telephone.clone(),
            roles: user.roles.clone(),
            businesses: user.businesses.clone(),
            created_at: user.created_at,
        }
    }
}

/// An account as admins and support see it.
#[derive(Serialize, ToSchema)]
pub struct UserView {
    #[serde(flatten)]
    pub profile: ProfileView,
    pub status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled_reason: Option<String>,
}

impl UserView {
    pub fn of(user: &User) -> Self {
        Self { profile: ProfileView::of(user), status: user.status, disabled_reason: user.disabled_reason.clone() }
    }
}

#[derive(Serialize, ToSchema)]
pub struct AddressBookView<'a> {
    pub items: &'a [Entry],
}

impl<'a> AddressBookView<'a> {
    pub fn of(book: Option<&'a AddressBook>) -> Self {
        Self { items: book.map(|book| book.entries.as_slice()).unwrap_or_default() }
    }
}

#[derive(Serialize)]
pub struct SessionView {
    id: SessionId,
    started_at: Timestamp,
    refreshed_at: Timestamp,
    expires_at: Timestamp,
    /// Signed out.
    revoked: bool,
}

impl SessionView {
    pub fn of(session: &Session) -> Self {
        let Session { id, started_at, refreshed_at, expires_at, revoked, .. } = *session;
        Self { id, started_at, refreshed_at, expires_at, revoked }
    }
}

/// The same for every address, known or not.
#[derive(Serialize, ToSchema)]
pub struct MailView {
    #[schema(example = "If the address can be used, a mail is on its way to it.")]
    pub message: &'static str,
}

impl MailView {
    pub const SENT: Self = Self { message: "If the address can be used, a mail is on its way to it." };
}
