//! What an order comes to: the one function that a quote and an order are priced by.

use contracts::ORDER_LINES_MAX;
use kernel::{BusinessId, Currency, Duration, Money, Offer, TaxRate, UserId};
use serde::Serialize;
use utoipa::ToSchema;

use super::part::split;
use super::{Line, OrderError, Part};

/// What is ordered, as the catalog sells it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftLine {
    pub offer: Offer,
    pub quantity: u32,
}

/// What the shop's configuration says about sums and deadlines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pricing {
    /// Every price is in it.
    pub currency: Currency,
    /// Whether the prices of the catalog have the tax in them.
    pub prices_include_tax: bool,
    pub shipping: ShippingPrice,
    /// Where goods are shipped to, as ISO 3166-1 alpha-2; everywhere if none is named.
    pub countries: Vec<String>,
    /// How long an order waits to be paid, and keeps its stock from others.
    pub payment_deadline: Duration,
    /// The same for guests, of whom less is known.
    pub guest_payment_deadline: Duration,
}

/// What shipping costs, for orders with something to ship. It carries no tax of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShippingPrice {
    pub flat: Money,
    /// Lines worth this much are shipped for nothing.
    pub free_from: Option<Money>,
}

/// Lines at their prices, and what it takes to ship them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    pub lines: Vec<Line>,
    /// One for each seller, in the order of their first lines. The shipping is split by what is shipped of each.
    pub parts: Vec<Part>,
    pub shipping: Money,
}

/// The tax of one rate in a sum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct TaxShare {
    /// In basis points: 1900 is 19 %.
    pub rate: TaxRate,
    pub tax: Money,
    /// Sum of the lines with this rate, their tax included.
    pub total: Money,
}

impl Quote {
    /// For a delivery to the country, where it is known already.
    pub fn of(lines: Vec<DraftLine>, country: Option<&str>, pricing: &Pricing) -> Result<Self, OrderError> {
        if lines.is_empty() || lines.len() > ORDER_LINES_MAX || lines.iter().any(|line| line.quantity == 0) {
            return Err(OrderError::Lines);
        }
        let ships = lines.iter().any(|line| line.offer.requires_shipping);
        if ships && !country.is_none_or(|country| pricing.delivers_to(country)) {
            return Err(OrderError::NotDelivered);
        }
        let shipped: Vec<bool> = lines.iter().map(|line| line.offer.requires_shipping).collect();
        let lines = lines.into_iter().map(|line| line.priced(pricing)).collect::<Result<Vec<_>, _>>()?;
        let subtotal = Money::sum(pricing.currency, lines.iter().map(|line| line.total))?;
        let shipping = if ships { pricing.shipping.for_lines_worth(subtotal)? } else { Money::zero(pricing.currency) };
        // Whoever is asked for the total adds them up again.
        subtotal.plus(shipping)?;
        let parts = parts(&lines, &shipped, shipping);
        Ok(Self { lines, parts, shipping })
    }

    pub fn subtotal(&self) -> Money {
        sum(&self.lines, self.shipping.currency, |line| line.total)
    }

    pub fn tax(&self) -> Money {
        sum(&self.lines, self.shipping.currency, |line| line.tax)
    }

    pub fn total(&self) -> Money {
        Money::new(self.subtotal().amount + self.shipping.amount, self.shipping.currency)
    }
}

/// The tax by rate, the lowest first.
pub fn taxes<'a>(lines: impl IntoIterator<Item = &'a Line>) -> Vec<TaxShare> {
    let mut shares: Vec<TaxShare> = Vec::new();
    for line in lines {
        match shares.iter_mut().find(|share| share.rate == line.tax_rate) {
            Some(share) => {
                share.tax.amount += line.tax.amount;
                share.total.amount += line.total.amount;
            }
            None => shares.push(TaxShare { rate: line.tax_rate, tax: line.tax, total: line.total }),
        }
    }
    shares.sort_by_key(|share| share.rate.0);
    shares
}

/// That such sums can be written was checked when the lines were priced, and lines never change.
pub(super) fn sum(lines: &[Line], currency: Currency, of: impl Fn(&Line) -> Money) -> Money {
    Money::new(lines.iter().map(|line| of(line).amount).sum(), currency)
}

/// Each seller bears the shipping in proportion to what is shipped of theirs; to each piece alike, if all of that is free.
fn parts(lines: &[Line], shipped: &[bool], shipping: Money) -> Vec<Part> {
    let mut sellers: Vec<BusinessId> = Vec::new();
    for line in lines {
        if !sellers.contains(&line.seller_id) {
            sellers.push(line.seller_id);
        }
    }
    let weigh = |weight: fn(&Line) -> i64| -> Vec<i64> {
        let of = |seller: &BusinessId| {
            let own = lines.iter().zip(shipped).filter(|(line, shipped)| **shipped && line.seller_id == *seller);
            own.map(|(line, _)| weight(line)).sum()
        };
        sellers.iter().map(of).collect()
    };
    let mut weights = weigh(|line| line.total.amount);
    if weights.iter().all(|weight| *weight == 0) {
        weights = weigh(|line| i64::from(line.quantity));
    }
    sellers.iter().zip(split(shipping, &weights)).map(|(seller, share)| Part::new(*seller, share)).collect()
}

impl Pricing {
    pub fn deadline_of(&self, customer: Option<UserId>) -> Duration {
        if customer.is_some() { self.payment_deadline } else { self.guest_payment_deadline }
    }

    fn delivers_to(&self, country: &str) -> bool {
        self.countries.is_empty() || self.countries.iter().any(|delivered| delivered == country)
    }
}

impl DraftLine {
    fn priced(self, pricing: &Pricing) -> Result<Line, OrderError> {
        let Offer { product_id, variant_id, seller_id, sku, title, unit_price, tax_rate, image_url, .. } = self.offer;
        let quantity = self.quantity;
        let price = unit_price.times(quantity)?;
        let (tax, total) = if pricing.prices_include_tax {
            (tax_rate.included_in(price), price)
        } else {
            let tax = tax_rate.on_top_of(price);
            (tax, price.plus(tax)?)
        };
        Ok(Line { product_id, variant_id, seller_id, sku, title, quantity, unit_price, tax_rate, tax, total, image_url })
    }
}

impl ShippingPrice {
    fn for_lines_worth(self, subtotal: Money) -> Result<Money, OrderError> {
        match self.free_from {
            Some(free_from) if subtotal.minus(free_from)?.amount >= 0 => Ok(Money::zero(subtotal.currency)),
            Some(_) | None => Ok(self.flat),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::tests::{eur, line, pricing};

    #[test]
    fn tax_is_told_by_rate() {
        let quote = Quote::of(vec![line(1, 1190, 1900), line(2, 1070, 700), line(1, 119, 1900)], None, &pricing()).unwrap();
        let share = |rate, tax, total| TaxShare { rate: TaxRate(rate), tax: eur(tax), total: eur(total) };
        assert_eq!(taxes(&quote.lines), [share(700, 140, 2140), share(1900, 209, 1309)]);
        assert_eq!(quote.tax(), eur(349));
    }

    /// What is sold by whom, at which price, and whether it is shipped; and what of 4.90 each seller bears.
    #[test]
    fn sellers_share_the_shipping_by_what_is_shipped() {
        for (goods, expect) in [
            (&[(1, 1000, true)][..], &[(1, 490)][..]),
            (&[(1, 1000, true), (2, 1000, true)], &[(1, 245), (2, 245)]),
            (&[(2, 1000, true), (1, 500, true), (2, 500, true)], &[(2, 368), (1, 122)]),
            (&[(1, 4000, false), (2, 10, true)], &[(1, 0), (2, 490)]),
            (&[(1, 1000, false), (2, 1000, false)], &[(1, 0), (2, 0)]),
            (&[(1, 0, true), (2, 0, true), (3, 0, false)], &[(1, 245), (2, 245), (3, 0)]),
        ] {
            let sold = |(seller, price, ships): &(u128, i64, bool)| {
                let offer = Offer { seller_id: BusinessId(*seller), requires_shipping: *ships, ..line(1, *price, 0).offer };
                DraftLine { offer, quantity: 1 }
            };
            let quote = Quote::of(goods.iter().map(sold).collect(), None, &pricing()).unwrap();
            let shares: Vec<_> = quote.parts.iter().map(|part| (part.seller_id.0, part.shipping.amount)).collect();
            assert_eq!(shares, expect, "{goods:?}");
        }
    }

    #[test]
    fn goods_are_shipped_to_the_countries_of_the_shop() {
        let digital = || DraftLine { offer: Offer { requires_shipping: false, ..line(1, 100, 0).offer }, quantity: 1 };
        let near = || Pricing { countries: vec!["DE".into(), "AT".into()], ..pricing() };
        for (goods, country, pricing, expect) in [
            (line(1, 100, 0), Some("AT"), near(), true),
            (line(1, 100, 0), Some("US"), near(), false),
            (line(1, 100, 0), None, near(), true),
            (line(1, 100, 0), Some("US"), pricing(), true),
            (digital(), Some("US"), near(), true),
        ] {
            let quote = Quote::of(vec![goods], country, &pricing);
            assert_eq!(quote.is_ok(), expect, "{country:?}");
            assert!(expect || quote == Err(OrderError::NotDelivered));
        }
    }
}
