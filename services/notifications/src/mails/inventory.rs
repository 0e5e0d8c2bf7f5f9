//! Mails about stock.

use contracts::StockLow;
use kernel::VariantId;
use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantNames};

use super::{About, Reader};
use crate::consumer::{Mails, drafts};
use crate::draft::Draft;
use crate::links::Link;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr, VariantNames)]
#[serde(tag = "mail", rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum InventoryMail {
    LowStockToAdmin { variant_id: VariantId, sku: String, available: i64, threshold: i64 },
}

impl InventoryMail {
    pub fn about(&self) -> About {
        match *self {
            Self::LowStockToAdmin { variant_id, .. } => {
                About::new(Reader::House, "Tells the admin that a variant is running out.").link(Link::AdminStock(variant_id))
            }
        }
    }

    pub fn samples() -> Vec<Self> {
        vec![Self::LowStockToAdmin { variant_id: 7.into(), sku: "POT-CLAY-L".into(), available: 2, threshold: 5 }]
    }
}

pub fn subscribe(mails: Mails) -> Mails {
    mails.on(|app, _, event: &StockLow| {
        let StockLow { variant_id, available, threshold, .. } = *event;
        drafts([Draft::to_house(app, InventoryMail::LowStockToAdmin { variant_id, sku: event.sku.clone(), available, threshold })])
    })
}
