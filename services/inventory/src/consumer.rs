//! What events of other services mean for stock.

use contracts::{
    CountedVariant, Decision, OrderCancelled, OrderPartCancelled, OrderPlaced, OrderShipped, ProductChanged, ProductStockCounted, StockLow,
    StockReserved,
};
use kernel::{OrderId, Problem, Timestamp};
use ports::store::{Key, Stored};
use shell::{Attempt, Changes, Consumer, DecisionContext, Delivery};

use crate::import::{StockCount, set_stock};
use crate::reservation::{self, Plan, Reservation, ReservationError};
use crate::stock::{Described, StockItem};
use crate::{App, storage};

/// Variants of a product that are looked at in one commit; a new one takes two writes.
const VARIANTS_PER_COMMIT: usize = 45;

pub fn consumer(app: App) -> Consumer<App> {
    Consumer::new("inventory", app)
        .on::<ProductChanged>(|app, delivery, product| Box::pin(describe(app, delivery, product)))
        .on::<ProductStockCounted>(|app, _, counted| Box::pin(count(app, counted)))
        .on::<OrderPlaced>(|app, delivery, placed| Box::pin(place(app, delivery, placed)))
        .on::<OrderCancelled>(|app, delivery, cancelled| {
            let order = cancelled.order.order_id;
            Box::pin(end(app, delivery, order, move |existing, stock, now| reservation::cancel(existing, order, stock, now)))
        })
        .on::<OrderShipped>(|app, delivery, shipped| {
            let ship = |existing: Option<Reservation>, stock: &[StockItem], now| {
                existing.ok_or(ReservationError::NothingHeld)?.ship(&shipped.lines, stock, now)
            };
            Box::pin(end(app, delivery, shipped.order.order_id, ship))
        })
        .on::<OrderPartCancelled>(|app, delivery, cancelled| {
            let release = |existing: Option<Reservation>, stock: &[StockItem], now| {
                existing.ok_or(ReservationError::NothingHeld)?.release(&cancelled.lines, stock, now)
            };
            Box::pin(end(app, delivery, cancelled.order.order_id, release))
        })
        .on::<StockLow>(|app, delivery, low| Box::pin(mark_low(app, delivery, low)))
}

/// One read of the stock and one commit. The reservation, which is kept longer than any event may come again, stands
/// for an inbox here and below: it is in the commit of every shift. Whether the order is known already is looked up
/// only after the first try was refused: a new order is the rule, and the commit finds out anyway.
async fn place(app: &App, delivery: &Delivery, placed: &OrderPlaced) -> Result<(), Problem> {
    let (table, order) = (app.work.table(), placed.order.order_id);
    let lines = reservation::summed(&placed.lines)?;
    let reserved = StockReserved { order: placed.order.clone(), payment: placed.payment.clone() };
    let delivered_before = delivery.attempt > 1 || delivery.replay.is_some();
    let load = async |attempt: Attempt| {
        let existing = if delivered_before || !attempt.is_first() { storage::reservation(table, order).await? } else { None };
        let stock = if existing.is_none() { storage::stock_of(table, &lines).await? } else { Vec::new() };
        Ok((existing, stock))
    };
    app.work
        .handle_event_guarded(delivery, load, |(existing, stock): (Option<Stored<Reservation>>, Vec<StockItem>), context| {
            let version = existing.as_ref().map(|stored| stored.version);
            let existing = existing.map(|stored| stored.value);
            let plan = reservation::place(existing, reserved.clone(), lines.clone(), &stock, context.now);
            storage::plan_changes(version, plan, context.now)
        })
        .await
}

/// The end of what is held for an order.
async fn end(
    app: &App,
    delivery: &Delivery,
    order: OrderId,
    rule: impl Fn(Option<Reservation>, &[StockItem], Timestamp) -> Result<Plan, ReservationError> + Sync,
) -> Result<(), Problem> {
    let decide = |(version, existing, stock): Held, context: &DecisionContext| {
        storage::plan_changes(version, rule(existing, &stock, context.now)?, context.now)
    };
    app.work.handle_event_guarded(delivery, |_| held(app, order), decide).await
}

type Held = (Option<u64>, Option<Reservation>, Vec<StockItem>);

async fn held(app: &App, order: OrderId) -> Result<Held, Problem> {
    let table = app.work.table();
    let Some(stored) = storage::reservation(table, order).await? else { return Ok((None, None, Vec::new())) };
    let stock = if stored.holds() { storage::stock_of(table, &stored.lines).await? } else { Vec::new() };
    Ok((Some(stored.version), Some(stored.value), stock))
}

/// Makes the stock records that are missing and keeps names up to date. Each commit guards itself, so a
/// repetition finds nothing to do.
async fn describe(app: &App, delivery: &Delivery, product: &ProductChanged) -> Result<(), Problem> {
    let (table, sequence) = (app.work.table(), delivery.envelope.sequence);
    let cause = format!("event:{}", delivery.envelope.id);
    for variants in product.variants.chunks(VARIANTS_PER_COMMIT) {
        let keys: Vec<Key> = variants.iter().map(|variant| storage::stock_key(variant.variant_id)).collect();
        let decide = |found: Vec<Option<Stored<StockItem>>>, _: &DecisionContext| {
            let mut changes = Changes::none();
            for (variant, found) in variants.iter().zip(found) {
                let described = Described {
                    variant_id: variant.variant_id,
                    product_id: product.product_id,
                    seller_id: Some(product.seller_id),
                    sku: variant.sku.clone(),
                    title: variant.title.clone(),
                };
                changes = changes.and(take_over(described, found, app.config.default_threshold, sequence)?);
            }
            Ok(changes)
        };
        app.work.run_job(&cause, |_| table.get_many::<StockItem>(&keys), decide).await?;
    }
    Ok(())
}

/// The first count only, so that a repetition undoes no sale.
async fn count(app: &App, counted: &ProductStockCounted) -> Result<(), Problem> {
    for CountedVariant { variant, on_hand, backorder } in &counted.variants {
        let count = StockCount {
            variant_id: variant.variant_id,
            product_id: counted.product_id,
            seller_id: Some(counted.seller_id),
            sku: variant.sku.clone(),
            title: variant.title.clone(),
            on_hand: *on_hand,
            backorder: *backorder,
            threshold: app.config.default_threshold,
            overwrite: false,
        };
        set_stock(&app.work, count).await?;
    }
    Ok(())
}

/// Takes over what the catalog says about a variant, making its stock record if there is none.
fn take_over(described: Described, found: Option<Stored<StockItem>>, threshold: i64, sequence: u64) -> Result<Changes, Problem> {
    match found {
        None => storage::create_stock(StockItem::new(described, threshold, sequence)),
        Some(found) => match found.value.described(&described, sequence) {
            Some(item) => Changes::update(found.version, Decision::changed(item)),
            None => Ok(Changes::none()),
        },
    }
}

/// Puts the variant on the list of low stock, unless it has risen in the meantime.
async fn mark_low(app: &App, delivery: &Delivery, low: &StockLow) -> Result<(), Problem> {
    let table = app.work.table();
    app.work
        .handle_event(
            delivery,
            |_| storage::stock(table, low.variant_id),
            |item, _| {
                if item.is_low() { Changes::none().derived(&storage::LowMark::of(&item)) } else { Ok(Changes::none()) }
            },
        )
        .await
}
