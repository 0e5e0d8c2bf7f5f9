//! Mails about stock.

use contracts::StockLow;
use kernel::BusinessId;

use super::subscription::Mails;
use super::{Draft, Message};
use crate::lookup;

pub fn subscribe(mails: Mails) -> Mails {
    mails.on(|app, _, event: &StockLow| {
        let StockLow { variant_id, seller_id, sku, title, available, threshold } = event.clone();
        Box::pin(async move {
            if let Some(business_id) = seller_id.filter(|seller| *seller != BusinessId::HOUSE) {
                let people = lookup::managers(app, business_id).await?;
                if !people.is_empty() {
                    let business = lookup::business_name(app, business_id).await?;
                    let message = Message::LowStock { business_id, business, variant_id, sku, title, available, threshold };
                    return Ok(Draft::to_accounts(&people, &message));
                }
            }
            // What nobody else can be told of, the house sees to.
            Ok(vec![Draft::to_house(app, Message::LowStockToAdmin { variant_id, sku, title, available, threshold })])
        })
    })
}
