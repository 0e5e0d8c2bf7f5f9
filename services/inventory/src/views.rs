//! Stock as customers, sellers and staff see it.

use kernel::{BusinessId, ProductId, StockState, VariantId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::stock::StockItem;

#[derive(Serialize, ToSchema)]
pub struct AvailabilityView {
    pub items: Vec<AvailabilityHint>,
}

#[derive(Serialize, ToSchema)]
pub struct AvailabilityHint {
    pub variant_id: VariantId,
    pub state: StockState,
    /// How many are left, only when they are few.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantity: Option<i64>,
}

impl AvailabilityHint {
    pub fn of(variant_id: VariantId, item: Option<&StockItem>) -> Self {
        let state = item.map(StockItem::state).unwrap_or_default();
        let quantity = item.map(|item| item.available).filter(|_| state == StockState::Low);
        Self { variant_id, state, quantity }
    }
}

#[derive(Serialize, ToSchema)]
pub struct StockView {
    pub variant_id: VariantId,
    pub product_id: ProductId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seller_id: Option<BusinessId>,
    pub sku: String,
    pub title: String,
    /// `available + reserved`.
    pub on_hand: i64,
    /// Negative when back-ordered pieces are owed.
    pub available: i64,
    pub reserved: i64,
    pub threshold: i64,
    pub low: bool,
    pub backorder: bool,
    /// What customers are told.
    pub state: StockState,
    /// For If-Match: it grows when a person edits the stock, not with every sale.
    pub version: u64,
}

impl StockView {
    pub fn of(item: &StockItem) -> Self {
        Self {
            variant_id: item.variant_id,
            product_id: item.product_id,
            seller_id: item.seller_id,
            sku: item.sku.clone(),
            title: item.title.clone(),
            on_hand: item.on_hand,
            available: item.available,
            reserved: item.reserved,
            threshold: item.threshold,
            low: item.is_low(),
            backorder: item.backorder == 1,
            state: item.state(),
            version: item.revision.unsigned_abs(),
        }
    }
}
