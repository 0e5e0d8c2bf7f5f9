//! What identity keeps of a person: a copy of it, and its erasure.

use async_trait::async_trait;
use kernel::{Problem, UserId};
use ports::store::{Record as _, Stored};
use ports::{Person, PersonalData};
use serde_json::{Value, json};
use shell::{Changes, DecisionContext, UnitOfWork};

use crate::addresses::AddressBook;
use crate::reads::Reads;
use crate::session::Session;
use crate::storage;
use crate::user::{Status, User};
use crate::views::{AddressBookView, ProfileView, SessionView};

/// Sessions that a copy shows, the latest.
const SESSIONS_SHOWN_MAX: usize = 1000;
/// Sessions that are deleted together.
const PAGE: usize = 50;
const PAGES_MAX: usize = 1000;

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
            "sessions": sessions.iter().map(|session| SessionView::of(session)).collect::<Vec<_>>(),
        }))
    }
}

/// Deletes the sessions of an account that has been erased; the person and the address book went with it.
pub async fn forget(work: &UnitOfWork, id: UserId) -> Result<(), Problem> {
    let load = |_| work.table().list::<Session>(storage::sessions_of(id).limit(PAGE));
    let delete = |page: kernel::Page<Stored<Session>>, _: &DecisionContext| {
        Ok(page.items.iter().fold(Changes::none(), |changes, session| changes.delete(session.key(), session.version)))
    };
    for _ in 0..PAGES_MAX {
        if !work.run_job("identity.forget", load, delete).await? {
            return Ok(());
        }
    }
    Err(Problem::internal("a person has more sessions than can be deleted"))
}
