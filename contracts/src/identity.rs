//! Events of identity. No secret travels in an event: links in mails are made from the `serial`
//! by the identity service when the mail is written.

use kernel::{Email, UserId};
use serde::{Deserialize, Serialize};

/// Somebody registered the address of an account whose address is verified. Nothing has changed, and its owner is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisteredAgain {
    pub user_id: UserId,
    pub email: Email,
    pub name: String,
    /// Of the link to set the password, should it be forgotten.
    pub serial: u32,
}

/// A verification mail is wanted: at registration, on request, or after a change of address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerificationRequested {
    pub user_id: UserId,
    pub email: Email,
    pub name: String,
    /// Only the link made from the latest serial works.
    pub serial: u32,
}

/// Somebody who reads mails to the address followed a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserVerified {
    pub user_id: UserId,
    pub email: Email,
    pub name: String,
    /// And proved that the account is theirs. Only then is what a guest left under the address the account's.
    pub proven: bool,
    /// The account's first address, verified by the person and not by the operator: they are greeted.
    pub first: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordResetRequested {
    pub user_id: UserId,
    pub email: Email,
    pub name: String,
    pub serial: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserDisabled {
    pub user_id: UserId,
    pub reason: String,
}

/// The person had their account erased. Whoever keeps personal data of theirs forgets it now; what the law wants kept
/// stays without the person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserErased {
    pub user_id: UserId,
    /// The address, if it was proven to be the person's own: what was kept of them as a guest is found by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Email>,
}
