//! Who may see an order, and in which part.

use kernel::Actor;

use super::{Order, OrderError};

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

    /// Whether the actor acts for all who sell something in it.
    pub fn is_all_of(&self, actor: &Actor) -> bool {
        self.lines.iter().all(|line| actor.acts_for(line.seller_id))
    }

    fn opens_with(&self, token: Option<&str>) -> bool {
        match (&self.guest_token, token) {
            (Some(secret), Some(token)) => is_same_secret(secret, token),
            (None, _) | (_, None) => false,
        }
    }
}

/// Takes as long for a near miss as for any other, so that a secret cannot be found letter by letter.
fn is_same_secret(secret: &str, given: &str) -> bool {
    let differing = secret.bytes().zip(given.bytes()).fold(0, |differing, (left, right)| differing | (left ^ right));
    secret.len() == given.len() && std::hint::black_box(differing) == 0
}
