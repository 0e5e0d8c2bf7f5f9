//! What a guest presents to see an order. The token follows from the order's id and a key that is not in the store, so that
//! whoever reads the store opens no order.

use std::sync::Arc;

use kernel::OrderId;
use ports::reads::OrderTokens;
use shell::Signer;
use subtle::ConstantTimeEq;

#[derive(Clone)]
pub struct GuestTokens {
    signer: Arc<Signer>,
}

impl GuestTokens {
    pub fn new(signer: Arc<Signer>) -> Self {
        Self { signer }
    }

    /// The comparison takes as long for a near miss as for any other, so that a token cannot be found letter by letter.
    pub(crate) fn opens(&self, order: OrderId, token: Option<&str>) -> bool {
        token.is_some_and(|token| self.guest_token(order).as_bytes().ct_eq(token.as_bytes()).into())
    }
}

impl GuestTokens {
    pub(crate) fn hash_of_client(&self, address: &str) -> String {
        self.signer.mac(&format!("client that orders {address}"))
    }
}

impl OrderTokens for GuestTokens {
    fn guest_token(&self, order: OrderId) -> String {
        self.signer.mac(&format!("guest's order {order}"))
    }
}

#[cfg(test)]
mod tests {
    use shell::SigningKey;

    use super::*;

    #[test]
    fn a_token_opens_its_order_and_no_other() {
        let tokens = |key| GuestTokens::new(Arc::new(Signer::new("https://shop.example", &SigningKey([key; 32])).unwrap()));
        let token = tokens(7).guest_token(OrderId(1));
        for (token, order, expect) in [
            (Some(token.as_str()), 1, true),
            (Some(token.as_str()), 2, false),
            (Some(&token[1..]), 1, false),
            (Some(tokens(8).guest_token(OrderId(1)).as_str()), 1, false),
            (Some(""), 1, false),
            (None, 1, false),
        ] {
            assert_eq!(tokens(7).opens(OrderId(order), token), expect, "{token:?} of {order}");
        }
    }
}
