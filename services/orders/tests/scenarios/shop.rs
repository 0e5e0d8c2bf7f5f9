//! A shop around the orders: carts, a catalog and accounts that the tests fill, and what inventory and
//! payments would say.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use contracts::{
    Decline, DeclineCode, Event, OrderAwaitingPayment, PaymentCaptured, PaymentFailed, PaymentRef, PaymentRefunded, PaymentRequiresAction,
    StockRefused, StockReserved,
};
use kernel::Offer;
use kernel::{Actor, BusinessId, CartId, Currency, Duration, Money, OrderId, Problem, ProductId, TaxRate, Timestamp, UserId, VariantId};
use orders::{Config, Deps, Feature, GuestTokens, Pricing, ShippingPrice, UnpaidLimits};
use ports::GatewayError;
use ports::reads::{Account, Availability, CartContents, CartLine, CartReads, CatalogReads, IdentityReads, InventoryReads};
use serde_json::{Value, json};
use shell::testing::{Harness, TestResponse};
use shell::{Signer, SigningKey};

pub const SELLER: BusinessId = BusinessId(5);
/// Who sells the pots in orders of two.
pub const OTHER: BusinessId = BusinessId(6);
pub const TEA: VariantId = VariantId(1);
pub const POT: VariantId = VariantId(2);

pub fn eur(amount: i64) -> Money {
    Money::new(amount, Currency::EUR)
}

#[derive(Default)]
pub struct World {
    pub carts: Mutex<HashMap<CartId, CartContents>>,
    pub offers: Mutex<HashMap<VariantId, Offer>>,
    /// Variants that are not named have plenty.
    pub stock: Mutex<HashMap<VariantId, Availability>>,
}

#[async_trait]
impl CartReads for World {
    async fn cart(&self, id: CartId) -> Result<Option<CartContents>, Problem> {
        Ok(self.carts.lock().expect("no test panicked").get(&id).cloned())
    }
}

#[async_trait]
impl CatalogReads for World {
    async fn offers(&self, variants: &[(ProductId, VariantId)]) -> Result<Vec<Option<Offer>>, Problem> {
        let offers = self.offers.lock().expect("no test panicked");
        Ok(variants.iter().map(|(_, variant)| offers.get(variant).cloned()).collect())
    }
}

#[async_trait]
impl InventoryReads for World {
    async fn availability(&self, variants: &[VariantId]) -> Result<Vec<Availability>, Problem> {
        let stock = self.stock.lock().expect("no test panicked");
        let plenty = |variant_id| Availability { variant_id, available: 1000, backorder: false };
        Ok(variants.iter().map(|id| stock.get(id).copied().unwrap_or_else(|| plenty(*id))).collect())
    }
}

#[async_trait]
impl IdentityReads for World {
    async fn account(&self, user: UserId) -> Result<Option<Account>, Problem> {
        Ok(Some(Account {
            id: user,
            email: format!("user{}@example.com", user.0).parse().expect("an address"),
            email_verified: true,
            email_proven: true,
            name: "Ann Lee".into(),
            roles: Vec::new(),
            businesses: Vec::new(),
            disabled: false,
            tokens_valid_from: Timestamp::MIN,
        }))
    }
}

pub struct Shop {
    pub harness: Harness,
    pub world: Arc<World>,
    pub reads: orders::Reads,
}

impl Shop {
    /// Where so much may be left unpaid that no test minds.
    pub fn open() -> Self {
        Self::with(UnpaidLimits { per_person: 100, per_client: 100 })
    }

    pub fn with(unpaid: UnpaidLimits) -> Self {
        let world = Arc::new(World::default());
        for (variant, sku, price) in [(TEA, "TEA-100", 500), (POT, "POT-1", 2500)] {
            world.offers.lock().expect("no test panicked").insert(variant, offer(variant, sku, price));
        }
        let pricing = Pricing {
            currency: Currency::EUR,
            prices_include_tax: true,
            shipping: ShippingPrice { flat: eur(490), free_from: Some(eur(5000)) },
            countries: vec!["DE".into(), "AT".into()],
            payment_deadline: Duration::from_secs(1800),
            guest_payment_deadline: Duration::from_secs(900),
        };
        let profile = orders::Shop {
            name: "Old Mill".into(),
            public_url: "https://shop.example".into(),
            locale: "de".into(),
            time_zone: "Europe/Berlin".into(),
            support_email: "help@shop.example".parse().expect("an address"),
            imprint: "Old Mill, Marienplatz 8, München".into(),
            payment_methods: vec!["card".into()],
            features: vec![Feature::TestPayments],
        };
        let return_origins = vec!["https://app.example".into()];
        let config = Config { pricing, unpaid, return_origins, shop: profile };
        let deps = Deps {
            carts: world.clone(),
            catalog: world.clone(),
            accounts: world.clone(),
            stock: world.clone(),
            tokens: GuestTokens::new(Arc::new(Signer::new("https://shop.example", &SigningKey([7; 32])).expect("a key"))),
            check_method: Arc::new(|method| {
                if method.starts_with("card") { Ok(()) } else { Err(GatewayError::Invalid("no such means of payment".into())) }
            }),
        };
        let mut reads = None;
        let harness = Harness::new(|kit| {
            let work = kit.work(&orders::TABLE);
            reads = Some(orders::Reads::new(&work));
            vec![orders::service(&work, deps, config)]
        });
        Self { harness, world, reads: reads.expect("the harness builds the services") }
    }

    /// A cart of two teas and a pot, at the prices of now.
    pub fn cart(&self, n: u128, customer: Option<&Actor>) -> CartId {
        let id = CartId((0x0193_4f2a_77b1 << 80) | (n << 8));
        let line = |variant_id, quantity, price| CartLine { product_id: 1.into(), variant_id, quantity, price_seen: eur(price) };
        let lines = vec![line(TEA, 2, 500), line(POT, 1, 2500)];
        let cart = CartContents { id, customer_id: customer.and_then(Actor::user_id), closed: false, lines };
        self.world.carts.lock().expect("no test panicked").insert(id, cart);
        id
    }

    /// A cart of a tea of `SELLER` and a pot of `OTHER`, at 5.00 and 25.00.
    pub async fn placed_of_two(&self, n: u128, customer: &Actor) -> OrderId {
        self.world.offers.lock().expect("no test panicked").get_mut(&POT).expect("it is for sale").seller_id = OTHER;
        order_id(&self.placed(n, customer).await)
    }

    /// Placed, with a card.
    pub async fn placed(&self, n: u128, customer: &Actor) -> TestResponse {
        let cart = self.cart(n, Some(customer));
        self.harness.post("/api/v1/orders", &self.request(cart)).as_actor(customer).send().await.expect(202)
    }

    pub fn request(&self, cart: CartId) -> Value {
        json!({
            "cart_id": cart,
            "email": "ann@example.com",
            "payment_method": "card 4242",
            "shipping_address": {
                "name": "Ann Lee", "street_address": "Marienplatz 8", "postal_code": "80331",
                "address_locality": "München", "address_country": "DE"
            }
        })
    }

    pub async fn hear(&self, event: impl Into<Event>) {
        self.harness.publish(event).await;
        self.harness.settle().await;
    }

    pub async fn stock_reserved(&self, order_id: OrderId) {
        let reserved = self.reserved(order_id).await;
        self.hear(reserved).await;
    }

    /// What inventory says of the order when it holds all of its lines.
    pub async fn reserved(&self, order_id: OrderId) -> StockReserved {
        let placed = |envelope: contracts::Envelope| match envelope.event {
            Event::OrderPlaced(placed) if placed.order.order_id == order_id => Some(placed),
            _ => None,
        };
        let placed = self.harness.events().await.into_iter().find_map(placed).expect("the order was placed");
        StockReserved { order: placed.order, payment: placed.payment }
    }

    pub async fn stock_refused(&self, order_id: OrderId) {
        self.hear(StockRefused { order_id, short: Vec::new() }).await;
    }

    pub async fn captured(&self, order: OrderId) {
        self.hear(PaymentCaptured { payment: self.payment(order).await, stock_held: true }).await;
    }

    pub async fn requires_action(&self, order: OrderId) {
        let payment = self.payment(order).await;
        self.hear(PaymentRequiresAction { payment, action_url: "https://bank.example/3ds".into() }).await;
    }

    pub async fn declined(&self, order: OrderId) {
        let payment = self.payment(order).await;
        let decline = Decline { code: DeclineCode::CardDeclined, message: "The bank declined.".into() };
        self.hear(PaymentFailed { payment, decline }).await;
    }

    pub async fn refunded(&self, order: OrderId) {
        let payment = self.payment(order).await;
        let amount = payment.amount;
        self.hear(PaymentRefunded { payment, refund_id: 1.into(), retry_of: None, refund: amount, refunded: amount }).await;
    }

    /// What payments would do for the order's latest try.
    pub async fn payment(&self, order_id: OrderId) -> PaymentRef {
        let asked = |event: &Event| {
            let (order, payment) = match event {
                Event::OrderAwaitingPayment(OrderAwaitingPayment { order, payment }) => (order, payment),
                Event::StockReserved(StockReserved { order, payment: Some(payment) }) => (order, payment),
                _ => return None,
            };
            let reference = PaymentRef { payment_id: payment.payment_id, order_id, amount: order.total };
            (order.order_id == order_id).then_some(reference)
        };
        self.harness.events().await.iter().rev().find_map(|envelope| asked(&envelope.event)).expect("a payment was asked for")
    }

    pub async fn show(&self, order: OrderId, actor: &Actor) -> TestResponse {
        self.harness.get(&format!("/api/v1/orders/{order}")).as_actor(actor).send().await
    }

    pub async fn status(&self, order: OrderId) -> String {
        text(&self.show(order, &Harness::admin()).await.expect(200), "status")
    }

    /// How often an event of the type was told.
    pub async fn told(&self, kind: &str) -> usize {
        self.harness.event_types().await.iter().filter(|told| **told == kind).count()
    }
}

fn offer(variant_id: VariantId, sku: &str, price: i64) -> Offer {
    Offer {
        product_id: 1.into(),
        variant_id,
        seller_id: SELLER,
        sku: sku.into(),
        title: sku.to_lowercase(),
        unit_price: eur(price),
        tax_rate: TaxRate(1900),
        requires_shipping: true,
        image_url: None,
        for_sale: true,
        shown: kernel::OfferShown::default(),
    }
}

pub fn text(got: &TestResponse, field: &str) -> String {
    got.json[field].as_str().unwrap_or_default().to_owned()
}

pub fn order_id(got: &TestResponse) -> OrderId {
    text(got, "id").parse().expect("the id of an order")
}
