//! What payments keep of a person. They know no address, so that the person's orders lead to them.

use std::sync::Arc;

use async_trait::async_trait;
use kernel::{Actor, Problem};
use ports::reads::PersonOrderReads;
use ports::{Person, PersonalData};
use serde_json::{Value, json};
use shell::{Table, UnitOfWork};

use crate::http::PaymentView;
use crate::storage;

/// The payments of people.
pub struct Reads {
    table: Table,
    orders: Arc<dyn PersonOrderReads>,
}

impl Reads {
    pub fn new(work: &UnitOfWork, orders: Arc<dyn PersonOrderReads>) -> Self {
        Self { table: work.table().clone(), orders }
    }
}

#[async_trait]
impl PersonalData for Reads {
    async fn export(&self, person: &Person) -> Result<Value, Problem> {
        let mut payments = Vec::new();
        for order in self.orders.orders_of(person).await? {
            let found = storage::of_order(&self.table, order).await?;
            payments.extend(found.iter().map(|payment| json!(PaymentView::of(payment, &Actor::Guest))));
        }
        Ok(if payments.is_empty() { Value::Null } else { json!({ "payments": payments }) })
    }
}
