//! What an order comes to: the one function that a quote and an order are priced by.

use contracts::ORDER_LINES_MAX;
use kernel::{Money, TaxRate};
use ports::reads::Offer;
use serde::Serialize;
use utoipa::ToSchema;

use super::{DraftLine, Line, OrderError, Pricing, ShippingPrice};

/// Lines at their prices, and what it takes to ship them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    pub lines: Vec<Line>,
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
        let lines = lines.into_iter().map(|line| line.priced(pricing)).collect::<Result<Vec<_>, _>>()?;
        let subtotal = Money::sum(pricing.currency, lines.iter().map(|line| line.total))?;
        let shipping = if ships { pricing.shipping.for_lines_worth(subtotal)? } else { Money::zero(pricing.currency) };
        // Whoever is asked for the total adds them up again.
        subtotal.plus(shipping)?;
        Ok(Self { lines, shipping })
    }

    pub fn subtotal(&self) -> Money {
        sum(&self.lines, self.shipping, |line| line.total)
    }

    pub fn tax(&self) -> Money {
        sum(&self.lines, self.shipping, |line| line.tax)
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
pub(super) fn sum(lines: &[Line], shipping: Money, of: impl Fn(&Line) -> Money) -> Money {
    Money::new(lines.iter().map(|line| of(line).amount).sum(), shipping.currency)
}

impl Pricing {
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
