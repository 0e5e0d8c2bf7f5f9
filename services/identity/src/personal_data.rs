//! What identity keeps of a person: a copy of it, and its erasure.

use async_trait::async_trait;
use kernel::{Problem, UserId};
use ports::{Person, PersonalData};
use serde_json::{Value, json};
use shell::UnitOfWork;

use crate::addresses::AddressBook;
use crate::reads::Reads;
use crate::session::Session;
use crate::storage;
use crate::user::{Status, User};
use crate::views::{AddressBookView, ProfileView, SessionView};

/// Sessions that a copy shows, the latest.
const SESSIONS_SHOWN_MAX: usize = 1000;

#[async_trait]
impl PersonalData for Reads {
    async fn export(&self, person: &Person) -> Result<Value, Problem> {
        let (table, id) = (&self.table, person.user_id);
        let user = table.get::<User>(&storage::user_key(id)).await?.filter(|user| user.status != Status::Erased);
        let Some(user) = user else { return Ok(Value::Null) };
        let book = table.get::<AddressBook>(&storage::addresses_key(id)).await?;
        let sessions = table.list::<Session>(storage::sessions_of(id).limit(SESSIONS_SHOWN_MAX)).await?.items;
        Ok(json!({
            "profile": ProfileView::of(&user),
            "addresses": AddressBookView::of(book.as_deref()).items,
            "sessions": sessions.iter().map(|session| SessionView::of(session, None)).collect::<Vec<_>>(),
        }))
    }
}

/// Deletes the sessions of an account that has been erased; the person and the address book went with it.
pub async fn forget(work: &UnitOfWork, id: UserId) -> Result<(), Problem> {
    work.delete_listed("identity.forget", storage::sessions_of(id), |_: &Session| None).await
}
