//! A payment gateway for tests and demonstrations. It keeps its own book in its own file, durable
//! and apart from the shop's, so that what the shop believes can be checked against it. No money
//! moves, and only the documented test numbers of `CARDS` are taken: no real one is ever kept.

mod book;
mod cards;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use kernel::{Money, PaymentId, RefundId, Timestamp};
use ports::{Authorization, Clock, GatewayError, GatewayPayment, GatewayRefund, PaymentGateway};

pub use book::{Operation, OperationKind, read_operations};
pub use cards::{Behaviour, CARDS, TestCard};

use writer::Writer;

#[derive(Debug, Clone)]
pub struct Options {
    /// The page where the customer confirms; the payment's id is its last segment.
    pub action_page: String,
    /// What the slow card takes.
    pub slow: Duration,
    /// How long a durable write waits for others to share its fsync, once several come at a time.
    pub gather: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { action_page: "/test-gateway/actions".into(), slow: Duration::from_secs(2), gather: Duration::from_millis(1) }
    }
}

/// The book could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the test gateway's book cannot be opened: {0}")]
    Book(#[from] rusqlite::Error),
    #[error("the test gateway's thread cannot be started: {0}")]
    Thread(#[from] std::io::Error),
}

pub struct TestGateway {
    writer: Writer,
    clock: Arc<dyn Clock>,
    options: Options,
    /// Every call before this instant finds the gateway away.
    outage_until_millis: AtomicI64,
}

impl TestGateway {
    pub fn open(path: &Path, clock: Arc<dyn Clock>, options: Options) -> Result<Self, OpenError> {
        Self::start(book::open(path)?, clock, options)
    }

    /// A book that is forgotten with the gateway.
    pub fn in_memory(clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        Self::start(book::in_memory()?, clock, Options { slow: Duration::from_millis(50), ..Options::default() })
    }

    fn start(book: rusqlite::Connection, clock: Arc<dyn Clock>, options: Options) -> Result<Self, OpenError> {
        let writer = Writer::start(book, options.gather)?;
        Ok(Self { writer, clock, options, outage_until_millis: AtomicI64::new(i64::MIN) })
    }

    /// Makes every call find the gateway away until then (`Timestamp::MAX`: until told otherwise);
    /// `None` ends the outage.
    pub fn set_outage(&self, until: Option<Timestamp>) {
        self.outage_until_millis.store(until.map_or(i64::MIN, Timestamp::as_millis), Ordering::SeqCst);
    }

    /// What the customer does on the bank's page.
    pub async fn confirm_action(&self, payment: PaymentId, approve: bool) -> Result<GatewayPayment, GatewayError> {
        let now = self.reached()?;
        self.writer.call(move |book| book::confirm(book, payment, approve, now)).await?
    }

    /// The ledger after an entry, at most `limit` entries.
    pub async fn operations(&self, after: i64, limit: u32) -> Result<Vec<Operation>, GatewayError> {
        self.writer.call(move |book| book::operations(book, after, i64::from(limit))).await
    }

    /// The time of the call, if the gateway can be reached.
    fn reached(&self) -> Result<Timestamp, GatewayError> {
        let now = self.clock.now();
        if now.as_millis() < self.outage_until_millis.load(Ordering::SeqCst) {
            return Err(GatewayError::Unavailable("the test gateway is switched off".into()));
        }
        Ok(now)
    }
}

#[async_trait]
impl PaymentGateway for TestGateway {
    fn check_method(&self, method: &str) -> Result<(), GatewayError> {
        cards::find(method).map(|_| ()).ok_or_else(book::not_ours)
    }

    async fn authorize(&self, request: &Authorization) -> Result<GatewayPayment, GatewayError> {
        let now = self.reached()?;
        let card = cards::find(&request.method).ok_or_else(book::not_ours)?;
        if card.behaviour == Behaviour::Slow {
            tokio::time::sleep(self.options.slow).await;
        }
        let (request, page) = (request.clone(), self.options.action_page.clone());
        self.writer.call(move |book| book::authorize(book, &request, &page, now)).await?
    }

    async fn capture(&self, payment: PaymentId) -> Result<GatewayPayment, GatewayError> {
        let now = self.reached()?;
        self.writer.call(move |book| book::capture(book, payment, now)).await?
    }

    async fn void(&self, payment: PaymentId) -> Result<GatewayPayment, GatewayError> {
        let now = self.reached()?;
        self.writer.call(move |book| book::void(book, payment, now)).await?
    }

    async fn refund(&self, payment: PaymentId, refund: RefundId, amount: Money) -> Result<GatewayRefund, GatewayError> {
        let now = self.reached()?;
        self.writer.call(move |book| book::refund(book, payment, refund, amount, now)).await?
    }

    async fn find(&self, payment: PaymentId) -> Result<Option<GatewayPayment>, GatewayError> {
        self.reached()?;
        let page = self.options.action_page.clone();
        self.writer.call(move |book| book::find(book, payment, &page)).await
    }
}
