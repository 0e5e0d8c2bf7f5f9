//! What stands beside a product on the shelf: its stars and its stock, as the events of others have told.

use std::collections::BTreeMap;

use contracts::{Decision, RatingChanged, StockStateChanged};
use kernel::{ProductId, Rating, StockState, VariantId};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shelf {
    pub product_id: ProductId,
    #[serde(default)]
    pub rating: Rating,
    /// Of the event, which grows with every change of the rating.
    #[serde(default)]
    pub rating_sequence: u64,
    /// What is not named is out of stock.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub stock: BTreeMap<VariantId, VariantStock>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VariantStock {
    pub state: StockState,
    /// Of the event, which grows with every change of the state.
    pub revision: i64,
}

impl Shelf {
    /// Nothing was told yet.
    pub fn empty(product_id: ProductId) -> Self {
        Self { product_id, rating: Rating::default(), rating_sequence: 0, stock: BTreeMap::new() }
    }

    /// An event that comes late changes nothing.
    pub fn rated(self, changed: &RatingChanged, sequence: u64) -> Decision<Self> {
        if self.rating_sequence >= sequence {
            return Decision::unchanged(self);
        }
        Decision::changed(Self { rating: changed.rating, rating_sequence: sequence, ..self })
    }

    /// An event that comes late changes nothing.
    pub fn stocked(mut self, changed: &StockStateChanged) -> Decision<Self> {
        let told = VariantStock { state: changed.state, revision: changed.revision };
        match self.stock.get(&changed.variant_id) {
            Some(before) if before.revision >= told.revision => Decision::unchanged(self),
            Some(_) | None => {
                self.stock.insert(changed.variant_id, told);
                Decision::changed(self)
            }
        }
    }

    pub fn state(&self, variant: VariantId) -> StockState {
        self.stock.get(&variant).map(|stock| stock.state).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stock(variant: u128, state: StockState, revision: i64) -> StockStateChanged {
        StockStateChanged { variant_id: variant.into(), product_id: 1.into(), state, revision }
    }

    #[test]
    fn late_news_change_nothing() {
        let told = |shelf: Shelf, event: &StockStateChanged| shelf.stocked(event).into_state();
        let rated = |sum| RatingChanged { target: kernel::ReviewTarget::Product(1.into()), rating: Rating { sum, count: 1 } };
        let mut shelf = Shelf::empty(1.into());
        assert_eq!(shelf.state(7.into()), StockState::Out);
        for (event, state) in [
            (stock(7, StockState::InStock, 1), StockState::InStock),
            (stock(7, StockState::Out, 3), StockState::Out),
            (stock(7, StockState::Low, 2), StockState::Out),
            (stock(8, StockState::Low, 1), StockState::Out),
        ] {
            shelf = told(shelf, &event);
            assert_eq!(shelf.state(7.into()), state, "{event:?}");
        }
        assert_eq!(shelf.state(8.into()), StockState::Low);
        for (sum, sequence, expect) in [(5, 100, 5), (4, 300, 4), (3, 200, 4)] {
            shelf = shelf.rated(&rated(sum), sequence).into_state();
            assert_eq!(shelf.rating.sum, expect);
        }
        assert!(!shelf.clone().rated(&rated(1), 300).is_changed() && !shelf.stocked(&stock(7, StockState::Low, 3)).is_changed());
    }
}
