//! What customers are told of the stock of something.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StockState {
    InStock,
    /// There are few left.
    Low,
    #[default]
    Out,
    /// There is none in stock, but it can be ordered: it is made or bought on demand.
    Backorder,
}

impl StockState {
    pub fn of(in_stock: bool, low: bool, backorder: bool) -> Self {
        match (in_stock, low, backorder) {
            (true, false, _) => Self::InStock,
            (true, true, _) => Self::Low,
            (false, _, true) => Self::Backorder,
            (false, _, false) => Self::Out,
        }
    }

    pub fn can_be_ordered(self) -> bool {
        match self {
            Self::InStock | Self::Low | Self::Backorder => true,
            Self::Out => false,
        }
    }

    /// Of something that is had in any of several ways, the best of which counts.
    pub fn best(states: impl IntoIterator<Item = Self>) -> Self {
        let rank = |state: &Self| match state {
            Self::Out => 0,
            Self::Backorder => 1,
            Self::Low => 2,
            Self::InStock => 3,
        };
        states.into_iter().max_by_key(rank).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_of_several_counts() {
        use StockState::{Backorder, InStock, Low, Out};
        for (states, best) in
            [(&[][..], Out), (&[Out, Out], Out), (&[Out, Backorder], Backorder), (&[Low, Backorder], Low), (&[Out, InStock, Low], InStock)]
        {
            assert_eq!(StockState::best(states.iter().copied()), best, "{states:?}");
        }
    }
}
