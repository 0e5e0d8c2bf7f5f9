//! What search keeps besides the index.
//!
//! | item | pk | sk | read by |
//! |---|---|---|---|
//! | the latest rebuild | `rebuild` | `rebuild` | its key |

use ports::store::{Key, Record, TableSchema};

use crate::rebuild::Rebuild;

pub const TABLE: TableSchema = TableSchema { name: "search", indexes: 0 };

pub fn rebuild_key() -> Key {
    Key::new("rebuild", "rebuild")
}

impl Record for Rebuild {
    fn key(&self) -> Key {
        rebuild_key()
    }
}
