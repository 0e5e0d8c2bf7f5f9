//! A part of an order: what one seller sells in it, and how far they are with it.
//!
//! ```text
//! waiting ──► processing ──► shipped ──► delivered
//!    └────────────┴──► cancelled
//! ```
//!
//! A part begins once the order is paid. From then on the order as a whole stands where its slowest part stands, and ends
//! with the last of its parts.

use contracts::ShippedParcel;
use kernel::{BusinessId, Money};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::amount::{StoredAmount, is_zero};
use super::error::PARCELS_MAX;
use super::{Line, Order, OrderError, Status, StatusName};

/// What a carrier calls a parcel, or where it is followed.
pub type ParcelText = kernel::Line<1, 500>;

/// One for each seller. What is in it are the seller's lines of the order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound = "M: StoredAmount")]
pub struct Part<M = Money> {
    pub seller_id: BusinessId,
    /// Its share of the order's shipping.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub shipping: M,
    #[serde(default, skip_serializing_if = "PartStatus::is_waiting")]
    pub status: PartStatus,
    /// Present once the goods have left, as far as they can be followed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parcels: Vec<Parcel>,
}

/// How far the seller is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, strum::IntoStaticStr, strum::VariantArray)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum PartStatus {
    /// Nothing has been done for it.
    #[default]
    Waiting,
    Processing,
    Shipped,
    Delivered,
    /// It ended before the goods left.
    Cancelled,
}

/// How to follow a parcel.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Parcel {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(inline)]
    pub carrier: Option<ParcelText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(inline)]
    pub number: Option<ParcelText>,
    /// A web address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(inline)]
    pub url: Option<ParcelText>,
}

/// One step after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Advance {
    Processing,
    Shipped(Vec<Parcel>),
    Delivered,
}

/// What a part comes to. Those of all parts add up to those of the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartTotals {
    /// Sum of its lines, their tax included.
    pub subtotal: Money,
    pub shipping: Money,
    /// Included in the total.
    pub tax: Money,
    pub total: Money,
}

impl Part {
    pub fn new(seller_id: BusinessId, shipping: Money) -> Self {
        Self { seller_id, shipping, status: PartStatus::Waiting, parcels: Vec::new() }
    }

    /// Takes the step, and says whether it changed anything.
    pub(super) fn advance(&mut self, to: Advance) -> Result<bool, OrderError> {
        let wanted = to.wanted();
        let next = match to {
            Advance::Processing => PartStatus::Processing,
            Advance::Shipped(parcels) => {
                Parcel::check_all(&parcels)?;
                match self.status {
                    PartStatus::Processing => self.parcels = parcels,
                    // The seller corrects what they said of the parcels.
                    PartStatus::Shipped if !parcels.is_empty() && parcels != self.parcels => {
                        self.parcels = parcels;
                        return Ok(true);
                    }
                    PartStatus::Shipped | PartStatus::Waiting | PartStatus::Delivered | PartStatus::Cancelled => {}
                }
                PartStatus::Shipped
            }
            Advance::Delivered => PartStatus::Delivered,
        };
        match (self.status, next) {
            (PartStatus::Waiting, PartStatus::Processing)
            | (PartStatus::Processing, PartStatus::Shipped)
            | (PartStatus::Shipped, PartStatus::Delivered) => {
                self.status = next;
                Ok(true)
            }
            (status, next) if status == next => Ok(false),
            (status, _) => Err(OrderError::Illegal { status: status.name().as_str(), wanted }),
        }
    }

    /// Whether its goods are with the customer, or on the way there.
    pub fn has_left(&self) -> bool {
        match self.status {
            PartStatus::Shipped | PartStatus::Delivered => true,
            PartStatus::Waiting | PartStatus::Processing | PartStatus::Cancelled => false,
        }
    }

    /// Whether its goods are still to leave.
    pub fn is_to_come(&self) -> bool {
        match self.status {
            PartStatus::Waiting | PartStatus::Processing => true,
            PartStatus::Shipped | PartStatus::Delivered | PartStatus::Cancelled => false,
        }
    }

    /// Whether its seller has begun to work on it.
    pub fn has_begun(&self) -> bool {
        match self.status {
            PartStatus::Processing | PartStatus::Shipped | PartStatus::Delivered => true,
            PartStatus::Waiting | PartStatus::Cancelled => false,
        }
    }
}

impl PartStatus {
    // Serde hands over what it asks about.
    #[allow(clippy::trivially_copy_pass_by_ref)]
    fn is_waiting(&self) -> bool {
        *self == Self::Waiting
    }

    /// As a part of a paid order.
    pub fn name(self) -> StatusName {
        match self {
            Self::Waiting => StatusName::Confirmed,
            Self::Processing => StatusName::Processing,
            Self::Shipped => StatusName::Shipped,
            Self::Delivered => StatusName::Delivered,
            Self::Cancelled => StatusName::Cancelled,
        }
    }
}

/// Every move of a part: from, on which news, to.
const LIFECYCLE: &[(PartStatus, &str, PartStatus)] = &[
    (PartStatus::Waiting, "processing", PartStatus::Processing),
    (PartStatus::Processing, "shipped", PartStatus::Shipped),
    (PartStatus::Shipped, "delivered", PartStatus::Delivered),
    (PartStatus::Waiting, "cancelled", PartStatus::Cancelled),
    (PartStatus::Processing, "cancelled", PartStatus::Cancelled),
];

/// The lifecycle of a part as a Mermaid state diagram.
pub fn part_diagram() -> String {
    let mut text = String::from("stateDiagram-v2\n    [*] --> waiting: placed\n");
    for (from, news, to) in LIFECYCLE {
        let [from, to]: [&str; 2] = [from.into(), to.into()];
        text.push_str(&format!("    {from} --> {to}: {news}\n"));
    }
    text.push_str("    cancelled --> [*]\n    delivered --> [*]\n");
    text
}

/// Where a paid order stands if its parts stand so; `None` if nothing of it is left.
pub fn overall(parts: impl IntoIterator<Item = PartStatus>) -> Option<Status> {
    let (mut slowest, mut all_wait) = (None, true);
    for part in parts {
        all_wait &= part == PartStatus::Waiting;
        let rank = match part {
            PartStatus::Waiting | PartStatus::Processing => 0,
            PartStatus::Shipped => 1,
            PartStatus::Delivered => 2,
            PartStatus::Cancelled => continue,
        };
        slowest = Some(slowest.map_or(rank, |slowest: u8| slowest.min(rank)));
    }
    Some(match slowest? {
        0 if all_wait => Status::Confirmed,
        0 => Status::Processing,
        1 => Status::Shipped,
        _ => Status::Delivered,
    })
}

/// Splits an amount by the weights, to the cent: what rounding leaves goes to the largest remainders, and the first of
/// equals. Without any weight there is nothing to split by, and the first has all.
pub fn split(amount: Money, weights: &[i64]) -> Vec<Money> {
    let (whole, sum) = (i128::from(amount.amount), weights.iter().map(|weight| i128::from(*weight)).sum::<i128>());
    let product = |weight: &i64| whole * i128::from(*weight);
    let mut shares: Vec<i128> = weights.iter().map(|weight| product(weight).checked_div(sum).unwrap_or(0)).collect();
    let mut places: Vec<usize> = (0..weights.len()).collect();
    places.sort_by_key(|place| std::cmp::Reverse(product(&weights[*place]).checked_rem(sum).unwrap_or(0)));
    let left = if sum == 0 { 1 } else { usize::try_from(whole - shares.iter().sum::<i128>()).unwrap_or(0) };
    for place in places.into_iter().take(left) {
        shares[place] += if sum == 0 { whole } else { 1 };
    }
    // A share is no larger than the amount.
    shares.into_iter().map(|share| Money::new(i64::try_from(share).unwrap_or(amount.amount), amount.currency)).collect()
}

impl Advance {
    pub(super) fn wanted(&self) -> &'static str {
        match self {
            Self::Processing => "be processed",
            Self::Shipped(_) => "be shipped",
            Self::Delivered => "be delivered",
        }
    }
}

impl Parcel {
    fn check_all(parcels: &[Self]) -> Result<(), OrderError> {
        if parcels.len() > PARCELS_MAX {
            return Err(OrderError::TooManyParcels);
        }
        let is_web = |url: &ParcelText| url.starts_with("https://") || url.starts_with("http://");
        match parcels.iter().position(|parcel| !parcel.url.as_ref().is_none_or(is_web)) {
            Some(place) => Err(OrderError::ParcelUrl(place)),
            None => Ok(()),
        }
    }

    pub(super) fn told(&self) -> ShippedParcel {
        let text = |text: &Option<ParcelText>| text.clone().map(ParcelText::into_string);
        ShippedParcel { carrier: text(&self.carrier), number: text(&self.number), url: text(&self.url) }
    }
}

/// Questions about parts.
impl Order {
    pub fn part(&self, seller: BusinessId) -> Option<&Part> {
        self.parts.iter().find(|part| part.seller_id == seller)
    }

    pub fn lines_of(&self, seller: BusinessId) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(move |line| line.seller_id == seller)
    }

    /// Where a part stands: where the order does, until its seller begins.
    pub fn status_of(&self, part: &Part) -> StatusName {
        match self.status {
            Status::Pending | Status::AwaitingPayment => self.status.name(),
            Status::Refunded if part.has_left() => StatusName::Refunded,
            Status::Confirmed | Status::Processing | Status::Shipped | Status::Delivered | Status::Cancelled(_) | Status::Refunded => {
                part.status.name()
            }
        }
    }

    pub fn totals_of(&self, part: &Part) -> PartTotals {
        let sum = |of: fn(&Line) -> Money| Money::new(self.lines_of(part.seller_id).map(|line| of(line).amount).sum(), self.currency());
        let (subtotal, shipping) = (sum(|line| line.total), part.shipping);
        let total = Money::new(subtotal.amount + shipping.amount, self.currency());
        PartTotals { subtotal, shipping, tax: sum(|line| line.tax), total }
    }
}

#[cfg(test)]
mod tests {
    use PartStatus::{Cancelled, Delivered, Processing, Shipped, Waiting};
    use proptest::prelude::*;
    use strum::VariantArray as _;

    use super::*;
    use crate::order::tests::eur;

    /// The statuses above, the steps beside; `.` nothing, `!` refused, or the status that the part moves to.
    #[test]
    fn every_status_meets_every_step() {
        const TABLE: [(&str, [&str; 5]); 3] = [
            ("processing", ["Processing", ".", "!", "!", "!"]),
            ("shipped", ["!", "Shipped", ".", "!", "!"]),
            ("delivered", ["!", "!", "Delivered", ".", "!"]),
        ];
        for (step, row) in TABLE {
            for (status, expect) in PartStatus::VARIANTS.iter().zip(row) {
                let mut part = Part { status: *status, ..Part::new(BusinessId(5), eur(0)) };
                let advance = match step {
                    "processing" => Advance::Processing,
                    "shipped" => Advance::Shipped(Vec::new()),
                    _ => Advance::Delivered,
                };
                let became = match part.advance(advance) {
                    Err(_) => "!".to_owned(),
                    Ok(false) => ".".to_owned(),
                    Ok(true) => format!("{:?}", part.status),
                };
                assert_eq!(became, expect, "{step} at {status:?}");
                let is_drawn = LIFECYCLE.contains(&(*status, step, part.status));
                assert_eq!(is_drawn, part.status != *status, "{step} at {status:?} in the diagram");
            }
        }
    }

    #[test]
    fn the_order_stands_where_its_slowest_part_stands() {
        for (parts, expect) in [
            (&[Waiting][..], Some(Status::Confirmed)),
            (&[Waiting, Waiting], Some(Status::Confirmed)),
            (&[Waiting, Processing], Some(Status::Processing)),
            (&[Waiting, Shipped], Some(Status::Processing)),
            (&[Waiting, Cancelled], Some(Status::Processing)),
            (&[Processing, Processing], Some(Status::Processing)),
            (&[Processing, Delivered], Some(Status::Processing)),
            (&[Processing, Cancelled], Some(Status::Processing)),
            (&[Shipped, Shipped], Some(Status::Shipped)),
            (&[Shipped, Delivered], Some(Status::Shipped)),
            (&[Shipped, Cancelled], Some(Status::Shipped)),
            (&[Delivered, Delivered], Some(Status::Delivered)),
            (&[Delivered, Cancelled], Some(Status::Delivered)),
            (&[Cancelled, Cancelled], None),
        ] {
            assert_eq!(overall(parts.iter().copied()), expect, "{parts:?}");
            assert_eq!(overall(parts.iter().rev().copied()), expect, "{parts:?} the other way round");
        }
    }

    #[test]
    fn parcels_are_corrected_and_followed_on_the_web_only() {
        let text = |text: &str| Some(ParcelText::new(text).unwrap());
        let parcel = |number: &str| Parcel { number: text(number), ..Parcel::default() };
        let mut part = Part { status: Processing, ..Part::new(BusinessId(5), eur(0)) };
        let script = Parcel { url: text("javascript:alert(1)"), ..Parcel::default() };
        assert_eq!(part.advance(Advance::Shipped(vec![parcel("1"), script])), Err(OrderError::ParcelUrl(1)));
        assert_eq!(part.advance(Advance::Shipped(vec![parcel("1"); PARCELS_MAX + 1])), Err(OrderError::TooManyParcels));
        for (parcels, changed) in [(vec![parcel("1")], true), (vec![parcel("1")], false), (vec![parcel("2")], true), (vec![], false)] {
            assert_eq!(part.advance(Advance::Shipped(parcels.clone())), Ok(changed), "{parcels:?}");
        }
        assert_eq!(part.parcels, [parcel("2")]);
    }

    #[test]
    fn amounts_are_split_to_the_cent() {
        for (amount, weights, expect) in [
            (490, &[1][..], &[490][..]),
            (490, &[1000, 1000], &[245, 245]),
            (100, &[1, 1, 1], &[34, 33, 33]),
            (100, &[1, 2, 0], &[33, 67, 0]),
            (1, &[1, 3], &[0, 1]),
            (490, &[0, 0], &[490, 0]),
        ] {
            assert_eq!(split(eur(amount), weights), expect.iter().map(|share| eur(*share)).collect::<Vec<_>>(), "{amount} by {weights:?}");
        }
    }

    proptest! {
        #[test]
        fn shares_add_up_and_are_fair(amount in 0_i64..1_000_000_000, weights in prop::collection::vec(0_i64..1_000_000_000, 1..48)) {
            let shares = split(eur(amount), &weights);
            prop_assert_eq!(shares.iter().map(|share| share.amount).sum::<i64>(), amount);
            let sum: i128 = weights.iter().map(|weight| i128::from(*weight)).sum();
            for (share, weight) in shares.iter().zip(&weights).filter(|_| sum > 0) {
                let exact = i128::from(amount) * i128::from(*weight);
                prop_assert!((i128::from(share.amount) * sum - exact).abs() < sum, "{:?} for {}", share, weight);
            }
        }
    }
}
