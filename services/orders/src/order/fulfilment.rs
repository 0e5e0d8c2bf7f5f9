//! What sellers do with their parts of a paid order, and what that makes of the order.

use contracts::{CancelReason, Decision, OrderPartCancelled, OrderShipped};
use kernel::{Actor, BusinessId, Money, Timestamp};

use super::part::{PartStatus, overall};
use super::{Advance, Decided, Happening, Note, Order, OrderError, Parcel, Part, Party, Status};

impl Order {
    /// A seller goes on with their part. The house's own goods are a part like any other, which staff see to.
    pub fn advance(mut self, seller: BusinessId, to: Advance, by: &Actor, note: Option<Note>, now: Timestamp) -> Decided {
        if !by.is_staff() && !by.acts_for(seller) {
            return Err(OrderError::NotAllowed);
        }
        let was_shipped = self.part(seller).ok_or(OrderError::NoSuchPart)?.has_left();
        let what = match &to {
            Advance::Processing => Happening::PartProcessing { seller_id: seller },
            Advance::Shipped(_) if was_shipped => Happening::ParcelsCorrected { seller_id: seller },
            Advance::Shipped(_) => Happening::PartShipped { seller_id: seller },
            Advance::Delivered => Happening::PartDelivered { seller_id: seller },
        };
        match self.status {
            Status::Confirmed | Status::Processing | Status::Shipped | Status::Delivered => {}
            Status::Pending | Status::AwaitingPayment | Status::Cancelled(_) | Status::Refunded => {
                return Err(self.illegal(to.wanted()));
            }
        }
        let leaves = matches!(to, Advance::Shipped(_)) && !was_shipped;
        let part = self.parts.iter_mut().find(|part| part.seller_id == seller).ok_or(OrderError::NoSuchPart)?;
        if !part.advance(to)? {
            return Ok(Decision::unchanged(self));
        }
        let before = self.status;
        self.step_by(by, self.stands(), what, note, now);
        if leaves {
            let event = self.shipment(seller);
            return Ok(Decision::changed(self).emit(event));
        }
        Ok(self.moved_from(before))
    }

    /// One part of the order, for the party. Customers cancel it until its seller begins, the seller and the shop until its goods
    /// leave. The order ends with the last of its parts.
    pub fn cancel_part(mut self, seller: BusinessId, party: Party, by: &Actor, note: Option<Note>, now: Timestamp) -> Decided {
        if party == Party::Seller && !by.manages(seller) {
            return Err(OrderError::NotAllowed);
        }
        let part = self.part(seller).ok_or(OrderError::NoSuchPart)?;
        let is_too_late = match party {
            Party::Customer => part.has_begun(),
            Party::Seller | Party::Staff => part.has_left(),
        };
        if part.status == PartStatus::Cancelled {
            return Ok(Decision::unchanged(self));
        }
        let is_last = self.parts.iter().all(|other| other.seller_id == seller || other.status == PartStatus::Cancelled);
        match self.status {
            Status::Pending | Status::AwaitingPayment | Status::Confirmed | Status::Processing if is_last && !is_too_late => {
                Ok(self.cancelled(party.cancel_reason(), Happening::Cancelled, by, note, now))
            }
            Status::Confirmed | Status::Processing if !is_too_late => {
                let event = self.part_cancellation(seller, party.cancel_reason())?;
                for part in self.parts.iter_mut().filter(|part| part.seller_id == seller) {
                    part.status = PartStatus::Cancelled;
                }
                let before = self.status;
                self.step_by(by, self.stands(), Happening::PartCancelled { seller_id: seller }, note, now);
                Ok(self.moved_from(before).emit(event))
            }
            // A part of what is not paid yet cannot go: the customer was told what to pay.
            Status::Pending
            | Status::AwaitingPayment
            | Status::Confirmed
            | Status::Processing
            | Status::Shipped
            | Status::Delivered
            | Status::Cancelled(_)
            | Status::Refunded => Err(self.illegal("be cancelled in part")),
        }
    }

    /// What the parts that were cancelled by themselves come to.
    pub(super) fn given_up(&self) -> Money {
        let cancelled = self.parts.iter().filter(|part| part.status == PartStatus::Cancelled);
        Money::new(cancelled.map(|part| self.totals_of(part).total.amount).sum(), self.currency())
    }

    /// The goods that have not left stay where they are: whose they are.
    pub(super) fn cancel_what_is_to_come(&mut self) -> Vec<BusinessId> {
        let to_come = self.parts.iter_mut().filter(|part| part.is_to_come());
        let cancel = |part: &mut Part| {
            part.status = PartStatus::Cancelled;
            part.seller_id
        };
        to_come.map(cancel).collect()
    }

    /// Where a paid order stands, by its parts.
    fn stands(&self) -> Status {
        overall(self.parts.iter().map(|part| part.status)).unwrap_or(self.status)
    }

    fn moved_from(self, before: Status) -> Decision<Self> {
        if self.status == before {
            return Decision::changed(self);
        }
        let event = self.status_changed();
        Decision::changed(self).emit(event)
    }

    fn shipment(&self, seller: BusinessId) -> OrderShipped {
        let parcels = self.part(seller).map(|part| part.parcels.iter().map(Parcel::told).collect());
        OrderShipped {
            order: self.reference(),
            seller_id: seller,
            lines: self.lines_of(seller).map(super::Line::reference).collect(),
            parcels: parcels.unwrap_or_default(),
            to_come: self.parts.iter().filter(|part| part.is_to_come()).map(|part| part.seller_id).collect(),
        }
    }

    fn part_cancellation(&self, seller: BusinessId, reason: CancelReason) -> Result<OrderPartCancelled, OrderError> {
        let part = self.part(seller).ok_or(OrderError::NoSuchPart)?;
        Ok(OrderPartCancelled {
            order: self.reference(),
            seller_id: seller,
            lines: self.lines_of(seller).map(super::Line::reference).collect(),
            reason,
            payment_id: self.payment.payment_id.ok_or(OrderError::TooEarly)?,
            amount: self.totals_of(part).total,
        })
    }
}

#[cfg(test)]
mod tests {
    use PartStatus::{Cancelled, Delivered, Processing, Shipped, Waiting};
    use contracts::Event;
    use kernel::Offer;
    use proptest::prelude::*;

    use super::*;
    use crate::order::DraftLine;
    use crate::order::tests::{NOW, OTHER, SELLER, admin, draft, eur, happen, line, offer, placed_of_two, pricing};

    /// An order of two, paid, whose parts stand so.
    fn sold(parts: [PartStatus; 2]) -> Order {
        let mut order = happen(placed_of_two(), "payment.captured", 1, NOW).unwrap().into_state();
        for (part, status) in order.parts.iter_mut().zip(parts) {
            part.status = status;
        }
        order.status = order.stands();
        order
    }

    fn told(decision: &Decision<Order>) -> Vec<&'static str> {
        decision.events().iter().map(Event::kind).collect()
    }

    /// The parts before; who cancels what; where order and parts stand then, and what is told. `!` is a refusal.
    #[test]
    fn cancelling_an_order_of_two_parts() {
        for (parts, party, what, expect) in [
            ([Waiting, Waiting], Party::Customer, None, "cancelled: Cancelled Cancelled: order.cancelled"),
            ([Waiting, Waiting], Party::Customer, Some(SELLER), "processing: Cancelled Waiting: order.status_changed order.part_cancelled"),
            ([Processing, Waiting], Party::Customer, None, "!"),
            ([Processing, Waiting], Party::Customer, Some(SELLER), "!"),
            ([Processing, Waiting], Party::Customer, Some(OTHER), "processing: Processing Cancelled: order.part_cancelled"),
            ([Cancelled, Waiting], Party::Customer, None, "cancelled: Cancelled Cancelled: order.cancelled"),
            ([Cancelled, Waiting], Party::Customer, Some(SELLER), "processing: Cancelled Waiting: "),
            ([Cancelled, Waiting], Party::Customer, Some(OTHER), "cancelled: Cancelled Cancelled: order.cancelled"),
            ([Processing, Processing], Party::Staff, None, "cancelled: Cancelled Cancelled: order.cancelled"),
            ([Processing, Processing], Party::Staff, Some(OTHER), "processing: Processing Cancelled: order.part_cancelled"),
            ([Shipped, Processing], Party::Staff, None, "!"),
            ([Shipped, Processing], Party::Staff, Some(SELLER), "!"),
            ([Shipped, Processing], Party::Staff, Some(OTHER), "shipped: Shipped Cancelled: order.status_changed order.part_cancelled"),
            ([Delivered, Waiting], Party::Seller, Some(OTHER), "delivered: Delivered Cancelled: order.status_changed order.part_cancelled"),
            ([Delivered, Cancelled], Party::Staff, Some(SELLER), "!"),
            ([Shipped, Delivered], Party::Staff, None, "!"),
            ([Waiting, Waiting], Party::Seller, None, "!"),
        ] {
            let order = sold(parts);
            let decided = match what {
                Some(seller) => order.cancel_part(seller, party, &admin(), None, NOW),
                None => order.cancel(party, &admin(), None, NOW),
            };
            let became = decided.map_or("!".to_owned(), |decision| {
                let state = decision.state();
                let parts: Vec<_> = state.parts.iter().map(|part| format!("{:?}", part.status)).collect();
                format!("{}: {}: {}", state.status.as_str(), parts.join(" "), told(&decision).join(" "))
            });
            assert_eq!(became, expect, "{party:?} cancels {what:?} of {parts:?}");
        }
    }

    /// As its lifecycle draws it.
    #[test]
    fn a_part_is_cancelled_until_its_goods_leave() {
        for (status, expect) in [(Waiting, true), (Processing, true), (Shipped, false), (Delivered, false)] {
            let decided = sold([status, Waiting]).cancel_part(SELLER, Party::Seller, &admin(), None, NOW);
            assert_eq!(decided.is_ok_and(|decision| decision.state().parts[0].status == Cancelled), expect, "{status:?}");
        }
    }

    #[test]
    fn a_part_of_what_is_not_paid_is_not_cancelled() {
        let unpaid = placed_of_two();
        let refused = unpaid.clone().cancel_part(SELLER, Party::Customer, &Actor::Guest, None, NOW);
        assert!(matches!(refused, Err(OrderError::Illegal { .. })), "{refused:?}");
        let stranger = sold([Waiting, Waiting]).cancel_part(BusinessId(99), Party::Staff, &admin(), None, NOW);
        assert_eq!(stranger.unwrap_err(), OrderError::NoSuchPart);
    }

    /// The parts before, what went back, and where order and parts stand then.
    #[test]
    fn refunds_of_an_order_of_two_parts() {
        for (parts, all, expect) in [
            // Parts of 13.74 and 23.06.
            ([Cancelled, Waiting], false, "processing: Cancelled Waiting"),
            ([Cancelled, Waiting], true, "refunded: Cancelled Cancelled"),
            ([Shipped, Processing], true, "refunded: Shipped Cancelled"),
            ([Shipped, Delivered], true, "refunded: Shipped Delivered"),
        ] {
            let order = sold(parts);
            let share = order.totals_of(&order.parts[0]).total;
            assert_eq!(share, eur(1190 + 183));
            let refunded = if all { order.total() } else { share };
            let payment =
                contracts::PaymentRef { payment_id: order.payment.payment_id.unwrap(), order_id: order.id, amount: order.total() };
            let refund = contracts::PaymentRefunded { payment, refund_id: 3.into(), retry_of: None, refund: refunded, refunded };
            let state = order.payment_refunded(&refund, NOW).unwrap().into_state();
            let parts: Vec<_> = state.parts.iter().map(|part| format!("{:?}", part.status)).collect();
            assert_eq!(format!("{}: {}", state.status.as_str(), parts.join(" ")), expect);
        }
    }

    /// What was free is still packed when the rest of the order was cancelled and paid back.
    #[test]
    fn a_free_part_outlives_the_refund_of_the_others() {
        let free = DraftLine { offer: Offer { seller_id: OTHER, requires_shipping: false, ..offer(0, 0) }, quantity: 1 };
        let placed = Order::place(draft(vec![line(1, 1190, 1900), free]), &pricing(), &Actor::Guest, NOW).unwrap().into_state();
        let paid = happen(placed, "payment.captured", 1, NOW).unwrap().into_state();
        let rest = paid.cancel_part(SELLER, Party::Staff, &admin(), None, NOW).unwrap().into_state();
        assert_eq!(rest.given_up(), rest.total());
        let refunded = happen(rest, "payment.refunded (all)", 1, NOW).unwrap().into_state();
        assert_eq!((refunded.status, refunded.parts[1].status), (Status::Processing, Waiting));
    }

    #[derive(Debug, Clone, Copy)]
    enum Step {
        Advance(usize, u8),
        CancelPart(usize, bool),
        Cancel(bool),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            8 => (0_usize..4, 0_u8..3).prop_map(|(part, to)| Step::Advance(part, to)),
            2 => (0_usize..4, any::<bool>()).prop_map(|(part, by_staff)| Step::CancelPart(part, by_staff)),
            1 => any::<bool>().prop_map(Step::Cancel),
        ]
    }

    fn take(order: Order, step: Step) -> Decided {
        let seller = |part: usize| BusinessId(5 + (part % 4) as u128);
        let party = |by_staff| if by_staff { Party::Staff } else { Party::Customer };
        match step {
            Step::Advance(part, 0) => order.advance(seller(part), Advance::Processing, &admin(), None, NOW),
            Step::Advance(part, 1) => order.advance(seller(part), Advance::Shipped(Vec::new()), &admin(), None, NOW),
            Step::Advance(part, _) => order.advance(seller(part), Advance::Delivered, &admin(), None, NOW),
            Step::CancelPart(part, by_staff) => order.cancel_part(seller(part), party(by_staff), &admin(), None, NOW),
            Step::Cancel(by_staff) => order.cancel(party(by_staff), &admin(), None, NOW),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        /// Whatever sellers, customer and staff do: the parts add up to the order, the order never goes back, and the goods of
        /// each seller leave once or are given back once.
        #[test]
        fn parts_add_up_and_each_ends_once(
            lines in prop::collection::vec((0_u128..4, 1_u32..9, 0_i64..20_000, 0_u16..3000, any::<bool>()), 1..20),
            steps in prop::collection::vec(step(), 0..40),
        ) {
            let lines = lines.into_iter().map(|(seller, quantity, price, rate, ships)| {
                let offer = Offer { seller_id: BusinessId(5 + seller), requires_shipping: ships, ..offer(price, rate) };
                DraftLine { offer, quantity }
            });
            let placed = Order::place(draft(lines.collect()), &pricing(), &Actor::Guest, NOW).unwrap().into_state();
            let totals: Vec<_> = placed.parts.iter().map(|part| placed.totals_of(part)).collect();
            let sum = |of: fn(&crate::order::part::PartTotals) -> Money| totals.iter().map(|part| of(part).amount).sum::<i64>();
            prop_assert_eq!(sum(|part| part.subtotal), placed.subtotal().amount);
            prop_assert_eq!(sum(|part| part.shipping), placed.shipping().amount);
            prop_assert_eq!(sum(|part| part.tax), placed.tax().amount);
            prop_assert_eq!(sum(|part| part.total), placed.total().amount);

            let mut order = happen(placed, "payment.captured", 1, NOW).unwrap().into_state();
            let (mut left, mut given_back, mut ended) = (Vec::new(), Vec::new(), false);
            let mut money_back = 0;
            for step in steps {
                let Ok(decision) = take(order.clone(), step) else { continue };
                for event in decision.events() {
                    match event {
                        Event::OrderShipped(told) => left.push(told.seller_id),
                        Event::OrderPartCancelled(told) => {
                            given_back.push(told.seller_id);
                            money_back += told.amount.amount;
                        }
                        Event::OrderCancelled(told) => {
                            given_back.extend(told.sellers.iter().copied());
                            ended = true;
                        }
                        _ => {}
                    }
                }
                let after = decision.into_state();
                let rank = |status: Status| match status {
                    Status::Pending | Status::AwaitingPayment => 0,
                    Status::Confirmed => 1,
                    Status::Processing => 2,
                    Status::Shipped => 3,
                    Status::Delivered => 4,
                    Status::Cancelled(_) | Status::Refunded => 5,
                };
                prop_assert!(rank(after.status) >= rank(order.status), "{:?} moved {:?} back to {:?}", step, order.status, after.status);
                order = after;
            }
            let mut once: Vec<_> = left.iter().chain(&given_back).copied().collect();
            once.sort_unstable();
            prop_assert!(once.windows(2).all(|pair| pair[0] != pair[1]), "{:?} left and {:?} were given back", left, given_back);
            prop_assert!(money_back <= order.total().amount);
            prop_assert_eq!(ended, matches!(order.status, Status::Cancelled(_)));
            prop_assert_eq!(ended, order.parts.iter().all(|part| part.status == Cancelled));
        }
    }
}
