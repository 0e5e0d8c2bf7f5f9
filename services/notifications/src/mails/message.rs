//! What the mails say: the data of each, who reads it, where its button leads, and a sample. Kept is the data instead of the
//! finished text, since it is a tenth of the size and holds no secret: links with tokens are made when the mail is shown or
//! sent.

use contracts::{CancelReason, DeclineCode, ReturnReason};
use kernel::{BusinessId, Currency, LeadId, Money, OrderId, PaymentId, PostalAddress, ReviewId, Timestamp, UserId, VariantId};
use ports::reads::{LinkPurpose, OrderLineSummary, OrderPartSummary, OrderSummary};
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
    /// Tells the admin that a variant of the house is running out, or is sold out.
    LowStockToAdmin { variant_id: VariantId, sku: String, title: String, available: i64, threshold: i64 },
    /// Tells the people of a business that a variant of theirs is running out, or is sold out.
    LowStock {
        business_id: BusinessId,
        business: String,
        variant_id: VariantId,
        sku: String,
        title: String,
        available: i64,
        threshold: i64,
    },
    /// Tells the admin about a new order.
    OrderToAdmin { total: Money },
    /// Tells the people of a business what to pack, and where it goes.
    OrderToSeller { business_id: BusinessId, business: String },
    /// Tells the people of a business that they need not pack their part of an order any more.
    OrderCancelledToSeller { business_id: BusinessId, business: String, reason: CancelReason },
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
    /// Tells the customer which goods are on their way, and which are still to come.
    Shipped {
        seller_id: BusinessId,
        // None where it is the house.
        business: Option<String>,
        parcels: Vec<ParcelName>,
        to_come: Vec<BusinessId>,
    },
    /// Tells the customer that a seller does not deliver their part of an order, and what goes back.
    PartCancelled {
        seller_id: BusinessId,
        // None where it is the house.
        business: Option<String>,
        refund: Money,
        reason: CancelReason,
    },
    /// Brings a guest the link to their order once more.
    OrderLink,
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

/// How to follow a parcel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParcelName {
    pub carrier: Option<String>,
    pub number: Option<String>,
    pub url: Option<String>,
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
            | Self::PartCancelled { .. }
            | Self::OrderLink
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
            | Self::LowStock { .. }
            | Self::OrderToSeller { .. }
            | Self::OrderCancelledToSeller { .. }
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
            Self::LowStock { business_id, variant_id, .. } => Link::PortalStock(business_id, variant_id),
            Self::OrderToSeller { business_id, .. } | Self::OrderCancelledToSeller { business_id, .. } => Link::PortalOrder(business_id),
            Self::OrderToAdmin { .. } | Self::RefundFailed { .. } => Link::AdminOrder,
            Self::OrderConfirmation
            | Self::Receipt { .. }
            | Self::PaymentDeclined { .. }
            | Self::Shipped { .. }
            | Self::PartCancelled { .. }
            | Self::OrderLink
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
        let is_unpaid = matches!(
            self,
            Self::PaymentDeclined { .. } | Self::Cancellation { money: MoneyBack::NothingTaken | MoneyBack::HoldLifted, .. }
        );
        is_unpaid || matches!(self, Self::OrderLink)
    }

    /// The seller whose part of the order it shows, and nothing of the others'.
    pub fn part(&self) -> Option<BusinessId> {
        match self {
            Self::OrderToSeller { business_id, .. } => Some(*business_id),
            Self::Shipped { seller_id, .. } | Self::PartCancelled { seller_id, .. } => Some(*seller_id),
            _ => None,
        }
    }

    /// The sellers whose parts of the order are still to come.
    pub fn to_come(&self) -> &[BusinessId] {
        match self {
            Self::Shipped { to_come, .. } => to_come,
            _ => &[],
        }
    }

    /// Whether it names what was ordered, which is read of the order whenever the mail is shown or sent.
    pub fn shows_sale(&self) -> bool {
        let names_all = matches!(self, Self::OrderToAdmin { .. } | Self::OrderConfirmation | Self::Receipt { .. } | Self::ReviewReminder);
        names_all || self.part().is_some()
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
            Self::LowStockToAdmin {
                variant_id: 7.into(),
                sku: "POT-CLAY-L".into(),
                title: "Clay Plant Pot".into(),
                available: 2,
                threshold: 5,
            },
            Self::LowStock {
                business_id,
                business: business(),
                variant_id: 7.into(),
                sku: "POT-CLAY-L".into(),
                title: "Clay Plant Pot".into(),
                available: 0,
                threshold: 5,
            },
            Self::OrderToAdmin { total },
            Self::OrderToSeller { business_id, business: business() },
            Self::OrderCancelledToSeller { business_id, business: business(), reason: CancelReason::ByCustomer },
            Self::OrderConfirmation,
            Self::Receipt { payment_id: 7.into(), paid: total, paid_at: placed_at },
            Self::PaymentDeclined { code: DeclineCode::CardDeclined, total, minutes: 28 },
            Self::Shipped {
                seller_id: business_id,
                business: Some(business()),
                parcels: vec![ParcelName { carrier: Some("DHL".into()), number: Some("00340434161094015902".into()), url: None }],
                to_come: vec![BusinessId::HOUSE],
            },
            Self::PartCancelled { seller_id: business_id, business: Some(business()), refund, reason: CancelReason::BySeller },
            Self::OrderLink,
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
    let line = |seller_id, sku: &str, title: &str, quantity: u32, unit: i64| OrderLineSummary {
        product_id: 1.into(),
        seller_id,
        sku: sku.into(),
        title: title.into(),
        quantity,
        unit_price: eur(unit),
        total: eur(unit * i64::from(quantity)),
    };
    let part = |seller_id, subtotal, shipping, tax| OrderPartSummary {
        seller_id,
        subtotal: eur(subtotal),
        shipping: eur(shipping),
        tax: eur(tax),
        total: eur(subtotal + shipping),
        cancelled: false,
    };
    OrderSummary {
        id: OrderId(0x0193_4f2a_77b1_0000_1234_5678_9abc_def0),
        number: "S-7K3F-92QD".into(),
        customer_id: Some(1.into()),
        email: example("ann"),
        placed_at: Timestamp::from_millis(1_763_692_800_000),
        lines: vec![
            line(BusinessId::HOUSE, "POT-CLAY-L", "Clay Plant Pot, Large", 2, 1999),
            line(BusinessId(7), "BENCH-OAK", "Garden Bench, Oak", 1, 121_000),
        ],
        parts: vec![part(BusinessId::HOUSE, 3998, 16, 638), part(BusinessId(7), 121_000, 474, 19_398)],
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
