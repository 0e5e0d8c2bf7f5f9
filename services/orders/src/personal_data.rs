//! What orders keep of a person: those of the account, and those of a guest under the address.

use async_trait::async_trait;
use kernel::{OrderId, Problem};
use ports::reads::PersonOrderReads;
use ports::store::Stored;
use ports::{Person, PersonalData};
use serde_json::{Value, json};

use crate::order::{Order, Party};
use crate::reads::Reads;
use crate::storage;
use crate::views::{OrderView, TimelineView};

#[async_trait]
impl PersonalData for Reads {
    async fn export(&self, person: &Person) -> Result<Value, Problem> {
        let view =
            |order: Stored<Order>| json!({ "order": OrderView::whole(&order), "timeline": TimelineView::of(&order, Party::Customer) });
        let orders: Vec<Value> = self.all_of(person).await?.into_iter().map(view).collect();
        Ok(if orders.is_empty() { Value::Null } else { json!({ "orders": orders }) })
    }
}

#[async_trait]
impl PersonOrderReads for Reads {
    async fn orders_of(&self, person: &Person) -> Result<Vec<OrderId>, Problem> {
        Ok(self.all_of(person).await?.iter().map(|order| order.id).collect())
    }
}

impl Reads {
    async fn all_of(&self, person: &Person) -> Result<Vec<Stored<Order>>, Problem> {
        let mut orders = Vec::new();
        let guests = person.verified_email.iter().map(storage::of_guest);
        for list in std::iter::once(storage::of_customer(person.user_id)).chain(guests) {
            orders.extend(self.table.list_all(list).await?);
        }
        Ok(orders)
    }
}
