//! The sum of all published reviews of a thing. It moves in the commit that moves the review.

use contracts::{Decision, RatingChanged};
use kernel::{Problem, Rating, ReviewTarget};
use serde::{Deserialize, Serialize};

use crate::review::RATING_MAX;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Aggregate {
    pub target: ReviewTarget,
    pub sum: u64,
    pub count: u64,
    /// How many gave one star, two, and so on.
    pub stars: [u64; RATING_MAX as usize],
}

/// The counters would go below zero: a defect, and nothing is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a rating was taken out of an average that never held it")]
pub struct AggregateError;

impl From<AggregateError> for Problem {
    fn from(error: AggregateError) -> Self {
        Self::internal(error)
    }
}

impl Aggregate {
    pub fn empty(target: ReviewTarget) -> Self {
        Self { target, sum: 0, count: 0, stars: [0; RATING_MAX as usize] }
    }

    pub fn rating(&self) -> Rating {
        Rating { sum: self.sum, count: self.count }
    }

    /// Takes what a review counted before out and puts what it counts now in.
    pub fn moved(mut self, before: Option<u8>, after: Option<u8>) -> Result<Decision<Self>, AggregateError> {
        if before == after {
            return Ok(Decision::unchanged(self));
        }
        if let Some(rating) = before {
            let stars = self.stars_of(rating)?;
            *stars = stars.checked_sub(1).ok_or(AggregateError)?;
            self.sum = self.sum.checked_sub(u64::from(rating)).ok_or(AggregateError)?;
            self.count = self.count.checked_sub(1).ok_or(AggregateError)?;
        }
        if let Some(rating) = after {
            *self.stars_of(rating)? += 1;
            self.sum += u64::from(rating);
            self.count += 1;
        }
        let event = RatingChanged { target: self.target, rating: self.rating() };
        Ok(Decision::changed(self).emit(event))
    }

    fn stars_of(&mut self, rating: u8) -> Result<&mut u64, AggregateError> {
        usize::from(rating).checked_sub(1).and_then(|index| self.stars.get_mut(index)).ok_or(AggregateError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_go_in_and_out() {
        let empty = Aggregate::empty(ReviewTarget::Product(1.into()));
        type Move = (Option<u8>, Option<u8>);
        type Case<'a> = (&'a [Move], (u64, u64), [u64; 5]);
        let cases: [Case<'_>; 5] = [
            (&[(None, Some(5))], (5, 1), [0, 0, 0, 0, 1]),
            (&[(None, Some(5)), (None, Some(1))], (6, 2), [1, 0, 0, 0, 1]),
            (&[(None, Some(5)), (Some(5), Some(2))], (2, 1), [0, 1, 0, 0, 0]),
            (&[(None, Some(5)), (Some(5), None)], (0, 0), [0; 5]),
            (&[(None, None)], (0, 0), [0; 5]),
        ];
        for (moves, (sum, count), stars) in cases {
            let end = moves.iter().fold(empty.clone(), |aggregate, (before, after)| aggregate.moved(*before, *after).unwrap().into_state());
            assert_eq!((end.sum, end.count, end.stars), (sum, count, stars), "{moves:?}");
        }
        for (before, after) in [(Some(5), None), (None, Some(0)), (None, Some(6))] {
            assert_eq!(empty.clone().moved(before, after).unwrap_err(), AggregateError, "{before:?} {after:?}");
        }
    }
}
