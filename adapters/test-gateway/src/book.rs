//! The gateway's book: its items, where they are kept, and the ledger of everything that took effect.
//!
//! - a payment: `payment#<id>` / `payment`
//! - the mark of a request that was lost on the way: `payment#<id>` / `lost`
//! - a refund: `refund#<id>` / `refund`, by itself so that its id counts for one payment only
//! - an operation: `payment#<id>` / `operation#<kind>[#<refund>]`; index 1, `operations`: by time
//!
//! An operation is put only where there is none, in the commit of the change it tells of, and nothing
//! writes over or deletes one.

use std::sync::Arc;

use contracts::GatewayState;
use kernel::{Cursor, Money, Page, PaymentId, RefundId, Timestamp};
use ports::store::{
    Commit, CommitError, Consistency, Expect, IndexEntry, Item, Key, Query, Record, Store, StoreError, Stored, TableSchema, Write,
};
use ports::{GatewayError, GatewayPayment, GatewayRefund, RefundState};
use serde::{Deserialize, Serialize};

use crate::cards::{self, Behaviour};

/// The gateway's table. In every home it is apart from the tables of the shop.
pub const TABLE: TableSchema = TableSchema { name: "test-gateway", indexes: 1 };

const BY_TIME: u8 = 1;
const OPERATIONS: &str = "operations";

/// What became of a payment. `state` and `code` are words of their own, readable in the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub(crate) enum State {
    RequiresAction,
    Authorized,
    Captured,
    Voided,
    Declined { code: String },
}

/// A payment as the book holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Payment {
    pub id: PaymentId,
    pub amount: Money,
    /// One of the documented numbers; absent for a payment that was voided before it was seen.
    pub card: Option<String>,
    /// What the payment is for: the order's number.
    pub reference: String,
    /// Where the page on which the customer answers sends them back to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_url: Option<String>,
    #[serde(flatten)]
    pub state: State,
    /// Sum of the settled refunds.
    pub refunded: Money,
    pub at: Timestamp,
}

impl Payment {
    pub fn behaviour(&self) -> Option<Behaviour> {
        self.card.as_deref().and_then(cards::find).map(|card| card.behaviour)
    }

    /// As the gateway answers it; `action_page` is where the customer confirms.
    pub fn view(&self, action_page: &str) -> GatewayPayment {
        let state = match &self.state {
            State::RequiresAction => {
                GatewayState::RequiresAction { action_url: format!("{}/{}", action_page.trim_end_matches('/'), self.id) }
            }
            State::Authorized => GatewayState::Authorized,
            State::Captured => GatewayState::Captured,
            State::Voided => GatewayState::Voided,
            State::Declined { code } => GatewayState::Declined { code: code.clone(), message: message_of(code).into() },
        };
        GatewayPayment { payment_id: self.id, amount: self.amount, state, refunded: self.refunded, at: self.at }
    }
}

impl Record for Payment {
    fn key(&self) -> Key {
        payment_key(self.id)
    }
}

fn message_of(code: &str) -> &'static str {
    match code {
        "insufficient_funds" => "The card has insufficient funds.",
        "authentication_failed" => "The customer did not confirm the payment.",
        _ => "The card was declined.",
    }
}

/// The mark of an authorization that was lost on the way.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Lost {
    pub payment_id: PaymentId,
}

impl Record for Lost {
    fn key(&self) -> Key {
        lost_key(self.payment_id)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refund {
    pub id: RefundId,
    pub payment_id: PaymentId,
    pub amount: Money,
    pub state: RefundState,
    pub at: Timestamp,
}

impl Refund {
    pub fn view(&self) -> GatewayRefund {
        GatewayRefund { refund_id: self.id, amount: self.amount, state: self.state }
    }
}

impl Record for Refund {
    fn key(&self) -> Key {
        refund_key(self.id)
    }
}

/// One entry of the ledger: something that took effect, exactly once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    pub kind: OperationKind,
    pub payment_id: PaymentId,
    pub refund_id: Option<RefundId>,
    pub amount: Money,
    /// What the payment was for: the order's number. Empty where the payment was never seen.
    pub reference: String,
    pub at: Timestamp,
}

/// In the order in which they can happen to one payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationKind {
    Authorize,
    Capture,
    Void,
    Refund,
}

impl OperationKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Authorize => "authorize",
            Self::Capture => "capture",
            Self::Void => "void",
            Self::Refund => "refund",
        }
    }
}

impl Record for Operation {
    fn key(&self) -> Key {
        let refund = self.refund_id.map(|id| format!("#{id}")).unwrap_or_default();
        Key::new(partition(self.payment_id), format!("operation#{}{refund}", self.kind.as_str()))
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        let refund = self.refund_id.map(|id| format!("#{id}")).unwrap_or_default();
        let place = format!("{:015}#{}#{}{refund}", self.at.as_millis(), self.payment_id, self.kind as u8);
        vec![IndexEntry::new(BY_TIME, OPERATIONS, place)]
    }
}

fn partition(id: PaymentId) -> String {
    format!("payment#{id}")
}

fn payment_key(id: PaymentId) -> Key {
    Key::new(partition(id), "payment")
}

pub(crate) fn lost_key(id: PaymentId) -> Key {
    Key::new(partition(id), "lost")
}

pub(crate) fn refund_key(id: RefundId) -> Key {
    Key::new(format!("refund#{id}"), "refund")
}

/// The book in a store.
pub(crate) struct Book {
    table: Arc<dyn Store>,
}

impl Book {
    pub fn new(table: Arc<dyn Store>) -> Self {
        Self { table }
    }

    pub async fn payment(&self, id: PaymentId) -> Result<Option<Stored<Payment>>, GatewayError> {
        read(self.table.get(&payment_key(id), Consistency::Strong).await.map_err(unreadable)?.value)
    }

    /// A payment and one more item.
    pub async fn payment_and<T: Record>(
        &self,
        id: PaymentId,
        other: Key,
    ) -> Result<(Option<Stored<Payment>>, Option<Stored<T>>), GatewayError> {
        let items = self.table.get_many(&[payment_key(id), other], Consistency::Strong).await.map_err(unreadable)?;
        let mut items = items.value.into_iter();
        Ok((read(items.next().flatten())?, read(items.next().flatten())?))
    }

    /// Writes all of it; false if the state has moved since it was read. Another failure leaves it
    /// unknown whether it took effect.
    pub async fn keep(&self, writes: Vec<Write>) -> Result<bool, GatewayError> {
        match self.table.commit(Commit { writes, ..Commit::default() }).await {
            Ok(_) => Ok(true),
            Err(CommitError::Conflict(_)) => Ok(false),
            Err(error @ (CommitError::Repeated(_) | CommitError::Store(_))) => {
                tracing::error!(%error, "the test gateway could not keep its book");
                Err(GatewayError::Unknown(format!("the test gateway could not keep its book: {error}")))
            }
        }
    }

    /// A page of the ledger, oldest first. `limit`: 1 to 1000.
    pub async fn operations(&self, after: Option<Cursor>, limit: usize) -> Result<Page<Operation>, GatewayError> {
        let query = Query::index(BY_TIME, OPERATIONS).limit(limit).after(after);
        let page = self.table.query(&query).await.map_err(unreadable)?.value;
        let items = page.items.into_iter().map(|item| item.body.read().map_err(unreadable)).collect::<Result<_, _>>()?;
        Ok(Page { items, next: page.next })
    }
}

fn read<T: Record>(item: Option<Item>) -> Result<Option<Stored<T>>, GatewayError> {
    item.map(Stored::try_from).transpose().map_err(unreadable)
}

fn unreadable(error: StoreError) -> GatewayError {
    tracing::error!(%error, "the test gateway could not read its book");
    GatewayError::Unavailable(format!("the test gateway could not read its book: {error}"))
}

/// Puts a record whose version was read, or a new one.
pub(crate) fn put(record: &impl Record, version: Option<u64>) -> Result<Write, GatewayError> {
    let item = record.to_item().map_err(|error| GatewayError::Invalid(error.to_string()))?;
    Ok(Write::Put { item, expect: version.map_or(Expect::Absent, Expect::Version) })
}
