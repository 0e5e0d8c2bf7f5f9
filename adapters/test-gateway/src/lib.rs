//! A payment gateway for tests and demonstrations. It keeps its own book in a table of its own, apart
//! from the shop's, so that what the shop believes can be checked against it. No money moves, and only
//! the documented test numbers of `CARDS` are taken: no real one is ever kept.

mod book;
mod cards;
#[cfg(test)]
mod formats;
mod rules;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use kernel::{Cursor, Money, Page, PaymentId, RefundId, Timestamp};
use ports::store::{Store, Stored};
use ports::{Authorization, Clock, GatewayError, GatewayPayment, GatewayRefund, PaymentGateway};

pub use book::{Operation, OperationKind, TABLE};
pub use cards::{Behaviour, CARDS, TestCard};

use book::{Book, Payment, lost_key, refund_key};
use rules::{Decided, Step};

/// How often an operation is decided anew because the book has moved under it.
const TRIES_MAX: usize = 24;

#[derive(Debug, Clone)]
pub struct Options {
    /// The page where the customer confirms; the payment's id is its last segment.
    pub action_page: String,
    /// What the slow card takes.
    pub slow: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { action_page: "/test-gateway/actions".into(), slow: Duration::from_secs(2) }
    }
}

pub struct TestGateway {
    book: Book,
    clock: Arc<dyn Clock>,
    options: Options,
    /// Every call before this instant finds the gateway away.
    outage_until_millis: AtomicI64,
}

impl TestGateway {
    /// A gateway on the table `TABLE`. Any number of them may share it.
    pub fn new(table: Arc<dyn Store>, clock: Arc<dyn Clock>, options: Options) -> Self {
        Self { book: Book::new(table), clock, options, outage_until_millis: AtomicI64::new(i64::MIN) }
    }

    /// Makes every call find the gateway away until then (`Timestamp::MAX`: until told otherwise);
    /// `None` ends the outage. It counts for this gateway alone, not for others on the same table.
    pub fn set_outage(&self, until: Option<Timestamp>) {
        self.outage_until_millis.store(until.map_or(i64::MIN, Timestamp::as_millis), Ordering::SeqCst);
    }

    /// What the customer does on the bank's page.
    pub async fn confirm_action(&self, payment: PaymentId, approve: bool) -> Result<GatewayPayment, GatewayError> {
        let now = self.reached()?;
        self.change(payment, |known| rules::confirm(known, approve, now)).await
    }

    /// Where the bank's page sends the customer back to, if the shop said it.
    pub async fn return_url(&self, payment: PaymentId) -> Result<Option<String>, GatewayError> {
        Ok(self.book.payment(payment).await?.and_then(|payment| payment.value.return_url))
    }

    /// A page of the ledger by time, oldest first; operations of the same millisecond in no particular
    /// order, but those of one payment as they happened. `limit`: 1 to 1000.
    pub async fn operations(&self, after: Option<Cursor>, limit: usize) -> Result<Page<Operation>, GatewayError> {
        self.book.operations(after, limit).await
    }

    /// The time of the call, if the gateway can be reached.
    fn reached(&self) -> Result<Timestamp, GatewayError> {
        let now = self.clock.now();
        if now.as_millis() < self.outage_until_millis.load(Ordering::SeqCst) {
            return Err(GatewayError::Unavailable("the test gateway is switched off".into()));
        }
        Ok(now)
    }

    async fn change(
        &self,
        id: PaymentId,
        rule: impl Fn(Option<Stored<Payment>>) -> Decided<Payment> + Send + Sync,
    ) -> Result<GatewayPayment, GatewayError> {
        let payment = self.decide(|| async { rule(self.book.payment(id).await?) }).await?;
        Ok(payment.view(&self.options.action_page))
    }

    /// Decides until what was decided could be written.
    async fn decide<T, F>(&self, decide: impl Fn() -> F) -> Result<T, GatewayError>
    where
        F: Future<Output = Decided<T>> + Send,
    {
        for _ in 0..TRIES_MAX {
            let Step { writes, answer } = decide().await?;
            if writes.is_empty() || self.book.keep(writes).await? {
                return answer;
            }
        }
        Err(GatewayError::Unavailable("others keep changing this payment".into()))
    }
}

#[async_trait]
impl PaymentGateway for TestGateway {
    fn methods(&self) -> &'static [&'static str] {
        &["card"]
    }

    fn check_method(&self, method: &str) -> Result<(), GatewayError> {
        rules::card_of(method).map(|_| ())
    }

    async fn authorize(&self, request: &Authorization) -> Result<GatewayPayment, GatewayError> {
        let now = self.reached()?;
        let card = rules::card_of(&request.method)?;
        if card.behaviour == Behaviour::Slow {
            tokio::time::sleep(self.options.slow).await;
        }
        if card.behaviour != Behaviour::RequestLost {
            return self.change(request.payment_id, |known| rules::authorize(known, None, card, request, now)).await;
        }
        let authorize = || async {
            let (known, lost) = self.book.payment_and(request.payment_id, lost_key(request.payment_id)).await?;
            rules::authorize(known, lost.as_deref(), card, request, now)
        };
        Ok(self.decide(authorize).await?.view(&self.options.action_page))
    }

    async fn capture(&self, payment: PaymentId) -> Result<GatewayPayment, GatewayError> {
        let now = self.reached()?;
        self.change(payment, |known| rules::capture(known, now)).await
    }

    async fn void(&self, payment: PaymentId) -> Result<GatewayPayment, GatewayError> {
        let now = self.reached()?;
        self.change(payment, |known| rules::void(known, payment, now)).await
    }

    async fn refund(&self, payment: PaymentId, refund: RefundId, amount: Money) -> Result<GatewayRefund, GatewayError> {
        let now = self.reached()?;
        let refunded = || async {
            let (known, earlier) = self.book.payment_and(payment, refund_key(refund)).await?;
            rules::refund(known, earlier, payment, refund, amount, now)
        };
        Ok(self.decide(refunded).await?.view())
    }

    async fn find(&self, payment: PaymentId) -> Result<Option<GatewayPayment>, GatewayError> {
        self.reached()?;
        Ok(self.book.payment(payment).await?.map(|known| known.view(&self.options.action_page)))
    }
}
