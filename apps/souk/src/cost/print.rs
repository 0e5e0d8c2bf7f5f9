//! The bill as text.

use super::bill::{Bill, BillLine, Delivery, Group};
use super::measured::Measured;
use super::prices::Prices;
use crate::output::{CliError, say};

pub fn print(bill: &Bill, prices: &Prices, region: &str, measured: &Measured) -> Result<(), CliError> {
    say(&format!(
        "A month with {} confirmed orders and {} requests in {region}, events {}, at list prices of {}, in US dollars.",
        whole(bill.orders),
        whole(bill.requests),
        match bill.delivery {
            Delivery::Direct => "delivered directly",
            Delivery::Queues => "delivered by queues",
        },
        prices.as_of
    ))?;
    say(&format!("Measured: {} confirmed orders, {} requests.\n", whole(measured.orders()), whole(measured.requests())))?;
    lines(bill)?;
    shares(bill)?;
    services(bill)?;
    units(measured)
}

fn lines(bill: &Bill) -> Result<(), CliError> {
    say(&format!("{:<16} {:<38} {:>18} {:>12} {:>12} {:>14}", "service", "what", "quantity", "cost", "free tier", "per order"))?;
    for line in &bill.lines {
        let BillLine { service, unit, quantity, cost, cost_with_free, .. } = line;
        say(&format!(
            "{service:<16} {unit:<38} {:>18} {cost:>12.2} {cost_with_free:>12.2} {:>14}",
            whole(*quantity),
            per_order(*cost, bill.orders)
        ))?;
    }
    let (all, with_free) = (bill.total(|line| line.cost), bill.total(|line| line.cost_with_free));
    say(&format!("{:<74} {all:>12.2} {with_free:>12.2} {:>14}\n", "together", per_order(all, bill.orders)))
}

fn shares(bill: &Bill) -> Result<(), CliError> {
    let of = |cost: fn(&BillLine) -> f64| {
        let [state, events, compute, rest] =
            [Group::State, Group::Events, Group::Compute, Group::Rest].map(|group| bill.group(group, cost));
        let together = state + events + compute;
        format!("state {state:.2}, events {events:.2}, compute {compute:.2}: {together:.2}; the rest {rest:.2}")
    };
    say(&format!("At list prices: {}.", of(|line| line.cost)))?;
    say(&format!("With the free tier: {}.\n", of(|line| line.cost_with_free)))
}

fn services(bill: &Bill) -> Result<(), CliError> {
    say(&format!(
        "{:<16} {:>12} {:>12} {:>12} {:>12} {:>12} {:>14}",
        "of the shop", "writes", "reads", "events", "compute", "together", "per order"
    ))?;
    for (name, share) in &bill.services {
        let sum = share.writes + share.reads + share.events + share.compute;
        say(&format!(
            "{name:<16} {:>12.2} {:>12.2} {:>12.2} {:>12.2} {sum:>12.2} {:>14}",
            share.writes,
            share.reads,
            share.events,
            share.compute,
            per_order(sum, bill.orders)
        ))?;
    }
    say("")
}

/// What the run took, for finding waste.
fn units(measured: &Measured) -> Result<(), CliError> {
    let orders = measured.orders();
    if orders == 0.0 {
        return Ok(());
    }
    say(&format!("{:<16} {:<44} {:>10} {:>10} {:>10}", "of the shop", "in the measured run, per order", "writes", "reads", "commits"))?;
    let (mut writes, mut reads) = (0.0, 0.0);
    for ((service, operation), store) in &measured.store {
        let (write, read) = (store.write_units / orders, store.read_units / orders);
        writes += write;
        reads += read;
        say(&format!("{service:<16} {operation:<44} {write:>10.2} {read:>10.2} {:>10.2}", store.commits / orders))?;
    }
    say(&format!("{:<61} {writes:>10.2} {reads:>10.2}", "together"))
}

fn per_order(cost: f64, orders: f64) -> String {
    if orders > 0.0 { format!("{:.8}", cost / orders) } else { "-".into() }
}

/// Whole numbers with a mark between the thousands; small ones with two digits behind the point.
fn whole(number: f64) -> String {
    if number < 100.0 && number.fract() != 0.0 {
        return format!("{number:.2}");
    }
    let digits = format!("{number:.0}");
    let first = digits.len() % 3;
    let mut text = digits[..first].to_owned();
    for group in digits.as_bytes()[first..].chunks(3) {
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(&String::from_utf8_lossy(group));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        for (number, text) in [(0.0, "0"), (7.0, "7"), (7.25, "7.25"), (123.4, "123"), (1000.0, "1,000"), (12_345_678.9, "12,345,679")] {
            assert_eq!(whole(number), text);
        }
        assert_eq!((per_order(1.0, 0.0), per_order(25.0, 1e6)), ("-".into(), "0.00002500".into()));
    }
}
