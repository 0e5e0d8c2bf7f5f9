//! What holds for any order of any news, however often it is repeated.

use kernel::Offer;
use proptest::prelude::*;

use super::lifecycle::StatusName as Name;
use super::tests::{NEWS, NOW, draft, eur, happen, offer, placed, placed_unpaid, pricing};
use super::*;

/// Often enough what the order waits for, so that many get far.
fn any_news() -> impl Strategy<Value = &'static str> {
    let good = ["stock.reserved", "payment.captured", "processing", "shipped", "delivered"];
    prop_oneof![3 => prop::sample::select(good.to_vec()), 1 => prop::sample::select(NEWS.to_vec())]
}

fn rank(status: Status) -> u8 {
    match status {
        Status::Pending => 0,
        Status::AwaitingPayment => 1,
        Status::Confirmed => 2,
        Status::Processing => 3,
        Status::Shipped => 4,
        Status::Delivered => 5,
        Status::Cancelled(_) | Status::Refunded => 6,
    }
}

/// What the rest of the world has done so far, whether or not the order took notice.
#[derive(Default)]
struct World {
    reserved: bool,
    paid: bool,
}

fn check_sums(order: &Order) {
    assert_eq!(order.subtotal().amount, order.lines.iter().map(|line| line.total.amount).sum::<i64>());
    assert_eq!(order.tax().amount, order.lines.iter().map(|line| line.tax.amount).sum::<i64>());
    assert_eq!(order.total().amount, order.subtotal().amount + order.shipping().amount);
    assert!(order.payment.captured.is_none_or(|captured| captured == order.total()));
    assert!((0..=order.total().amount).contains(&order.payment.refunded.amount));
    assert!(order.status != Status::Refunded || order.payment.refunded == order.total());
}

fn check_step(before: &Order, news: &str, after: &Decision<Order>, world: &World) {
    let order = after.state();
    assert!(rank(order.status) >= rank(before.status), "{news} moved {:?} back to {:?}", before.status, order.status);
    assert!(rank(before.status) < 6 || order.status == before.status, "{news} left the final {:?}", before.status);
    if (2..=5).contains(&rank(order.status)) || order.status == Status::Refunded {
        assert!(world.reserved && world.paid, "{news} made the order {:?}", order.status);
        assert!(order.payment.captured.is_some());
    }
    assert_eq!(order.status != before.status, order.status.name() != before.status.name(), "no move within a name");
    let listed = lifecycle().iter().any(|(from, on, to)| (*from, *on, *to) == (before.status.name(), news, order.status.name()));
    assert_eq!(listed, order.status != before.status, "{news} at {:?}", before.status);
    assert!(after.is_changed() || order == before, "{news} changed the order in secret");
    let turned_up = news == "stock.reserved" || (news.starts_with("payment.captured") && before.payment.captured.is_none());
    if order.status.name() == Name::Cancelled && turned_up {
        assert!(after.events().iter().any(|event| event.kind() == "order.cancelled"), "{news} is held for a cancelled order");
    }
    assert!(order.history.len() <= HISTORY_MAX);
    check_sums(order);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_order_and_repetition_of_news_ends_settled_and_never_goes_back(
        news in prop::collection::vec((any_news(), 1_u8..=2), 0..60), chosen: bool,
    ) {
        let mut order = if chosen { placed() } else { placed_unpaid() };
        let mut world = World::default();
        for (news, number) in news {
            world.reserved |= news == "stock.reserved";
            // Payments say whether they know that the stock is held.
            let news = if news == "payment.captured" && !world.reserved { "payment.captured (unheld)" } else { news };
            world.paid |= news.starts_with("payment.captured");
            let before = order.clone();
            if let Ok(decision) = happen(order.clone(), news, number, NOW) {
                check_step(&before, news, &decision, &world);
                order = decision.into_state();
            }
        }
        let settled = happen(order, "deadline", 1, NOW).unwrap().into_state();
        prop_assert!(settled.is_settled());
        prop_assert!(rank(settled.status) >= 2, "{:?} after the deadline", settled.status);
    }

    #[test]
    fn sums_are_consistent(
        lines in prop::collection::vec((1_u32..50, 0_i64..200_000, 0_u16..3000, any::<bool>()), 1..20),
        prices_include_tax: bool,
    ) {
        let lines = lines.into_iter().map(|(quantity, price, rate, ships)| DraftLine { offer: Offer { requires_shipping: ships, ..offer(price, rate) }, quantity });
        let draft = draft(lines.collect());
        let ships = draft.lines.iter().any(|line| line.offer.requires_shipping);
        let order = Order::place(draft, &Pricing { prices_include_tax, ..pricing() }, &Actor::Guest, NOW).unwrap().into_state();
        check_sums(&order);
        for line in &order.lines {
            let price = line.unit_price.amount * i64::from(line.quantity);
            prop_assert_eq!(line.total.amount, if prices_include_tax { price } else { price + line.tax.amount });
            prop_assert!((0..=line.total.amount).contains(&line.tax.amount));
        }
        let free = !ships || order.subtotal().amount >= 5000;
        prop_assert_eq!(order.shipping(), if free { eur(0) } else { eur(490) });
    }
}
