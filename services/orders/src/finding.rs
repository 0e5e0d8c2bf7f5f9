//! Finding orders, for staff: by what somebody on the telephone can tell.

use axum::extract::State;
use kernel::{BusinessId, Count, Counts, Cursor, Limit, Line, Page, Problem, Timestamp, UserId, WantedWords};
use ports::store::Stored;
use serde::Deserialize;
use shell::http::{Listing, OpenApiRouter, Paging, Staff};
use shell::{HandlerResult, Reply};
use strum::VariantArray as _;
use utoipa::IntoParams;

use crate::order::{Order, StatusName};
use crate::views::ListedView;
use crate::{App, storage};

/// Orders that are looked at together, and how often for one page.
const AT_ONCE: usize = 100;
const ROUNDS_MAX: usize = 10;

pub fn routes(app: App) -> OpenApiRouter {
    shell::routes!(list, count).with_state(app)
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct OrderFilter {
    /// Only orders in this status.
    #[param(inline)]
    status: Option<StatusName>,
    /// The whole number, in any case.
    #[param(inline, example = "S-7K3F-92QD")]
    number: Option<Line<1, 20>>,
    /// The whole address, in any case.
    #[param(inline)]
    email: Option<Line<1, 254>>,
    customer_id: Option<UserId>,
    /// Orders with something of this seller.
    seller_id: Option<BusinessId>,
    /// Placed then or later.
    placed_from: Option<Timestamp>,
    /// Placed before.
    placed_until: Option<Timestamp>,
    /// Minor units of the total; included.
    #[param(minimum = 0)]
    total_min: Option<i64>,
    /// Minor units of the total; included.
    #[param(minimum = 0)]
    total_max: Option<i64>,
    /// Words of the number, the e-mail address, the names and places of the addresses, or the articles, in any order and any case.
    #[param(inline)]
    q: Option<Line<1, 100>>,
}

/// List all orders, newest first. Those with a number, of a customer, or in a status alone are found at once; for other filters a
/// page may hold fewer than its limit and still have a next one.
#[utoipa::path(get, path = "/admin/orders", tag = "orders", operation_id = "listAllOrders", params(OrderFilter, Paging), responses((status = 200, body = Page<ListedView>)))]
async fn list(_: Staff, State(app): State<App>, listing: Listing<OrderFilter>) -> HandlerResult {
    let page = find(&app, &listing.filter, listing.limit, listing.cursor).await?;
    Ok(Reply::ok(&page.map(|order| ListedView::of(&order))))
}

/// Count the orders of each status.
#[utoipa::path(get, path = "/admin/orders/counts", tag = "orders", operation_id = "countOrders", responses((status = 200, body = Counts<StatusName>)))]
async fn count(_: Staff, State(app): State<App>) -> HandlerResult {
    let mut items = Vec::new();
    let all = Limit::new(Limit::MAX).unwrap_or_default();
    for status in StatusName::VARIANTS {
        items.push(Count::of(*status, &storage::in_status(app.work.table(), *status, all, None).await?));
    }
    Ok(Reply::ok(&Counts { items }))
}

async fn find(app: &App, filter: &OrderFilter, limit: Limit, cursor: Option<Cursor>) -> Result<Page<Stored<Order>>, Problem> {
    let table = app.work.table();
    if let Some(number) = &filter.number {
        let page = table.list::<Order>(storage::with_number(number).limit(limit.get()).after(cursor)).await?;
        return Ok(Page { items: page.items.into_iter().filter(|order| filter.fits(order)).collect(), next: page.next });
    }
    if let Some(status) = filter.status.filter(|_| filter.only_status()) {
        return storage::in_status(table, status, limit, cursor).await;
    }
    // `~` sorts after the point behind the time, and a time in a place sorts as it is.
    let latest = filter.placed_until.map(|until| Cursor(until.to_string()));
    let mut after = cursor.or(latest);
    let mut found: Vec<Stored<Order>> = Vec::new();
    for _ in 0..ROUNDS_MAX {
        let page = match filter.customer_id {
            Some(user) => table.merge_desc([storage::of_customer(user)], storage::sort_key, AT_ONCE, after).await?,
            None => storage::all(table, AT_ONCE, after).await?,
        };
        let mut orders = page.items.into_iter();
        while let Some(order) = orders.next() {
            if filter.placed_from.is_some_and(|from| order.placed_at < from) {
                return Ok(Page { items: found, next: None });
            }
            if !filter.fits(&order) {
                continue;
            }
            let place = Cursor(storage::sort_key(&order));
            found.push(order);
            if found.len() == limit.get() {
                let more = orders.next().is_some() || page.next.is_some();
                return Ok(Page { items: found, next: more.then_some(place) });
            }
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    Ok(Page { items: found, next: after })
}

impl OrderFilter {
    fn only_status(&self) -> bool {
        let ids = self.customer_id.is_none() && self.seller_id.is_none();
        let texts = self.number.is_none() && self.email.is_none() && self.q.is_none();
        let ranges = [self.placed_from, self.placed_until].iter().all(Option::is_none) && self.total_min.or(self.total_max).is_none();
        ids && texts && ranges
    }

    fn fits(&self, order: &Order) -> bool {
        let total = order.total().amount;
        self.status.is_none_or(|status| order.status.name() == status)
            && self.email.as_ref().is_none_or(|email| order.email.as_str().eq_ignore_ascii_case(email))
            && self.customer_id.is_none_or(|customer| order.customer_id == Some(customer))
            && self.seller_id.is_none_or(|seller| order.lines.iter().any(|line| line.seller_id == seller))
            && self.placed_from.is_none_or(|from| order.placed_at >= from)
            && self.placed_until.is_none_or(|until| order.placed_at < until)
            && self.total_min.is_none_or(|min| total >= min)
            && self.total_max.is_none_or(|max| total <= max)
            && self.q.as_ref().is_none_or(|q| has_words(order, q))
    }
}

fn has_words(order: &Order, q: &str) -> bool {
    let number = order.number();
    let mut texts = vec![number.as_str(), order.email.as_str()];
    for address in [&order.shipping_address, &order.billing_address].into_iter().flatten() {
        texts.extend([&address.name, &address.street_address, &address.postal_code, &address.address_locality].map(String::as_str));
    }
    texts.extend(order.lines.iter().flat_map(|line| [line.title.as_str(), line.sku.as_str()]));
    WantedWords::of(q).are_in(texts)
}
