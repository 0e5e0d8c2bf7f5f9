//! Who may see an order, and in which part.

use kernel::Actor;
use subtle::ConstantTimeEq;

use super::{Line, Order, OrderError};

/// In which part somebody deals with an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Who placed it: signed in, or a guest with its token.
    Customer,
    /// Who sells something in it.
    Seller,
    /// Admins and support.
    Staff,
}

impl Order {
    /// The actor's part. Without one, the order does not exist for them.
    pub fn part_of(&self, actor: &Actor, token: Option<&str>) -> Result<Part, OrderError> {
        let owns = actor.user_id().is_some() && actor.user_id() == self.customer_id;
        if actor.is_staff() {
            Ok(Part::Staff)
        } else if owns || self.opens_with(token) {
            Ok(Part::Customer)
        } else if self.lines.iter().any(|line| actor.acts_for(line.seller_id)) {
            Ok(Part::Seller)
        } else {
            Err(OrderError::NotFound)
        }
    }

    /// The lines that the actor may see: a seller sees only their own.
    pub fn lines_for(&self, actor: &Actor, token: Option<&str>) -> Vec<&Line> {
        let part = self.part_of(actor, token);
        let sees = |line: &&Line| match part {
            Ok(Part::Customer | Part::Staff) => true,
            Ok(Part::Seller) | Err(_) => actor.acts_for(line.seller_id),
        };
        self.lines.iter().filter(sees).collect()
    }

    /// Whether the actor acts for all who sell something in it.
    pub fn is_all_of(&self, actor: &Actor) -> bool {
        self.lines.iter().all(|line| actor.acts_for(line.seller_id))
    }

    /// The comparison takes as long for a near miss as for any other, so that a token cannot be found letter by letter.
    fn opens_with(&self, token: Option<&str>) -> bool {
        match (&self.guest_token, token) {
            (Some(secret), Some(token)) => secret.as_bytes().ct_eq(token.as_bytes()).into(),
            (None, _) | (_, None) => false,
        }
    }
}
