//! Mails about stock.

use contracts::StockLow;

use super::Message;
use super::subscription::{Mails, to_house};

pub fn subscribe(mails: Mails) -> Mails {
    mails.on(|app, _, event: &StockLow| {
        let StockLow { variant_id, sku, available, threshold } = event.clone();
        to_house(app, Message::LowStockToAdmin { variant_id, sku, available, threshold })
    })
}
