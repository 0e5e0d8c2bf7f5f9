//! Events of inventory.

use kernel::{BusinessId, OrderId, ProductId, StockState, VariantId};
use serde::{Deserialize, Serialize};

use crate::{OrderRef, PaymentTry};

/// Every line of the order is held for it, until it is shipped or cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockReserved {
    #[serde(flatten)]
    pub order: OrderRef,
    /// What the order asked to be paid with when it was placed: payments go on with it, without a word from orders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment: Option<PaymentTry>,
}

/// A line that could not be held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShortLine {
    pub variant_id: VariantId,
    pub sku: String,
    pub wanted: u32,
    pub available: u32,
}

/// Nothing was held, because of these lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockRefused {
    pub order_id: OrderId,
    pub short: Vec<ShortLine>,
}

/// Available stock fell to the threshold or below it; told once per crossing. And it is gone: told whenever the last piece
/// is promised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockLow {
    pub variant_id: VariantId,
    /// Unknown where the catalog has not said it yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seller_id: Option<BusinessId>,
    pub sku: String,
    pub title: String,
    pub available: i64,
    pub threshold: i64,
}

/// What customers are told of the stock of a variant is different now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockStateChanged {
    pub variant_id: VariantId,
    pub product_id: ProductId,
    pub state: StockState,
    /// Grows by one with each change of the state: a lower one comes late.
    pub revision: i64,
}
