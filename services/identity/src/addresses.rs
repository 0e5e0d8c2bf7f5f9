//! A user's address book. Unless it is empty, exactly one entry is the default.

use contracts::Decision;
use kernel::{AddressId, Code, PostalAddress, Problem, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub const ADDRESSES_MAX: usize = 50;

/// The whole book is one item: it is small, and its default is one of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressBook {
    pub user_id: UserId,
    pub entries: Vec<Entry>,
}

/// An address with its place in the book.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = AddressEntry)]
pub struct Entry {
    pub id: AddressId,
    pub address: PostalAddress,
    pub is_default: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressBookError {
    #[error("an address book holds at most {ADDRESSES_MAX} addresses")]
    Full,
    #[error("there is no such address")]
    Unknown,
}

impl From<AddressBookError> for Problem {
    fn from(error: AddressBookError) -> Self {
        match error {
            AddressBookError::Full => Self::new(Code::Conflict, error.to_string()),
            AddressBookError::Unknown => Self::new(Code::NotFound, error.to_string()),
        }
    }
}

impl AddressBook {
    pub fn empty(user_id: UserId) -> Self {
        Self { user_id, entries: Vec::new() }
    }

    pub fn entry(&self, id: AddressId) -> Result<&Entry, AddressBookError> {
        self.entries.iter().find(|entry| entry.id == id).ok_or(AddressBookError::Unknown)
    }

    /// The first address is the default, whatever is asked.
    pub fn add(mut self, id: AddressId, address: PostalAddress, is_default: bool) -> Result<Decision<Self>, AddressBookError> {
        if self.entries.iter().any(|entry| entry.id == id) {
            return Ok(Decision::unchanged(self));
        }
        if self.entries.len() >= ADDRESSES_MAX {
            return Err(AddressBookError::Full);
        }
        let is_default = is_default || self.entries.is_empty();
        self.entries.push(Entry { id, address, is_default: false });
        if is_default {
            self.make_default(id);
        }
        Ok(Decision::changed(self))
    }

    /// The default stays the default until another one is made it.
    pub fn replace(mut self, id: AddressId, address: PostalAddress, is_default: bool) -> Result<Decision<Self>, AddressBookError> {
        let before = self.entries.clone();
        let entry = self.entries.iter_mut().find(|entry| entry.id == id).ok_or(AddressBookError::Unknown)?;
        entry.address = address;
        if is_default {
            self.make_default(id);
        }
        Ok(if self.entries == before { Decision::unchanged(self) } else { Decision::changed(self) })
    }

    /// The oldest of the others takes over from a default that goes.
    pub fn remove(mut self, id: AddressId) -> Decision<Self> {
        let Some(index) = self.entries.iter().position(|entry| entry.id == id) else {
            return Decision::unchanged(self);
        };
        let removed = self.entries.remove(index);
        if removed.is_default
            && let Some(first) = self.entries.first_mut()
        {
            first.is_default = true;
        }
        Decision::changed(self)
    }

    fn make_default(&mut self, id: AddressId) {
        for entry in &mut self.entries {
            entry.is_default = entry.id == id;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn address(name: &str) -> PostalAddress {
        PostalAddress {
            name: name.into(),
            street_address: "Marienplatz 8".into(),
            extended_address: String::new(),
            postal_code: "80331".into(),
            address_locality: "München".into(),
            address_region: String::new(),
            address_country: "DE".into(),
            telephone: String::new(),
        }
    }

    fn default_of(book: &AddressBook) -> Vec<u128> {
        book.entries.iter().filter(|entry| entry.is_default).map(|entry| entry.id.0).collect()
    }

    #[test]
    fn one_address_is_the_default() {
        let book = AddressBook::empty(1.into()).add(1.into(), address("a"), false).unwrap().into_state();
        assert_eq!(default_of(&book), [1]);
        let book = book.add(2.into(), address("b"), false).unwrap().into_state().add(3.into(), address("c"), true).unwrap().into_state();
        assert_eq!(default_of(&book), [3]);
        let book = book.replace(2.into(), address("d"), true).unwrap().into_state();
        assert_eq!((default_of(&book), book.entry(2.into()).unwrap().address.name.as_str()), (vec![2], "d"));
        let book = book.remove(2.into()).into_state();
        assert_eq!(default_of(&book), [1]);
    }

    #[test]
    fn repeats_and_refusals() {
        let book = AddressBook::empty(1.into()).add(1.into(), address("a"), true).unwrap().into_state();
        assert!(!book.clone().add(1.into(), address("a"), true).unwrap().is_changed());
        assert!(!book.clone().replace(1.into(), address("a"), false).unwrap().is_changed());
        assert!(!book.clone().remove(9.into()).is_changed());
        assert_eq!(book.clone().replace(9.into(), address("a"), false), Err(AddressBookError::Unknown));
        let full = (2..=50).fold(book, |book, id| book.add(AddressId(id), address("x"), false).unwrap().into_state());
        assert_eq!(full.add(51.into(), address("x"), false), Err(AddressBookError::Full));
    }

    proptest! {
        #[test]
        fn exactly_one_default_unless_empty(steps in prop::collection::vec((0_u8..3, 0_u128..6, any::<bool>()), 0..40)) {
            let mut book = AddressBook::empty(1.into());
            for (step, id, is_default) in steps {
                let before = book.clone();
                book = match step {
                    0 => book.add(id.into(), address("a"), is_default).unwrap().into_state(),
                    1 => book.replace(id.into(), address("b"), is_default).map_or(before, |decision| decision.into_state()),
                    _ => book.remove(id.into()).into_state(),
                };
                prop_assert_eq!(default_of(&book).len(), usize::from(!book.entries.is_empty()));
            }
        }
    }
}
