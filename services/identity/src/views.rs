//! What clients see of accounts.

use kernel::{Email, Membership, Role, SessionId, Timestamp, UserId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::addresses::{AddressBook, Entry};
use crate::session::{Origin, Session};
use crate::user::{Status, User};

/// One's own account.
#[derive(Serialize, ToSchema)]
pub struct ProfileView {
    pub id: UserId,
    pub email: Email,
    /// Mails arrive there: somebody has followed a link.
    pub email_verified: bool,
    /// The link was followed by whoever could also sign in. What a guest ordered under the address is in the account then.
    pub email_proven: bool,
    /// The address that takes over once it is verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending_email: Option<Email>,
    pub name: String,
    pub telephone: String,
    pub roles: Vec<Role>,
    pub businesses: Vec<Membership>,
    pub created_at: Timestamp,
}

impl ProfileView {
    pub fn of(user: &User) -> Self {
        Self {
            id: user.id,
            email: user.email.clone(),
            email_verified: user.email_verified,
            email_proven: user.email_proven,
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

/// A sign-in that still counts.
#[derive(Serialize, ToSchema)]
pub struct SessionView {
    pub id: SessionId,
    /// As far as the client has named itself.
    #[schema(example = "Firefox on Windows")]
    pub device: String,
    /// From where the person signed in, without the last part of the address.
    #[schema(example = "203.0.113.0/24")]
    pub network: String,
    pub created_at: Timestamp,
    /// When its tokens were last refreshed.
    pub last_used_at: Timestamp,
    pub expires_at: Timestamp,
    /// Whether this request belongs to it.
    pub current: bool,
}

impl SessionView {
    pub fn of(session: &Session, current: Option<SessionId>) -> Self {
        let Session { id, started_at: created_at, refreshed_at: last_used_at, expires_at, .. } = *session;
        let Origin { device, network } = session.origin.clone();
        Self { id, device, network, created_at, last_used_at, expires_at, current: current == Some(id) }
    }
}

/// The same for every address, known or not.
#[derive(Serialize, ToSchema)]
#[schema(as = MailAccepted)]
pub struct MailView {
    #[schema(example = "If the address can be used, a mail is on its way to it.")]
    pub message: &'static str,
}

impl MailView {
    pub const SENT: Self = Self { message: "If the address can be used, a mail is on its way to it." };
}
