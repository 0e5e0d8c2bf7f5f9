//! What others may ask of identity.

use std::sync::Arc;

use async_trait::async_trait;
use kernel::{Email, Membership, Problem, Role, Timestamp, UserId};
use ports::reads::{Account, IdentityReads, LinkPurpose, LinkTokens};
use serde::Deserialize;
use shell::{Signer, Table, UnitOfWork};

use crate::storage;
use crate::tokens::Link;
use crate::user::Status;

pub struct Reads {
    pub(crate) table: Table,
}

impl Reads {
    pub fn new(work: &UnitOfWork) -> Self {
        Self { table: work.table().clone() }
    }
}

/// The part of a stored user that an account shows: it is read on every request of a signed-in user.
#[derive(Deserialize)]
struct AccountItem {
    id: UserId,
    email: Email,
    email_verified: bool,
    #[serde(default)]
    email_proven: bool,
    name: String,
    roles: Vec<Role>,
    #[serde(default)]
    businesses: Vec<Membership>,
    status: Status,
    tokens_valid_from: Timestamp,
}

#[async_trait]
impl IdentityReads for Reads {
    async fn account(&self, user: UserId) -> Result<Option<Account>, Problem> {
        let Some(item) = self.table.get_eventual::<AccountItem>(&storage::user_key(user)).await? else {
            return Ok(None);
        };
        let item = item.value;
        Ok(Some(Account {
            id: item.id,
            email: item.email,
            email_verified: item.email_verified,
            email_proven: item.email_proven,
            name: item.name,
            roles: item.roles,
            businesses: item.businesses,
            disabled: match item.status {
                Status::Active => false,
                Status::Disabled | Status::Erased => true,
            },
            tokens_valid_from: item.tokens_valid_from,
        }))
    }
}

/// The links in mails, for those who write them.
pub struct Links {
    signer: Arc<Signer>,
}

impl Links {
    pub fn new(signer: Arc<Signer>) -> Self {
        Self { signer }
    }
}

impl LinkTokens for Links {
    fn link_token(&self, user: UserId, purpose: LinkPurpose, serial: u32) -> String {
        Link { user, serial }.write(&self.signer, purpose)
    }
}
