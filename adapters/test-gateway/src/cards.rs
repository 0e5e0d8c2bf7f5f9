//! The numbers that the test gateway knows, and what each does.

/// What a card does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Behaviour {
    Approve,
    Decline,
    InsufficientFunds,
    RequiresAction,
    /// The first authorization takes effect, but its answer is lost.
    AnswerLost,
    /// The first authorization is lost on the way.
    RequestLost,
    Slow,
    /// The first capture takes effect, but its answer is lost.
    CaptureAnswerLost,
    RefundRefused,
    Unavailable,
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TestCard {
    pub number: &'static str,
    pub behaviour: Behaviour,
    /// A sentence for documents and the shop's payment page.
    pub does: &'static str,
}

const fn card(number: &'static str, behaviour: Behaviour, does: &'static str) -> TestCard {
    TestCard { number, behaviour, does }
}

/// Every number there is. Where Stripe publishes a number for the same behaviour, it is that one.
pub const CARDS: &[TestCard] = &[
    card("4242424242424242", Behaviour::Approve, "The payment is approved."),
    card("4000000000000002", Behaviour::Decline, "The bank declines (card_declined)."),
    card("4000000000009995", Behaviour::InsufficientFunds, "The bank declines for lack of funds (insufficient_funds)."),
    card("4000002760003184", Behaviour::RequiresAction, "The customer must confirm on the bank's page first."),
    card(
        "4000000000008013",
        Behaviour::AnswerLost,
        "The authorization takes effect, but its answer is lost: the outcome is unknown at first.",
    ),
    card(
        "4000000000008021",
        Behaviour::RequestLost,
        "The authorization is lost on the way: the outcome is unknown and nothing took effect.",
    ),
    card("4000000000008039", Behaviour::Slow, "The payment is approved after two seconds."),
    card("4000000000008047", Behaviour::CaptureAnswerLost, "The payment is approved; the capture takes effect, but its answer is lost."),
    card("4000000000005126", Behaviour::RefundRefused, "The payment is approved, and every refund of it is refused."),
    card("4000000000008054", Behaviour::Unavailable, "The gateway is unavailable whenever this card is to be authorized."),
];

/// The row of a number; spaces do not count. Anything else is none of ours and is kept nowhere.
pub fn find(method: &str) -> Option<&'static TestCard> {
    let digits = method.bytes().filter(|byte| *byte != b' ');
    CARDS.iter().find(|card| card.number.bytes().eq(digits.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_distinct_and_pass_the_check_digit() {
        for (place, card) in CARDS.iter().enumerate() {
            assert!(
                CARDS[..place].iter().all(|other| other.number != card.number && other.behaviour != card.behaviour),
                "{} twice",
                card.number
            );
            let sum: u32 = card.number.bytes().rev().enumerate().map(|(place, digit)| luhn(place, u32::from(digit - b'0'))).sum();
            assert_eq!(sum % 10, 0, "{}", card.number);
        }
    }

    fn luhn(place: usize, digit: u32) -> u32 {
        match place % 2 {
            0 => digit,
            _ if digit > 4 => digit * 2 - 9,
            _ => digit * 2,
        }
    }

    #[test]
    fn spaces_are_tolerated_and_other_numbers_are_not() {
        assert_eq!(find("4242 4242 4242 4242").unwrap().behaviour, Behaviour::Approve);
        for other in ["", " ", "4242", "42424242424242420", "5555555555554444", "4242-4242-4242-4242", "４２４２424242424242"] {
            assert!(find(other).is_none(), "{other}");
        }
    }
}
