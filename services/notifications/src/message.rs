//! What a mail says: a template and the data as it was when the mail was written. They are kept
//! instead of the finished text, since it is a tenth of the size and holds no secret: links with
//! tokens are made when the mail is shown or sent.

use contracts::CancelReason;
use kernel::{BusinessId, Currency, LeadId, Money, OrderId, PaymentId, PostalAddress, Problem, ReviewId, Timestamp, UserId, VariantId};
use serde::{Deserialize, Serialize};

macro_rules! templates {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $description:literal;)*) => {
        /// The name of a template.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum Template {
            $($(#[$doc])* $name,)*
        }

        impl Template {
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// When the mail is written and to whom, for the admin.
            pub fn description(self) -> &'static str {
                match self { $(Self::$name => $description,)* }
            }
        }
    };
}

templates! {
    Welcome = "welcome", "Greets a new customer.";
    Verification = "verification", "Asks a customer to prove that the address is theirs.";
    PasswordReset = "password_reset", "Brings the link to choose a new password.";
    OrderConfirmation = "order_confirmation", "Tells the customer that the order is confirmed.";
    Receipt = "receipt", "Tells the customer that the payment was taken.";
    Shipped = "shipped", "Tells the customer that the goods left.";
    Cancellation = "cancellation", "Tells the customer that and why the order was cancelled.";
    PaymentRefunded = "payment_refunded", "Tells the customer that money was sent back.";
    OrderToAdmin = "order_to_admin", "Tells the admin about a new order.";
    LowStockToAdmin = "low_stock_to_admin", "Tells the admin that a variant is running out.";
    BusinessPublished = "business_published", "Tells the owners that their business can be found.";
    BusinessRejected = "business_rejected", "Tells the owners what to change before their business is published.";
    BusinessSuspended = "business_suspended", "Tells the owners why their business cannot be seen for now.";
    ClaimDecided = "claim_decided", "Tells who claims a business how an admin decided.";
    NewLead = "new_lead", "Tells the owners about an enquiry, without who asked.";
    NewReview = "new_review", "Tells the owners what somebody has said of them or their goods.";
    ReviewReminder = "review_reminder", "Asks a customer, once for each order, how it was.";
}

impl Template {
    /// Whether the shop writes it to itself.
    pub fn is_to_the_shop(self) -> bool {
        match self {
            Self::OrderToAdmin | Self::LowStockToAdmin => true,
            Self::Welcome
            | Self::Verification
            | Self::PasswordReset
            | Self::OrderConfirmation
            | Self::Receipt
            | Self::Shipped
            | Self::Cancellation
            | Self::PaymentRefunded
            | Self::BusinessPublished
            | Self::BusinessRejected
            | Self::BusinessSuspended
            | Self::ClaimDecided
            | Self::NewLead
            | Self::NewReview
            | Self::ReviewReminder => false,
        }
    }

    /// Whether the receiver needs the mail for something that they began. Other mails are not sent
    /// to an address that has refused mail before.
    pub fn is_essential(self) -> bool {
        match self {
            Self::Welcome | Self::ReviewReminder => false,
            Self::Verification
            | Self::PasswordReset
            | Self::OrderConfirmation
            | Self::Receipt
            | Self::Shipped
            | Self::Cancellation
            | Self::PaymentRefunded
            | Self::OrderToAdmin
            | Self::LowStockToAdmin
            | Self::BusinessPublished
            | Self::BusinessRejected
            | Self::BusinessSuspended
            | Self::ClaimDecided
            | Self::NewLead
            | Self::NewReview => true,
        }
    }
}

/// A line of an order; amounts are minor units of the order's currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineData {
    pub sku: String,
    pub title: String,
    pub quantity: u32,
    pub unit: i64,
    pub total: i64,
}

/// An order as it was sold; amounts are minor units of `currency`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderData {
    pub id: OrderId,
    pub number: String,
    /// A guest's link holds a token, which is asked for when it is needed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub guest: bool,
    pub placed_at: Timestamp,
    pub currency: Currency,
    pub lines: Vec<LineData>,
    pub subtotal: i64,
    pub shipping: i64,
    /// Included in the total.
    pub tax: i64,
    pub total: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<PostalAddress>,
}

/// The order that a short mail is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderName {
    pub id: OrderId,
    pub number: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub guest: bool,
}

/// The template and its data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    Welcome {
        name: String,
    },
    Verification {
        user_id: UserId,
        name: String,
        serial: u32,
    },
    PasswordReset {
        user_id: UserId,
        name: String,
        serial: u32,
    },
    OrderConfirmation,
    Receipt {
        payment_id: PaymentId,
        paid: Money,
        paid_at: Timestamp,
    },
    Shipped {
        order: OrderName,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        carrier: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tracking_number: Option<String>,
    },
    Cancellation {
        order: OrderName,
        total: Money,
        reason: CancelReason,
        money: MoneyBack,
    },
    PaymentRefunded {
        order: OrderName,
        refund: Money,
        refunded: Money,
        paid: Money,
    },
    OrderToAdmin {
        customer: String,
    },
    LowStockToAdmin {
        variant_id: VariantId,
        sku: String,
        available: i64,
        threshold: i64,
    },
    BusinessPublished {
        slug: String,
        business: String,
    },
    BusinessRejected {
        business_id: BusinessId,
        business: String,
        reason: String,
    },
    BusinessSuspended {
        business_id: BusinessId,
        business: String,
        reason: String,
    },
    ClaimDecided {
        business_id: BusinessId,
        business: String,
        /// Why the claim was refused; absent where it was approved.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    NewLead {
        lead_id: LeadId,
        business_id: BusinessId,
        business: String,
        price: Money,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        duplicate: bool,
    },
    NewReview {
        review_id: ReviewId,
        /// 1 to 5.
        stars: u8,
    },
    ReviewReminder {
        order: OrderName,
        titles: Vec<String>,
    },
}

/// A message, and the order as it was sold, which confirmations, receipts and the news to the admin show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    pub message: Message,
    pub order: Option<OrderData>,
}

impl Message {
    /// Whether it shows the lines and sums of an order.
    pub fn shows_order(&self) -> bool {
        matches!(self, Self::OrderConfirmation | Self::Receipt { .. } | Self::OrderToAdmin { .. })
    }
}

impl Content {
    /// Fails for a message that shows an order and was kept without one.
    pub fn shown_order(&self) -> Result<&OrderData, Problem> {
        self.order.as_ref().ok_or_else(|| Problem::internal(format!("a mail of {} lacks its order", self.message.template().name())))
    }
}

impl From<Message> for Content {
    fn from(message: Message) -> Self {
        Self { message, order: None }
    }
}

/// What a cancellation means for the customer's money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MoneyBack {
    /// Nothing was asked of a bank, or the bank said no.
    NothingTaken,
    /// The bank may hold the amount, or have just taken it; the hold is lifted, or it is returned.
    HoldLifted,
    /// The amount may have been taken; it is returned in full.
    Returned,
}

impl MoneyBack {
    pub fn of(reason: CancelReason, was_confirmed: bool, payment_tried: bool) -> Self {
        if was_confirmed {
            return Self::Returned;
        }
        match reason {
            CancelReason::PaymentDeclined | CancelReason::InsufficientFunds => Self::NothingTaken,
            CancelReason::OutOfStock
            | CancelReason::PaymentFailed
            | CancelReason::Expired
            | CancelReason::ByCustomer
            | CancelReason::BySeller
            | CancelReason::ByAdmin => {
                if payment_tried {
                    Self::HoldLifted
                } else {
                    Self::NothingTaken
                }
            }
        }
    }
}

impl Message {
    pub fn template(&self) -> Template {
        match self {
            Self::Welcome { .. } => Template::Welcome,
            Self::Verification { .. } => Template::Verification,
            Self::PasswordReset { .. } => Template::PasswordReset,
            Self::OrderConfirmation => Template::OrderConfirmation,
            Self::Receipt { .. } => Template::Receipt,
            Self::Shipped { .. } => Template::Shipped,
            Self::Cancellation { .. } => Template::Cancellation,
            Self::PaymentRefunded { .. } => Template::PaymentRefunded,
            Self::OrderToAdmin { .. } => Template::OrderToAdmin,
            Self::LowStockToAdmin { .. } => Template::LowStockToAdmin,
            Self::BusinessPublished { .. } => Template::BusinessPublished,
            Self::BusinessRejected { .. } => Template::BusinessRejected,
            Self::BusinessSuspended { .. } => Template::BusinessSuspended,
            Self::ClaimDecided { .. } => Template::ClaimDecided,
            Self::NewLead { .. } => Template::NewLead,
            Self::NewReview { .. } => Template::NewReview,
            Self::ReviewReminder { .. } => Template::ReviewReminder,
        }
    }
}

/// One line of at most `characters_max` characters: what came from outside can neither begin a new
/// line of a mail nor flood it.
pub fn one_line(text: &str, characters_max: usize) -> String {
    let words = text.split(|character: char| character.is_whitespace() || character.is_control()).filter(|word| !word.is_empty());
    let line = words.collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(characters_max) {
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
        None => line,
    }
}

/// The name to greet with. Anybody can register a stranger's address under any name, so a name that
/// a mail program would turn into a link is left out: the shop's mails carry no one else's message.
pub fn greeting_name(name: &str) -> String {
    let name = one_line(name, 60);
    let dotted = name.as_bytes().windows(2).any(|pair| pair[0] == b'.' && pair[1] != b' ');
    if dotted || name.contains(['/', '@', ':', '\\']) { String::new() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greeting_names() {
        for (name, expect) in [
            ("Ann Lee", "Ann Lee"),
            ("  Dr. Ann\r\n Lee ", "Dr. Ann Lee"),
            ("O'Neil <b>", "O'Neil <b>"),
            ("You won! https://evil.example", ""),
            ("visit evil.example now", ""),
            ("request ann@example.com", ""),
            ("", ""),
        ] {
            assert_eq!(greeting_name(name), expect, "{name}");
        }
        assert_eq!(greeting_name(&"ä".repeat(61)), format!("{}…", "ä".repeat(60)));
    }

    #[test]
    fn what_becomes_of_the_money() {
        use CancelReason::*;
        for (reason, was_confirmed, payment_tried, expect) in [
            (OutOfStock, false, false, MoneyBack::NothingTaken),
            (PaymentDeclined, false, true, MoneyBack::NothingTaken),
            (InsufficientFunds, false, true, MoneyBack::NothingTaken),
            (PaymentFailed, false, true, MoneyBack::HoldLifted),
            (Expired, false, true, MoneyBack::HoldLifted),
            (Expired, false, false, MoneyBack::NothingTaken),
            (ByCustomer, true, true, MoneyBack::Returned),
            (BySeller, true, true, MoneyBack::Returned),
            (ByAdmin, false, true, MoneyBack::HoldLifted),
        ] {
            assert_eq!(MoneyBack::of(reason, was_confirmed, payment_tried), expect, "{reason:?}");
        }
    }

    #[test]
    fn names_are_those_of_the_wire() {
        for template in Template::ALL {
            assert_eq!(serde_json::to_string(template).unwrap(), format!("\"{}\"", template.name()));
        }
    }
}
