//! What the mails say: the data of each, who reads it, where its button leads, and a sample. Kept is the data instead of the
//! finished text, since it is a tenth of the size and holds no secret: links with tokens are made when the mail is shown or
//! sent.

use contracts::{CancelReason, DeclineCode, ReturnReason};
use kernel::{BusinessId, Currency, LeadId, Money, OrderId, PaymentId, PostalAddress, ReviewId, Timestamp, UserId, VariantId};
use ports::reads::{LinkPurpose, OrderLineSummary, OrderSummary};
use serde::{Deserialize, Serialize};
use strum::{EnumDiscriminants, EnumMessage, IntoStaticStr, VariantArray};

use crate::config::example;
use crate::links::Link;

/// The documentation of a variant is what the admin reads of the template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, EnumMessage, EnumDiscriminants)]
#[serde(tag = "mail", rename_all = "snake_case")]
#[strum_discriminants(
    name(Template),
    doc = "The name of a mail, and of the templates that it is made from.",
    derive(Hash, Serialize, Deserialize, IntoStaticStr, VariantArray, utoipa::ToSchema),
    serde(rename_all = "snake_case"),
    strum(serialize_all = "snake_case")
)]
pub enum Message {
    /// Tells the admin that a business waits to be published.
    BusinessSubmitted { business_id: BusinessId, business: String },
    /// Tells the owners that their business can be found.
    BusinessPublished { slug: String, business: String },
    /// Tells the owners what to change before their business is published.
    BusinessRejected { business_id: BusinessId, business: String, reason: String },
    /// Tells the admin that a published business wants to change its name, website or main category.
    BusinessEditSubmitted { business_id: BusinessId, business: String },
    /// Tells the owners whether their change is shown.
    BusinessEditDecided {
        business_id: BusinessId,
        business: String,
        // Why it was rejected; none where it was approved.
        reason: Option<String>,
    },
    /// Tells the owners why their business cannot be seen for now.
    BusinessSuspended { business_id: BusinessId, business: String, reason: String },
    /// Tells the admin that a claim to a business waits for a decision.
    ClaimRequested { business: String },
    /// Tells who claims a business how an admin decided.
    ClaimDecided {
        business_id: BusinessId,
        business: String,
        // Why the claim was refused; none where it was approved.
        reason: Option<String>,
    },
    /// Tells owners and managers about an enquiry, without who asked.
    NewLead { lead_id: LeadId, business_id: BusinessId, business: String, price: Money },
    /// Tells whoever asked a business what it has answered.
    LeadAnswered { business: String, name: String, message: String, reply: String },
    /// Tells the admin that a business wants its money back for an enquiry.
    LeadReturned { lead_id: LeadId, business: String, reason: ReturnReason },
    /// Tells the owners that an enquiry was taken back.
    LeadCredited { lead_id: LeadId, business_id: BusinessId, business: String, credit: Money },
    /// Greets a new customer.
    Welcome { name: String },
    /// Asks a customer to confirm that the address is theirs.
    Verification { user_id: UserId, name: String, serial: u32 },
    /// Brings the link to choose a new password.
    PasswordReset { user_id: UserId, name: String, serial: u32 },
    /// Tells a customer who registers again that there is an account, with the link to choose a new password.
    AccountExists { user_id: UserId, name: String, serial: u32 },
    /// Tells a customer that an admin has blocked the account.
    AccountDisabled { name: String },
    /// Tells the admin that a variant is running out.
    LowStockToAdmin { variant_id: VariantId, sku: String, available: i64, threshold: i64 },
    /// Tells the admin about a new order.
    OrderToAdmin { total: Money },
    /// Tells the customer that the order is confirmed.
    OrderConfirmation,
    /// Tells the customer that the payment was taken.
    Receipt { payment_id: PaymentId, paid: Money, paid_at: Timestamp },
    /// Tells the customer why nothing was paid, and how to try again.
    PaymentDeclined {
        code: DeclineCode,
        total: Money,
        // How long the customer may try, from when the mail was written.
        minutes: u32,
    },
    /// Tells the customer that the goods are on their way.
    Shipped { carrier: Option<String>, tracking_number: Option<String> },
    /// Tells the customer that and why the order was cancelled.
    Cancellation { total: Money, reason: CancelReason, money: MoneyBack },
    /// Tells the customer that money was sent back.
    PaymentRefunded { refund: Money, refunded: Money, paid: Money },
    /// Tells the admin that a refund was refused and is to be made by hand.
    RefundFailed { refund: Money, answer: String },
    /// Tells the admin that a review waits for moderation.
    ReviewSubmitted { stars: u8 },
    /// Tells the owners what somebody has said of them or their goods.
    NewReview { review_id: ReviewId, business_id: BusinessId, stars: u8 },
    /// Tells the author why a review is not shown.
    ReviewRejected { reason: String },
    /// Asks a customer, once for each order, how it was.
    ReviewReminder,
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

/// Who reads a mail; its foot says so, as the reason why it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reader {
    /// Somebody with an account.
    Member,
    /// Somebody who ordered.
    Customer,
    /// Somebody who asked a business.
    Enquirer,
    /// Whoever acts for a business.
    Business,
    /// The shop itself.
    House,
}

impl Message {
    pub fn template(&self) -> Template {
        self.into()
    }

    pub fn reader(&self) -> Reader {
        match self {
            Self::Welcome { .. }
            | Self::Verification { .. }
            | Self::PasswordReset { .. }
            | Self::AccountExists { .. }
            | Self::AccountDisabled { .. }
            | Self::ReviewRejected { .. } => Reader::Member,
            Self::OrderConfirmation
            | Self::Receipt { .. }
            | Self::PaymentDeclined { .. }
            | Self::Shipped { .. }
            | Self::Cancellation { .. }
            | Self::PaymentRefunded { .. }
            | Self::ReviewReminder => Reader::Customer,
            Self::LeadAnswered { .. } => Reader::Enquirer,
            Self::BusinessPublished { .. }
            | Self::BusinessRejected { .. }
            | Self::BusinessEditDecided { .. }
            | Self::BusinessSuspended { .. }
            | Self::ClaimDecided { .. }
            | Self::NewLead { .. }
            | Self::LeadCredited { .. }
            | Self::NewReview { .. } => Reader::Business,
            Self::BusinessSubmitted { .. }
            | Self::BusinessEditSubmitted { .. }
            | Self::ClaimRequested { .. }
            | Self::LeadReturned { .. }
            | Self::LowStockToAdmin { .. }
            | Self::OrderToAdmin { .. }
            | Self::RefundFailed { .. }
            | Self::ReviewSubmitted { .. } => Reader::House,
        }
    }

    /// Where its button leads.
    pub fn link(&self) -> Option<Link> {
        Some(match *self {
            Self::BusinessSubmitted { business_id, .. } | Self::BusinessEditSubmitted { business_id, .. } => {
                Link::AdminBusiness(business_id)
            }
            Self::BusinessPublished { ref slug, .. } => Link::Business { slug: slug.clone() },
            Self::BusinessRejected { business_id, .. }
            | Self::BusinessEditDecided { business_id, .. }
            | Self::BusinessSuspended { business_id, .. }
            | Self::ClaimDecided { business_id, reason: None, .. } => Link::PortalProfile(business_id),
            Self::ClaimDecided { reason: Some(_), .. } | Self::AccountDisabled { .. } | Self::LeadAnswered { .. } => return None,
            Self::ClaimRequested { .. } => Link::AdminClaims,
            Self::NewLead { business_id, lead_id, .. } | Self::LeadCredited { business_id, lead_id, .. } => {
                Link::PortalLead(business_id, lead_id)
            }
            Self::LeadReturned { lead_id, .. } => Link::AdminLead(lead_id),
            Self::Welcome { .. } => Link::Home,
            Self::Verification { user_id, serial, .. } => Link::Account { user_id, purpose: LinkPurpose::VerifyEmail, serial },
            Self::PasswordReset { user_id, serial, .. } | Self::AccountExists { user_id, serial, .. } => {
                Link::Account { user_id, purpose: LinkPurpose::ResetPassword, serial }
            }
            Self::LowStockToAdmin { variant_id, .. } => Link::AdminStock(variant_id),
            Self::OrderToAdmin { .. } | Self::RefundFailed { .. } => Link::AdminOrder,
            Self::OrderConfirmation
            | Self::Receipt { .. }
            | Self::PaymentDeclined { .. }
            | Self::Shipped { .. }
            | Self::Cancellation { .. }
            | Self::PaymentRefunded { .. }
            | Self::ReviewReminder => Link::Order,
            Self::ReviewSubmitted { .. } => Link::AdminReviews,
            Self::NewReview { business_id, review_id, .. } => Link::PortalReview(business_id, review_id),
            Self::ReviewRejected { .. } => Link::OwnReviews,
        })
    }

    /// Whether the reader needs the mail for something that they began. Other mails are not sent to an address that has
    /// refused mail before.
    pub fn is_essential(&self) -> bool {
        !matches!(self, Self::Welcome { .. } | Self::ReviewReminder)
    }

    /// Whether anybody can cause it to be sent to any address, and for nothing: an order that is not paid takes no more than
    /// naming one.
    pub fn is_free_to_cause(&self) -> bool {
        matches!(self, Self::PaymentDeclined { .. } | Self::Cancellation { money: MoneyBack::NothingTaken | MoneyBack::HoldLifted, .. })
    }

    /// Whether it names what was ordered, which is read of the order whenever the mail is shown or sent.
    pub fn shows_sale(&self) -> bool {
        matches!(self, Self::OrderToAdmin { .. } | Self::OrderConfirmation | Self::Receipt { .. } | Self::ReviewReminder)
    }

    /// One of each, with made-up data, for previews and tests.
    pub fn samples() -> Vec<Self> {
        let (business_id, lead_id, user_id) = (BusinessId(7), LeadId(7), UserId(1));
        let (business, name) = (|| "Old Mill".to_owned(), || "Ann Lee".to_owned());
        let (price, refund) = (Money::new(500, Currency::EUR), Money::new(1999, Currency::EUR));
        let OrderSummary { total, placed_at, .. } = sample_sale();
        vec![
            Self::BusinessSubmitted { business_id, business: business() },
            Self::BusinessPublished { slug: "old-mill".into(), business: business() },
            Self::BusinessRejected { business_id, business: business(), reason: "The address lacks its street.".into() },
            Self::BusinessEditSubmitted { business_id, business: business() },
            Self::BusinessEditDecided { business_id, business: business(), reason: Some("This is the name of a bank.".into()) },
            Self::BusinessSuspended { business_id, business: business(), reason: "Several guests found it closed for good.".into() },
            Self::ClaimRequested { business: business() },
            Self::ClaimDecided { business_id, business: business(), reason: None },
            Self::NewLead { lead_id, business_id, business: business(), price },
            Self::LeadAnswered {
                business: business(),
                name: name(),
                message: "Do you have time on Friday?".into(),
                reply: "Friday at ten suits us.".into(),
            },
            Self::LeadReturned { lead_id, business: business(), reason: ReturnReason::WrongNumber },
            Self::LeadCredited { lead_id, business_id, business: business(), credit: price },
            Self::Welcome { name: name() },
            Self::Verification { user_id, name: name(), serial: 1 },
            Self::PasswordReset { user_id, name: name(), serial: 1 },
            Self::AccountExists { user_id, name: name(), serial: 1 },
            Self::AccountDisabled { name: name() },
            Self::LowStockToAdmin { variant_id: 7.into(), sku: "POT-CLAY-L".into(), available: 2, threshold: 5 },
            Self::OrderToAdmin { total },
            Self::OrderConfirmation,
            Self::Receipt { payment_id: 7.into(), paid: total, paid_at: placed_at },
            Self::PaymentDeclined { code: DeclineCode::CardDeclined, total, minutes: 28 },
            Self::Shipped { carrier: Some("DHL".into()), tracking_number: Some("00340434161094015902".into()) },
            Self::Cancellation { total, reason: CancelReason::OutOfStock, money: MoneyBack::NothingTaken },
            Self::PaymentRefunded { refund, refunded: refund, paid: total },
            Self::RefundFailed { refund, answer: "The card has expired.".into() },
            Self::ReviewSubmitted { stars: 4 },
            Self::NewReview { review_id: 7.into(), business_id, stars: 4 },
            Self::ReviewRejected { reason: "It names a person.".into() },
            Self::ReviewReminder,
        ]
    }
}

impl Template {
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// The order of the samples.
pub fn sample_sale() -> OrderSummary {
    let eur = |amount| Money::new(amount, Currency::EUR);
    let line = |sku: &str, title: &str, quantity: u32, unit: i64| OrderLineSummary {
        product_id: 1.into(),
        seller_id: 1.into(),
        sku: sku.into(),
        title: title.into(),
        quantity,
        unit_price: eur(unit),
        total: eur(unit * i64::from(quantity)),
    };
    OrderSummary {
        id: OrderId(0x0193_4f2a_77b1_0000_1234_5678_9abc_def0),
        number: "S-7K3F-92QD".into(),
        customer_id: Some(1.into()),
        email: example("ann"),
        placed_at: Timestamp::from_millis(1_763_692_800_000),
        lines: vec![line("POT-CLAY-L", "Clay Plant Pot, Large", 2, 1999), line("BENCH-OAK", "Garden Bench, Oak", 1, 121_000)],
        subtotal: eur(124_998),
        shipping: eur(490),
        tax: eur(20_036),
        total: eur(125_488),
        shipping_address: Some(PostalAddress {
            name: "Ann Lee".into(),
            street_address: "Marienplatz 8".into(),
            extended_address: String::new(),
            postal_code: "80331".into(),
            address_locality: "München".into(),
            address_region: String::new(),
            address_country: "DE".into(),
            telephone: String::new(),
        }),
        pay_by: None,
    }
}

#[cfg(test)]
pub fn sample(template: Template) -> Message {
    Message::samples().into_iter().find(|sample| sample.template() == template).unwrap_or_else(|| panic!("no sample of {template:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_sample_of_each_mail_and_it_is_kept_under_its_name() {
        let samples = Message::samples();
        assert_eq!(samples.iter().map(Message::template).collect::<Vec<_>>(), Template::VARIANTS);
        for sample in samples {
            assert!(sample.get_documentation().is_some(), "{sample:?} lacks a description for the admin");
            let json = serde_json::to_value(&sample).unwrap();
            assert_eq!(json["mail"], sample.template().name());
            assert_eq!(serde_json::from_value::<Message>(json).unwrap(), sample);
        }
    }
}
