//! What everybody may know of the shop before they order.

use axum::extract::State;
use kernel::{Currency, Email, Money};
use serde::Serialize;
use shell::http::{Anyone, OpenApiRouter};
use shell::{HandlerResult, Reply};
use utoipa::ToSchema;

use crate::App;

/// It changes when the shop is started with another configuration.
const KEPT_SECS: u32 = 300;

/// What the configuration says of the shop besides its prices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shop {
    pub name: String,
    /// Where people open it, without a slash at the end.
    pub public_url: String,
    /// The language of its mails and pages.
    pub locale: String,
    pub time_zone: String,
    pub support_email: Email,
    pub imprint: String,
    pub payment_methods: Vec<String>,
    pub features: Vec<Feature>,
}

/// What not every shop does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ShopFeature)]
pub enum Feature {
    /// No real money moves.
    TestPayments,
    /// Also people who did not buy or enquire may review.
    UnverifiedReviews,
    /// Businesses pay for enquiries.
    PaidLeads,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Shop)]
struct ShopView {
    name: String,
    /// Where people open the shop.
    url: String,
    currency: Currency,
    /// A BCP 47 tag.
    #[schema(example = "de")]
    locale: String,
    /// An IANA name.
    #[schema(example = "Europe/Berlin")]
    time_zone: String,
    /// Whether the prices of products have the tax in them.
    prices_include_tax: bool,
    shipping: ShippingView,
    /// Means of payment that the gateway takes.
    #[schema(example = json!(["card"]))]
    payment_methods: Vec<String>,
    /// How long an unpaid order of a customer is kept, in minutes.
    payment_deadline_minutes: u64,
    /// How long an unpaid order of a guest is kept, in minutes.
    guest_payment_deadline_minutes: u64,
    support_email: Email,
    /// Who runs the shop and where, in one line. May be empty.
    imprint: String,
    features: Vec<Feature>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ShopShipping)]
struct ShippingView {
    /// For an order with something to ship.
    flat: Money,
    /// Goods worth this much are shipped for nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    free_from: Option<Money>,
    /// Where goods are shipped to, as ISO 3166-1 alpha-2; everywhere if none is named.
    #[schema(example = json!(["DE", "AT"]))]
    countries: Vec<String>,
}

pub fn routes(app: App) -> OpenApiRouter {
    shell::routes!(show).with_state(app)
}

/// Get what there is to know of the shop: its currency, taxes, shipping and means of payment.
#[utoipa::path(get, path = "/shop", tag = "shop", operation_id = "getShop", responses((status = 200, body = ShopView)))]
async fn show(_: Anyone, State(app): State<App>) -> HandlerResult {
    let (shop, pricing) = (app.config.shop.clone(), app.config.pricing.clone());
    let view = ShopView {
        name: shop.name,
        url: shop.public_url,
        currency: pricing.currency,
        locale: shop.locale,
        time_zone: shop.time_zone,
        prices_include_tax: pricing.prices_include_tax,
        shipping: ShippingView { flat: pricing.shipping.flat, free_from: pricing.shipping.free_from, countries: pricing.countries },
        payment_methods: shop.payment_methods,
        payment_deadline_minutes: pricing.payment_deadline.as_secs() / 60,
        guest_payment_deadline_minutes: pricing.guest_payment_deadline.as_secs() / 60,
        support_email: shop.support_email,
        imprint: shop.imprint,
        features: shop.features,
    };
    Ok(Reply::ok(&view).cache_secs(KEPT_SECS))
}
