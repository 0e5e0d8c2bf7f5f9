//! What is tried again, how often and for how long. The SDK's own retries are off, so that each attempt
//! here is one request.
//!
//! A pause is drawn evenly between nothing and an upper limit that doubles with every attempt: those who
//! were refused together do not come back together.

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use kernel::Duration;
use ports::store::StoreError;
use ports::{Entropy, SystemEntropy};
use tokio::time::Instant;

/// How long the adapter waits for DynamoDB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For one answer, the connection included.
    pub attempt: Duration,
    /// After so long no further attempt begins.
    pub total: Duration,
    /// The upper limit of the first pause; it doubles up to a second.
    pub first_pause: Duration,
}

impl Default for Patience {
    /// Half of the 30 seconds that API Gateway waits, at most.
    fn default() -> Self {
        Self { attempt: Duration::from_secs(3), total: Duration::from_secs(10), first_pause: Duration::from_millis(20) }
    }
}

impl Patience {
    /// The upper limit of the pause after so many attempts.
    fn pause_max(&self, made: u32) -> Duration {
        self.first_pause.saturating_mul(1 << made.saturating_sub(1).min(16)).min(PAUSE_MAX)
    }
}

const PAUSE_MAX: Duration = Duration::from_secs(1);
/// More than `Patience` lets happen; a limit on the loop whatever the clock does.
const ATTEMPTS_MAX: u32 = 200;

/// Why an attempt is to be repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// It had no effect.
    Throttled(String),
    /// It had no effect, because others are changing the same items.
    Contended(String),
    /// Nobody knows whether it had an effect.
    Unclear(String),
}

impl Trouble {
    pub fn is_unclear(&self) -> bool {
        matches!(self, Self::Unclear(_))
    }
}

impl From<Trouble> for StoreError {
    fn from(trouble: Trouble) -> Self {
        let (Trouble::Throttled(why) | Trouble::Contended(why) | Trouble::Unclear(why)) = trouble;
        Self::Unavailable(why)
    }
}

/// The attempts of one operation.
pub struct Attempts {
    patience: Patience,
    begun: Instant,
    made: u32,
}

impl Attempts {
    pub fn new(patience: Patience) -> Self {
        Self { patience, begun: Instant::now(), made: 0 }
    }

    /// Waits before the next attempt, or gives the trouble back if there is to be none.
    pub async fn pause(&mut self, trouble: Trouble) -> Result<(), Trouble> {
        self.made += 1;
        let pause = self.patience.pause_max(self.made).mul_f64(chance());
        if self.made >= ATTEMPTS_MAX || self.begun.elapsed() + pause >= self.patience.total {
            return Err(trouble);
        }
        tracing::debug!(attempt = self.made, ?trouble, "asking dynamodb again");
        tokio::time::sleep(pause).await;
        Ok(())
    }
}

/// From 0 to 1.
fn chance() -> f64 {
    let mut bytes = [0; 4];
    SystemEntropy.fill(&mut bytes);
    f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX)
}

/// What an error means that the operation itself does not expect.
#[derive(Debug)]
pub enum Verdict {
    Again(Trouble),
    Final(StoreError),
}

pub fn judge<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Verdict {
    let status = error.raw_response().map_or(0, |response| response.status().as_u16());
    let failed = |why: &str| Verdict::Final(StoreError::Failed(format!("dynamodb: {why}")));
    match error {
        SdkError::ConstructionFailure(_) => failed("the request could not be made"),
        SdkError::TimeoutError(_) => Verdict::Again(Trouble::Unclear("no answer in time".into())),
        SdkError::DispatchFailure(failure) if failure.is_user() => failed("the request could not be sent"),
        SdkError::DispatchFailure(_) => Verdict::Again(Trouble::Unclear("the connection failed".into())),
        SdkError::ResponseError(_) => Verdict::Again(Trouble::Unclear("an answer that cannot be read".into())),
        SdkError::ServiceError(service) => of_service(service.err().code().unwrap_or_default(), service.err().message(), status),
        _ => failed("an error of an unknown kind"),
    }
}

fn of_service(code: &str, message: Option<&str>, status: u16) -> Verdict {
    let why = format!("{code}: {}", message.unwrap_or("no message"));
    match code {
        "ProvisionedThroughputExceededException" | "ThrottlingException" | "RequestLimitExceeded" | "LimitExceededException" => {
            Verdict::Again(Trouble::Throttled(why))
        }
        "TransactionConflictException" | "ReplicatedWriteConflictException" => Verdict::Again(Trouble::Contended(why)),
        // An earlier attempt under the same token is still on its way.
        "TransactionInProgressException" => Verdict::Again(Trouble::Unclear(why)),
        "ValidationException" | "ItemCollectionSizeLimitExceededException" => Verdict::Final(StoreError::Invalid(why)),
        _ if status >= 500 => Verdict::Again(Trouble::Unclear(why)),
        _ => Verdict::Final(StoreError::Failed(why)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_sorted() {
        let again = |code, status| match of_service(code, None, status) {
            Verdict::Again(trouble) => Some(trouble),
            Verdict::Final(_) => None,
        };
        for code in ["ThrottlingException", "ProvisionedThroughputExceededException"] {
            assert!(matches!(again(code, 400), Some(Trouble::Throttled(_))), "{code}");
        }
        assert!(matches!(again("TransactionConflictException", 400), Some(Trouble::Contended(_))));
        for (code, status) in [("InternalServerError", 500), ("", 503), ("TransactionInProgressException", 400)] {
            assert!(matches!(again(code, status), Some(Trouble::Unclear(_))), "{code} {status}");
        }
        for code in ["AccessDeniedException", "ResourceNotFoundException", "IdempotentParameterMismatchException", "ValidationException"] {
            assert_eq!(again(code, 400), None, "{code}");
        }
    }

    #[test]
    fn pauses_grow_to_a_second() {
        let patience = Patience::default();
        let longest: Vec<u128> = (1..9).map(|made| patience.pause_max(made).as_millis()).collect();
        assert_eq!(longest, [20, 40, 80, 160, 320, 640, 1000, 1000]);
        assert_eq!(patience.pause_max(u32::MAX), PAUSE_MAX);
    }

    #[tokio::test]
    async fn patience_ends() {
        let patience = Patience { total: Duration::from_millis(60), first_pause: Duration::from_millis(1), ..Patience::default() };
        let (begun, mut attempts, mut pauses) = (Instant::now(), Attempts::new(patience), 0);
        let ended = loop {
            match attempts.pause(Trouble::Throttled("busy".into())).await {
                Ok(()) => pauses += 1,
                Err(trouble) => break StoreError::from(trouble),
            }
        };
        assert_eq!(ended, StoreError::Unavailable("busy".into()));
        assert!(pauses > 0 && begun.elapsed() < Duration::from_secs(10), "{pauses} pauses");
    }
}
