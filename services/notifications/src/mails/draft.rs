//! What a consumer wants to be mailed.

use contracts::OrderRef;
use kernel::{Email, EventId, OrderId, UserId};
use ports::reads::{Account, OrderSummary};
use serde::{Deserialize, Serialize};

use super::Message;
use crate::App;

/// The order that a mail is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderName {
    pub id: OrderId,
    pub number: String,
    /// A guest's link holds a token, which is asked for when it is needed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub guest: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    pub to: Email,
    pub message: Message,
    pub order: Option<OrderName>,
    pub user_id: Option<UserId>,
    /// What the mail is written once about, if not the event: something that several events report.
    pub once_about: Option<EventId>,
}

impl Draft {
    pub fn to(email: &Email, message: Message) -> Self {
        Self { to: email.clone(), message, order: None, user_id: None, once_about: None }
    }

    pub fn to_house(app: &App, message: Message) -> Self {
        Self::to(&app.shared.config.admin_email, message)
    }

    pub fn to_accounts(accounts: &[Account], message: &Message) -> Vec<Self> {
        accounts.iter().map(|account| Self { user_id: Some(account.id), ..Self::to(&account.email, message.clone()) }).collect()
    }

    pub fn to_customer(order: &OrderRef, message: Message) -> Self {
        Self { user_id: order.customer_id, ..Self::to(&order.email, message) }.about(order)
    }

    pub fn to_customer_of(order: &OrderSummary, message: Message) -> Self {
        Self { user_id: order.customer_id, ..Self::to(&order.email, message) }.about(order)
    }

    pub fn about(self, order: impl Into<OrderName>) -> Self {
        Self { order: Some(order.into()), ..self }
    }
}

impl From<&OrderRef> for OrderName {
    fn from(order: &OrderRef) -> Self {
        Self { id: order.order_id, number: order.number.clone(), guest: order.customer_id.is_none() }
    }
}

impl From<&OrderSummary> for OrderName {
    fn from(order: &OrderSummary) -> Self {
        Self { id: order.id, number: order.number.clone(), guest: order.customer_id.is_none() }
    }
}
