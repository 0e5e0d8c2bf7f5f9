//! A shop around the service: orders and links that are made up, a mail server that follows a script.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use contracts::{CancelReason, Event, OrderCancelled, OrderConfirmed, OrderPlaced, OrderRef, UserVerified};
use kernel::CategoryId;
use kernel::{BusinessId, Currency, Cursor, Duration, Email, LeadId, Money, OrderId, Page, PostalAddress, Problem, Timestamp, UserId};
use notifications::{Config, Delivery, Deps, Locale};
use ports::reads::{
    Account, BusinessListing, DirectoryReads, EnquiryReply, IdentityReads, LinkPurpose, LinkTokens, OrderLineSummary, OrderPartSummary,
    OrderReads, OrderSummary, OrderTokens,
};
use ports::{Mail, MailError, Mailer};
use serde_json::Value;
use shell::testing::Harness;

pub const GUEST_TOKEN: &str = "guest-secret";
pub const GUEST_ORDER: OrderId = OrderId(900);
pub const UNPAID_ORDER: OrderId = OrderId(902);
pub const UNKNOWN_ORDER: OrderId = OrderId(901);
/// Of the house and of the mill.
pub const SHARED_ORDER: OrderId = OrderId(903);
pub const MILL: BusinessId = BusinessId(8);

pub fn address(name: &str) -> Email {
    format!("{name}@example.com").parse().unwrap()
}

pub fn eur(amount: i64) -> Money {
    Money::new(amount, Currency::EUR)
}

struct FakeOrders;

impl OrderTokens for FakeOrders {
    fn guest_token(&self, _: OrderId) -> String {
        GUEST_TOKEN.to_owned()
    }
}

#[async_trait]
impl OrderReads for FakeOrders {
    async fn order(&self, id: OrderId) -> Result<Option<OrderSummary>, Problem> {
        let guest = id == GUEST_ORDER;
        let line = OrderLineSummary {
            product_id: 1.into(),
            seller_id: BusinessId::HOUSE,
            sku: "POT-L".into(),
            title: "Clay <Pot>\r\nLarge".into(),
            quantity: 2,
            unit_price: eur(1999),
            total: eur(3998),
        };
        let part = |seller_id, subtotal, shipping, tax| OrderPartSummary {
            seller_id,
            subtotal: eur(subtotal),
            shipping: eur(shipping),
            tax: eur(tax),
            total: eur(subtotal + shipping),
            cancelled: false,
        };
        let is_shared = id == SHARED_ORDER;
        let bread = OrderLineSummary {
            seller_id: MILL,
            sku: "RYE".into(),
            title: "Rye Bread".into(),
            quantity: 3,
            unit_price: eur(400),
            total: eur(1200),
            ..line.clone()
        };
        let postal = PostalAddress {
            name: "Ann Lee".into(),
            street_address: "Marienplatz 8".into(),
            extended_address: String::new(),
            postal_code: "80331".into(),
            address_locality: "München".into(),
            address_region: String::new(),
            address_country: "DE".into(),
            telephone: String::new(),
        };
        let parts = [part(BusinessId::HOUSE, 3998, 490, 717), part(MILL, 1200, 0, 78)];
        let order = OrderSummary {
            id,
            number: "S-7K3F-92QD".into(),
            customer_id: (!guest).then_some(UserId(1001)),
            email: address("ann"),
            placed_at: Timestamp::from_millis(1_790_000_000_000),
            lines: [line, bread].into_iter().take(if is_shared { 2 } else { 1 }).collect(),
            parts: parts.into_iter().take(if is_shared { 2 } else { 1 }).collect(),
            subtotal: eur(3998),
            shipping: eur(490),
            tax: eur(717),
            total: eur(4488),
            shipping_address: is_shared.then_some(postal),
            pay_by: (id == UNPAID_ORDER).then(|| Timestamp::from_millis(1_790_000_000_000).plus(Duration::from_secs(1800))),
        };
        Ok((id != UNKNOWN_ORDER).then_some(order))
    }
}

struct FakeLinks;

impl LinkTokens for FakeLinks {
    fn link_token(&self, user: UserId, purpose: LinkPurpose, serial: u32) -> String {
        format!("{user}+{purpose:?}+{serial}")
    }
}

/// Answers in the order of its script, then takes everything.
#[derive(Default)]
pub struct ScriptedMailer {
    pub script: Mutex<VecDeque<Result<(), MailError>>>,
    pub sent: Mutex<Vec<Mail>>,
}

impl ScriptedMailer {
    pub fn answers(&self, answers: impl IntoIterator<Item = Result<(), MailError>>) {
        self.script.lock().unwrap().extend(answers);
    }

    pub fn taken(&self) -> Vec<Mail> {
        self.sent.lock().unwrap().clone()
    }
}

#[async_trait]
impl Mailer for ScriptedMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let answer = self.script.lock().unwrap().pop_front().unwrap_or(Ok(()));
        if answer.is_ok() {
            self.sent.lock().unwrap().push(mail.clone());
        }
        answer
    }
}

pub fn config() -> Config {
    Config { public_url: "https://shop.example".into(), admin_email: address("boss"), locale: Locale::En, ..Config::default() }
}

pub const UNVERIFIED: UserId = UserId(7);

struct FakeAccounts;

#[async_trait]
impl IdentityReads for FakeAccounts {
    async fn account(&self, id: UserId) -> Result<Option<Account>, Problem> {
        Ok(Some(Account {
            id,
            email: address(&format!("user{}", id.0)),
            email_verified: id != UNVERIFIED,
            email_proven: id != UNVERIFIED,
            name: "Ann Lee".into(),
            roles: Vec::new(),
            businesses: Vec::new(),
            disabled: false,
            tokens_valid_from: Timestamp::MIN,
        }))
    }
}

/// Whoever sent it is erased.
pub const ERASED_LEAD: LeadId = LeadId(4);

/// One business and its owners.
pub struct FakeDirectory(pub Mutex<Vec<UserId>>);

impl Default for FakeDirectory {
    /// Two owners, of whom one has no verified address.
    fn default() -> Self {
        Self(Mutex::new(vec![UserId(6), UNVERIFIED]))
    }
}

#[async_trait]
impl DirectoryReads for FakeDirectory {
    async fn businesses(&self, ids: &[BusinessId]) -> Result<Vec<Option<BusinessListing>>, Problem> {
        let listing = |id: &BusinessId| BusinessListing {
            id: *id,
            slug: "old-mill".into(),
            name: "Old Mill".into(),
            description: String::new(),
            categories: Vec::new(),
            tags: Vec::new(),
            address: None,
            district: String::new(),
            position: None,
            opening_hours: None,
            time_zone: None,
            region: String::new(),
            phone: None,
            website: None,
            image_url: None,
            published: true,
            created_at: Timestamp::MIN,
            updated_at: Timestamp::MIN,
        };
        Ok(ids.iter().map(|id| Some(listing(id))).collect())
    }

    async fn page(&self, _: Option<Cursor>) -> Result<Page<BusinessListing>, Problem> {
        Ok(Page { items: Vec::new(), next: None })
    }

    async fn category(&self, _: &str) -> Result<Option<CategoryId>, Problem> {
        Ok(None)
    }

    async fn owners(&self, _: BusinessId) -> Result<Vec<UserId>, Problem> {
        Ok(self.0.lock().unwrap().clone())
    }

    async fn managers(&self, id: BusinessId) -> Result<Vec<UserId>, Problem> {
        self.owners(id).await
    }

    async fn enquiry_reply(&self, lead: LeadId, reply: u32) -> Result<Option<EnquiryReply>, Problem> {
        let found = EnquiryReply {
            email: address("ann"),
            name: "Ann Lee".into(),
            message: "Do you have time?".into(),
            reply: format!("Reply {reply}: we do"),
        };
        Ok((lead != ERASED_LEAD).then_some(found))
    }
}

pub fn shop(delivery: Delivery, config: Config) -> Harness {
    shop_in(Arc::new(FakeDirectory::default()), delivery, config)
}

pub fn shop_in(directory: Arc<FakeDirectory>, delivery: Delivery, config: Config) -> Harness {
    let dependencies = Deps {
        orders: Arc::new(FakeOrders),
        order_tokens: Arc::new(FakeOrders),
        links: Arc::new(FakeLinks),
        accounts: Arc::new(FakeAccounts),
        directory,
        delivery,
    };
    Harness::new(|kit| vec![notifications::service(&kit.work(&notifications::TABLE), dependencies, config)])
}

pub fn capturing() -> Harness {
    shop(Delivery::Capture, config())
}

pub fn sending() -> (Harness, Arc<ScriptedMailer>) {
    let mailer = Arc::new(ScriptedMailer::default());
    (shop(Delivery::Send(mailer.clone()), config()), mailer)
}

pub fn order(id: OrderId) -> OrderRef {
    OrderRef {
        order_id: id,
        number: "S-7K3F-92QD".into(),
        customer_id: (id != GUEST_ORDER).then_some(UserId(1001)),
        email: address("ann"),
        total: eur(4488),
    }
}

pub fn placed(id: OrderId) -> Event {
    OrderPlaced { order: order(id), cart_id: 1.into(), lines: Vec::new(), payment: None }.into()
}

pub fn confirmed(id: OrderId) -> Event {
    let sellers = if id == SHARED_ORDER { vec![MILL] } else { Vec::new() };
    OrderConfirmed { order: order(id), payment_id: 5.into(), sellers }.into()
}

pub fn cancelled(reason: CancelReason, was_confirmed: bool) -> Event {
    cancelled_order(OrderId(7), reason, was_confirmed)
}

pub fn cancelled_order(id: OrderId, reason: CancelReason, was_confirmed: bool) -> Event {
    let sellers = if id == SHARED_ORDER { vec![BusinessId::HOUSE, MILL] } else { vec![BusinessId::HOUSE] };
    OrderCancelled { order: order(id), reason, payment_id: None, was_confirmed, sellers }.into()
}

pub fn verified(name: &str) -> Event {
    UserVerified { user_id: UserId(1001), email: address("ann"), name: name.into(), proven: true, first: true }.into()
}

/// The log as staff sees it, newest first.
pub async fn log(world: &Harness, query: &str) -> Vec<Value> {
    let got = world.get(&format!("/api/v1/admin/mails{query}")).as_actor(&Harness::admin()).send().await.expect(200);
    got.json["items"].as_array().unwrap().clone()
}

pub fn field(mails: &[Value], name: &str) -> Vec<String> {
    mails.iter().map(|mail| mail[name].as_str().unwrap_or_default().to_owned()).collect()
}
