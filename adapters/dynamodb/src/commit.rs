//! Commits, done once however often they have to be sent.
//!
//! An answer can be lost after the write was done. A transaction is safe to send again: it goes under a
//! ClientRequestToken, which DynamoDB remembers for ten minutes. A transaction costs twice as much, though,
//! so the most frequent commit, a single put that is guarded by absence or a version, is a plain PutItem.
//! Every guarded put leaves the token of its commit in the item (`w`). If a plain one is sent again after an unclear attempt and its
//! condition fails, the item that DynamoDB returns tells what happened:
//!
//! - it has our token: the lost attempt had succeeded, and the commit is done;
//! - it has the version that we wanted to write, or that we read, but not our token: another was faster, or
//!   it expired; a conflict;
//! - anything else: the item has moved on, and nobody can tell any more whether we were first. That is
//!   `Unavailable`, the outcome is not known, for a conflict would have the rule run a second time.
//!
//! Any other single write goes as a transaction: a delete leaves nothing that could hold a token, a counter
//! is soon moved again by others, and an unguarded write that arrives late would undo theirs.

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{CancellationReason, ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure};
use kernel::Timestamp;
use ports::store::{
    Carrier, Commit, CommitError, Consistency, Expect, FailedWrite, IdempotencyRecord, Metered, NewItem, Prepared, StoreError, Write,
};
use ports::{Entropy, SystemEntropy};

use crate::DynamoTable;
use crate::layout::{Attributes, Token, event_list, to_living, to_record, version};
use crate::retry::{Attempts, Trouble, Verdict, judge};
use crate::write::{Operation, put, refusal};

impl DynamoTable {
    pub(crate) async fn commit_once(&self, commit: Commit) -> Result<Metered<()>, CommitError> {
        let commit = commit.prepare(&self.schema)?;
        let now = self.clock.now();
        match (commit.only_put(), &*commit.writes, &commit.record) {
            (Some((item, expect)), ..) => self.put(&commit, item, expect, now).await,
            (None, [], None) => Ok(Metered::new((), 0.0)),
            (None, _, _) => self.transact(&commit, now).await,
        }
    }

    async fn put(&self, commit: &Prepared, item: &NewItem, expect: Expect, now: Timestamp) -> Result<Metered<()>, CommitError> {
        let token = Token(random());
        let (attributes, terms) = put(item, expect, event_list(&commit.events), &token, now)?;
        let request = self
            .client
            .put_item()
            .table_name(&self.name)
            .set_item(Some(attributes))
            .set_expression_attribute_names(terms.names())
            .set_expression_attribute_values(terms.values())
            .set_condition_expression(terms.condition)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let mut attempts = Attempts::new(self.patience);
        let mut unclear = false;
        loop {
            let error = match request.clone().send().await {
                Ok(output) => {
                    return Ok(Metered::new((), output.consumed_capacity().and_then(|taken| taken.capacity_units()).unwrap_or(0.0)));
                }
                Err(error) => error,
            };
            if let Some(found) = refused_put(&error) {
                let was_ours = found.is_some_and(|found| token.is_in(found));
                return match (unclear, was_ours) {
                    (_, true) => Ok(Metered::new((), commit.least_units())),
                    (false, false) => self.refused(commit, &[(0, found.cloned())], now).await,
                    (true, false) => self.overtaken(commit, expect, found.cloned(), now).await,
                };
            }
            let trouble = trouble(judge(&error))?;
            unclear |= trouble.is_unclear();
            attempts.pause(trouble).await.map_err(|trouble| given_up(trouble, unclear))?;
        }
    }

    /// Another's item is under the key of a put, of which nobody knows whether it was done before.
    async fn overtaken(
        &self,
        commit: &Prepared,
        expect: Expect,
        found: Option<Attributes>,
        now: Timestamp,
    ) -> Result<Metered<()>, CommitError> {
        let existing = found.as_ref().map(version).transpose()?.flatten();
        let before = match expect {
            Expect::Version(version) => Some(version),
            Expect::Absent | Expect::Anything => None,
        };
        // An idempotency record is written once, by whomever: it is a repetition in any case.
        if commit.idempotency().is_some() || existing == Some(expect.version_after()) || (existing.is_some() && existing == before) {
            return self.refused(commit, &[(0, found)], now).await;
        }
        Err(StoreError::Unavailable("an answer was lost, and the item has changed since".into()).into())
    }

    async fn transact(&self, commit: &Prepared, now: Timestamp) -> Result<Metered<()>, CommitError> {
        let events = event_list(&commit.events);
        let token = Token(random());
        let record = commit.record.clone().map(|item| Write::Put { item, expect: Expect::Absent });
        let record = record.iter().map(|record| Operation::of(record, events.clone(), &token, now));
        let writes = commit.writes.iter().enumerate().map(|(place, write)| {
            let events = events.clone().filter(|_| commit.carrier == Carrier::Put(place));
            Operation::of(write, events, &token, now)
        });
        let mut items = Vec::with_capacity(commit.writes.len() + 1);
        for operation in record.chain(writes) {
            items.push(operation?.in_transaction(&self.name).map_err(|error| StoreError::Failed(format!("a write: {error}")))?);
        }
        let request = self
            .client
            .transact_write_items()
            .set_transact_items(Some(items))
            .client_request_token(format!("{:032x}", u128::from_le_bytes(random())))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let mut attempts = Attempts::new(self.patience);
        loop {
            let error = match request.clone().send().await {
                Ok(output) => {
                    let units = output.consumed_capacity().iter().filter_map(|taken| taken.capacity_units()).sum();
                    return Ok(Metered::new((), units));
                }
                Err(error) => error,
            };
            let trouble = match reasons(&error) {
                None => trouble(judge(&error))?,
                Some(reasons) => {
                    let failed = failed(reasons);
                    if !failed.is_empty() {
                        return self.refused(commit, &failed, now).await;
                    }
                    cancelled(reasons)?
                }
            };
            // Whatever became of earlier attempts, this one found the token unused.
            attempts.pause(trouble).await.map_err(|trouble| given_up(trouble, false))?;
        }
    }

    /// What the failed conditions mean, by the place of the operation and the item that was found there.
    async fn refused(&self, commit: &Prepared, failed: &[(usize, Option<Attributes>)], now: Timestamp) -> Result<Metered<()>, CommitError> {
        let records = usize::from(commit.record.is_some());
        if let (Some(record), Some((_, found))) = (commit.idempotency(), failed.iter().find(|(place, _)| *place < records)) {
            return Err(self.repeated(record, found.as_ref(), now).await?);
        }
        let mut writes = Vec::with_capacity(failed.len());
        for (place, found) in failed {
            let write = place.checked_sub(records).and_then(|index| Some((index, commit.writes.get(index)?)));
            if let Some((index, write)) = write {
                writes.push(FailedWrite { index, refusal: refusal(write, found.as_ref(), now)? });
            }
        }
        Err(CommitError::Conflict(writes))
    }

    async fn repeated(&self, record: &NewItem, found: Option<&Attributes>, now: Timestamp) -> Result<CommitError, StoreError> {
        if let Some(found) = found {
            return Ok(CommitError::Repeated(Box::new(to_record(found)?)));
        }
        // An implementation that does not return what it found.
        let found = self.find(&record.key, Consistency::Strong).await?.value;
        let living = found.map(|found| to_living(&found, now)).transpose()?.flatten();
        let record = living.map(|item| item.body.read::<IdempotencyRecord>()).transpose()?;
        Ok(record.map_or_else(|| CommitError::Conflict(Vec::new()), |record| CommitError::Repeated(Box::new(record))))
    }
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemEntropy.fill(&mut bytes);
    bytes
}

/// The item that was there, if the condition of the put failed.
fn refused_put(error: &SdkError<PutItemError, HttpResponse>) -> Option<Option<&Attributes>> {
    match error.as_service_error() {
        Some(PutItemError::ConditionalCheckFailedException(refused)) => Some(refused.item()),
        _ => None,
    }
}

fn reasons(error: &SdkError<TransactWriteItemsError, HttpResponse>) -> Option<&[CancellationReason]> {
    match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => Some(cancelled.cancellation_reasons()),
        _ => None,
    }
}

/// The places of the conditions that failed, with the items found there. Others may have been in conflict
/// with another transaction: those are not named, for nothing is known of them.
fn failed(reasons: &[CancellationReason]) -> Vec<(usize, Option<Attributes>)> {
    let failed = reasons.iter().enumerate().filter(|(_, reason)| reason.code() == Some("ConditionalCheckFailed"));
    failed.map(|(place, reason)| (place, reason.item().filter(|item| !item.is_empty()).cloned())).collect()
}

/// Why a transaction was cancelled of which no condition failed.
fn cancelled(reasons: &[CancellationReason]) -> Result<Trouble, StoreError> {
    let named = reasons.iter().filter_map(|reason| Some((reason.code()?, reason.message().unwrap_or_default())));
    let mut worst = None;
    for (code, message) in named {
        let why = format!("{code}: {message}");
        match code {
            "None" => {}
            "TransactionConflict" => worst = Some(Trouble::Contended(why)),
            "ThrottlingError" | "ProvisionedThroughputExceeded" => worst = worst.or(Some(Trouble::Throttled(why))),
            "ValidationError" | "ItemCollectionSizeLimitExceeded" => return Err(StoreError::Invalid(why)),
            _ => return Err(StoreError::Failed(why)),
        }
    }
    worst.ok_or_else(|| StoreError::Failed("a transaction was cancelled without a reason".into()))
}

fn trouble(verdict: Verdict) -> Result<Trouble, StoreError> {
    match verdict {
        Verdict::Again(trouble) => Ok(trouble),
        Verdict::Final(error) => Err(error),
    }
}

/// Whom others kept out to the end has to look at the state again, unless an attempt may have succeeded.
fn given_up(trouble: Trouble, unclear: bool) -> CommitError {
    match trouble {
        Trouble::Contended(_) if !unclear => CommitError::Conflict(Vec::new()),
        Trouble::Contended(_) | Trouble::Throttled(_) | Trouble::Unclear(_) => CommitError::Store(trouble.into()),
    }
}
