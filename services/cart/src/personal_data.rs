//! What the cart service keeps of a person: the customer's current cart. Carts of guests and older ones lead to nobody, and
//! expire.

use async_trait::async_trait;
use kernel::Problem;
use ports::{Person, PersonalData};
use serde_json::{Value, json};

use crate::reads::Reads;
use crate::storage;
use crate::views::CartView;

#[async_trait]
impl PersonalData for Reads {
    async fn export(&self, person: &Person) -> Result<Value, Problem> {
        match storage::mine(&self.table, person.user_id).await?.cart {
            Some(cart) => Ok(json!({ "carts": [CartView::remembered(cart.value)?] })),
            None => Ok(Value::Null),
        }
    }
}
