//! What other services may read of orders.

use async_trait::async_trait;
use kernel::{OrderId, Problem};
use ports::reads::{OrderLineSummary, OrderPartSummary, OrderReads, OrderSummary};
use ports::store::Stored;
use shell::{Table, UnitOfWork};

use crate::order::{Line, Order, Part, StatusName};
use crate::storage;

/// Orders as others may read them.
pub struct Reads {
    pub(crate) table: Table,
}

impl Reads {
    pub fn new(work: &UnitOfWork) -> Self {
        Self { table: work.table().clone() }
    }
}

#[async_trait]
impl OrderReads for Reads {
    async fn order(&self, id: OrderId) -> Result<Option<OrderSummary>, Problem> {
        let order: Option<Stored<Order>> = self.table.get_eventual(&storage::key(id)).await?;
        Ok(order.map(|order| summary(order.value)))
    }
}

fn summary(order: Order) -> OrderSummary {
    OrderSummary {
        id: order.id,
        number: order.number(),
        customer_id: order.customer_id,
        subtotal: order.subtotal(),
        shipping: order.shipping(),
        tax: order.tax(),
        total: order.total(),
        pay_by: order.deadline(),
        parts: order.parts.iter().map(|part| part_summary(&order, part)).collect(),
        email: order.email,
        placed_at: order.placed_at,
        lines: order.lines.into_iter().map(line_summary).collect(),
        shipping_address: order.shipping_address,
    }
}

fn part_summary(order: &Order, part: &Part) -> OrderPartSummary {
    let totals = order.totals_of(part);
    OrderPartSummary {
        seller_id: part.seller_id,
        subtotal: totals.subtotal,
        shipping: totals.shipping,
        tax: totals.tax,
        total: totals.total,
        cancelled: part.status.name() == StatusName::Cancelled,
    }
}

fn line_summary(line: Line) -> OrderLineSummary {
    OrderLineSummary {
        product_id: line.product_id,
        seller_id: line.seller_id,
        sku: line.sku,
        title: line.title,
        quantity: line.quantity,
        unit_price: line.unit_price,
        total: line.total,
    }
}
