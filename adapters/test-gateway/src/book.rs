//! The gateway's book in SQLite: what became of each payment and refund, and a ledger of everything
//! that took effect. The functions run inside the writer's transaction. The outer result is SQLite's,
//! the inner one the gateway's answer.

use std::path::Path;

use kernel::{Currency, Money, PaymentId, RefundId, Timestamp};
use ports::{Authorization, GatewayError, GatewayPayment, GatewayRefund, GatewayState, RefundState};
use rusqlite::types::Type;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, params};

use crate::cards::{self, Behaviour};

pub(crate) type Answer<T> = rusqlite::Result<Result<T, GatewayError>>;

/// One entry of the ledger: something that took effect, exactly once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// From 1, without gaps.
    pub sequence: i64,
    pub kind: OperationKind,
    pub payment_id: PaymentId,
    pub refund_id: Option<RefundId>,
    pub amount: Money,
    /// What the payment was for: the order's number. Empty where the payment was never seen.
    pub reference: String,
    pub at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OperationKind {
    Authorize,
    Capture,
    Void,
    Refund,
}

impl OperationKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Authorize => "authorize",
            Self::Capture => "capture",
            Self::Void => "void",
            Self::Refund => "refund",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Authorize, Self::Capture, Self::Void, Self::Refund].into_iter().find(|kind| kind.as_str() == text)
    }
}

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS payments (
    payment_id TEXT PRIMARY KEY, amount INTEGER NOT NULL, currency TEXT NOT NULL, card TEXT NOT NULL, reference TEXT NOT NULL,
    state TEXT NOT NULL, code TEXT NOT NULL DEFAULT '', refunded INTEGER NOT NULL DEFAULT 0, at_millis INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS refunds (
    refund_id TEXT PRIMARY KEY, payment_id TEXT NOT NULL, amount INTEGER NOT NULL, currency TEXT NOT NULL, state TEXT NOT NULL,
    at_millis INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS lost_requests (payment_id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS operations (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, payment_id TEXT NOT NULL, refund_id TEXT, amount INTEGER NOT NULL,
    currency TEXT NOT NULL, at_millis INTEGER NOT NULL
) STRICT;
CREATE TRIGGER IF NOT EXISTS operations_stay BEFORE UPDATE ON operations BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER IF NOT EXISTS operations_remain BEFORE DELETE ON operations BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
";

pub(crate) fn open(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    prepare(connection)
}

pub(crate) fn in_memory() -> rusqlite::Result<Connection> {
    prepare(Connection::open_in_memory()?)
}

/// The ledger of a file, in order, while a gateway may be writing it or after it was killed.
pub fn read_operations(path: &Path) -> rusqlite::Result<Vec<Operation>> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    operations(&connection, 0, i64::MAX)
}

fn prepare(connection: Connection) -> rusqlite::Result<Connection> {
    connection.set_prepared_statement_cache_capacity(32);
    connection.execute_batch(SCHEMA)?;
    Ok(connection)
}

/// A payment as the book holds it.
struct Entry {
    payment: GatewayPayment,
    /// Absent for a payment that was voided before it was seen.
    behaviour: Option<Behaviour>,
}

pub(crate) fn authorize(book: &Connection, request: &Authorization, action_page: &str, now: Timestamp) -> Answer<GatewayPayment> {
    let Some(card) = cards::find(&request.method) else {
        return Ok(Err(not_ours()));
    };
    if request.amount.amount <= 0 {
        return Ok(Err(GatewayError::Invalid("the amount must be positive".into())));
    }
    if let Some(entry) = entry(book, request.payment_id, action_page)? {
        let marked = entry.payment.state == GatewayState::Voided;
        let same = entry.payment.amount == request.amount && entry.behaviour == Some(card.behaviour);
        return Ok(if marked || same {
            Ok(entry.payment)
        } else {
            Err(GatewayError::Invalid("the payment's id was used for another".into()))
        });
    }
    let state = match card.behaviour {
        Behaviour::Unavailable => return Ok(Err(GatewayError::Unavailable("this card's bank does not answer".into()))),
        Behaviour::RequestLost if mark_lost(book, request.payment_id)? => {
            return Ok(Err(GatewayError::Unknown("no answer in time".into())));
        }
        Behaviour::Decline => declined("card_declined"),
        Behaviour::InsufficientFunds => declined("insufficient_funds"),
        Behaviour::RequiresAction => GatewayState::RequiresAction { action_url: action_url(action_page, request.payment_id) },
        Behaviour::Approve
        | Behaviour::AnswerLost
        | Behaviour::RequestLost
        | Behaviour::Slow
        | Behaviour::CaptureAnswerLost
        | Behaviour::RefundRefused => GatewayState::Authorized,
    };
    let payment = GatewayPayment {
        payment_id: request.payment_id,
        amount: request.amount,
        state,
        refunded: Money::zero(request.amount.currency),
        at: now,
    };
    insert_payment(book, &payment, card.number, &request.reference)?;
    if payment.state == GatewayState::Authorized {
        append(book, OperationKind::Authorize, payment.payment_id, None, payment.amount, now)?;
    }
    Ok(if card.behaviour == Behaviour::AnswerLost { Err(GatewayError::Unknown("no answer in time".into())) } else { Ok(payment) })
}

pub(crate) fn capture(book: &Connection, id: PaymentId, now: Timestamp) -> Answer<GatewayPayment> {
    let Some(Entry { mut payment, behaviour }) = entry(book, id, "")? else {
        return Ok(Err(never_seen()));
    };
    match payment.state {
        GatewayState::Captured => Ok(Ok(payment)),
        GatewayState::Authorized => {
            move_to(book, &mut payment, GatewayState::Captured, now)?;
            append(book, OperationKind::Capture, id, None, payment.amount, now)?;
            let lost = behaviour == Some(Behaviour::CaptureAnswerLost);
            Ok(if lost { Err(GatewayError::Unknown("no answer in time".into())) } else { Ok(payment) })
        }
        GatewayState::RequiresAction { .. } | GatewayState::Voided | GatewayState::Declined { .. } => {
            Ok(Err(GatewayError::Invalid("the payment is not authorized".into())))
        }
    }
}

pub(crate) fn void(book: &Connection, id: PaymentId, now: Timestamp) -> Answer<GatewayPayment> {
    let Some(Entry { mut payment, .. }) = entry(book, id, "")? else {
        // Nobody has said the amount, and nothing is held: zero.
        let nothing = Money::zero(Currency::EUR);
        let payment = GatewayPayment { payment_id: id, amount: nothing, state: GatewayState::Voided, refunded: nothing, at: now };
        insert_payment(book, &payment, "", "")?;
        append(book, OperationKind::Void, id, None, nothing, now)?;
        return Ok(Ok(payment));
    };
    match payment.state {
        GatewayState::Voided | GatewayState::Declined { .. } => Ok(Ok(payment)),
        GatewayState::Captured => Ok(Err(GatewayError::Invalid("the payment is captured: refund it".into()))),
        GatewayState::Authorized => {
            move_to(book, &mut payment, GatewayState::Voided, now)?;
            append(book, OperationKind::Void, id, None, payment.amount, now)?;
            Ok(Ok(payment))
        }
        GatewayState::RequiresAction { .. } => {
            move_to(book, &mut payment, GatewayState::Voided, now)?;
            append(book, OperationKind::Void, id, None, Money::zero(payment.amount.currency), now)?;
            Ok(Ok(payment))
        }
    }
}

pub(crate) fn refund(book: &Connection, id: PaymentId, refund_id: RefundId, amount: Money, now: Timestamp) -> Answer<GatewayRefund> {
    let invalid = |reason: &str| Ok(Err(GatewayError::Invalid(reason.into())));
    if let Some((of, known)) = find_refund(book, refund_id)? {
        return if of == id && known.amount == amount { Ok(Ok(known)) } else { invalid("the refund's id was used for another") };
    }
    let Some(Entry { payment, behaviour }) = entry(book, id, "")? else {
        return Ok(Err(never_seen()));
    };
    if payment.state != GatewayState::Captured {
        return invalid("the payment is not captured");
    }
    if amount.amount <= 0 {
        return invalid("the amount must be positive");
    }
    match payment.refunded.plus(amount) {
        Ok(sum) if sum.amount <= payment.amount.amount => {}
        Ok(_) => return invalid("the refund exceeds what was captured"),
        Err(_) => return invalid("the refund is in another currency or out of range"),
    }
    let state = if behaviour == Some(Behaviour::RefundRefused) { RefundState::Refused } else { RefundState::Settled };
    book.prepare_cached("INSERT INTO refunds VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?.execute(params![
        refund_id.to_string(),
        id.to_string(),
        amount.amount,
        amount.currency.code(),
        refund_state_name(state),
        now.as_millis()
    ])?;
    if state == RefundState::Settled {
        book.prepare_cached("UPDATE payments SET refunded = refunded + ?2, at_millis = ?3 WHERE payment_id = ?1")?.execute(params![
            id.to_string(),
            amount.amount,
            now.as_millis()
        ])?;
        append(book, OperationKind::Refund, id, Some(refund_id), amount, now)?;
    }
    Ok(Ok(GatewayRefund { refund_id, amount, state }))
}

pub(crate) fn find(book: &Connection, id: PaymentId, action_page: &str) -> rusqlite::Result<Option<GatewayPayment>> {
    Ok(entry(book, id, action_page)?.map(|entry| entry.payment))
}

/// The customer has decided on the bank's page. A second decision changes nothing.
pub(crate) fn confirm(book: &Connection, id: PaymentId, approve: bool, now: Timestamp) -> Answer<GatewayPayment> {
    let Some(Entry { mut payment, .. }) = entry(book, id, "")? else {
        return Ok(Err(never_seen()));
    };
    match payment.state {
        GatewayState::RequiresAction { .. } => {
            let state = if approve { GatewayState::Authorized } else { declined("authentication_failed") };
            move_to(book, &mut payment, state, now)?;
            if approve {
                append(book, OperationKind::Authorize, id, None, payment.amount, now)?;
            }
            Ok(Ok(payment))
        }
        GatewayState::Authorized | GatewayState::Captured | GatewayState::Voided | GatewayState::Declined { .. } => Ok(Ok(payment)),
    }
}

pub(crate) fn operations(book: &Connection, after: i64, limit: i64) -> rusqlite::Result<Vec<Operation>> {
    book.prepare_cached(
        "SELECT o.sequence, o.kind, o.payment_id, o.refund_id, o.amount, o.currency, o.at_millis, p.reference
         FROM operations o JOIN payments p ON p.payment_id = o.payment_id WHERE o.sequence > ?1 ORDER BY o.sequence LIMIT ?2",
    )?
    .query_map(params![after, limit], |row| {
        Ok(Operation {
            sequence: row.get(0)?,
            kind: OperationKind::parse(&row.get::<_, String>(1)?).ok_or_else(|| unreadable(1))?,
            payment_id: parsed(row, 2)?,
            refund_id: row.get::<_, Option<String>>(3)?.map(|text| text.parse().map_err(|_| unreadable(3))).transpose()?,
            amount: Money::new(row.get(4)?, parsed(row, 5)?),
            at: Timestamp::from_millis(row.get(6)?),
            reference: row.get(7)?,
        })
    })?
    .collect()
}

pub(crate) fn not_ours() -> GatewayError {
    GatewayError::Invalid("the test gateway takes its documented test numbers only".into())
}

fn never_seen() -> GatewayError {
    GatewayError::Invalid("there is no such payment".into())
}

fn entry(book: &Connection, id: PaymentId, action_page: &str) -> rusqlite::Result<Option<Entry>> {
    book.prepare_cached("SELECT amount, currency, card, state, code, refunded, at_millis FROM payments WHERE payment_id = ?1")?
        .query_row([id.to_string()], |row| {
            let currency: Currency = parsed(row, 1)?;
            let state = match row.get_ref(3)?.as_str()? {
                "requires_action" => GatewayState::RequiresAction { action_url: action_url(action_page, id) },
                "authorized" => GatewayState::Authorized,
                "captured" => GatewayState::Captured,
                "voided" => GatewayState::Voided,
                "declined" => declined(row.get_ref(4)?.as_str()?),
                _ => return Err(unreadable(3)),
            };
            let payment = GatewayPayment {
                payment_id: id,
                amount: Money::new(row.get(0)?, currency),
                state,
                refunded: Money::new(row.get(5)?, currency),
                at: Timestamp::from_millis(row.get(6)?),
            };
            Ok(Entry { payment, behaviour: cards::find(row.get_ref(2)?.as_str()?).map(|card| card.behaviour) })
        })
        .optional()
}

fn insert_payment(book: &Connection, payment: &GatewayPayment, card: &str, reference: &str) -> rusqlite::Result<()> {
    let (state, code) = state_name(&payment.state);
    book.prepare_cached("INSERT INTO payments VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8)")?.execute(params![
        payment.payment_id.to_string(),
        payment.amount.amount,
        payment.amount.currency.code(),
        card,
        reference,
        state,
        code,
        payment.at.as_millis()
    ])?;
    Ok(())
}

fn move_to(book: &Connection, payment: &mut GatewayPayment, state: GatewayState, now: Timestamp) -> rusqlite::Result<()> {
    let (name, code) = state_name(&state);
    book.prepare_cached("UPDATE payments SET state = ?2, code = ?3, at_millis = ?4 WHERE payment_id = ?1")?.execute(params![
        payment.payment_id.to_string(),
        name,
        code,
        now.as_millis()
    ])?;
    payment.state = state;
    payment.at = now;
    Ok(())
}

/// Notes that a request was lost on the way; false if this payment's was lost before.
fn mark_lost(book: &Connection, id: PaymentId) -> rusqlite::Result<bool> {
    Ok(book.prepare_cached("INSERT INTO lost_requests VALUES (?1) ON CONFLICT DO NOTHING")?.execute([id.to_string()])? == 1)
}

fn append(
    book: &Connection,
    kind: OperationKind,
    payment: PaymentId,
    refund: Option<RefundId>,
    amount: Money,
    now: Timestamp,
) -> rusqlite::Result<()> {
    book.prepare_cached(
        "INSERT INTO operations (kind, payment_id, refund_id, amount, currency, at_millis) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        kind.as_str(),
        payment.to_string(),
        refund.map(|id| id.to_string()),
        amount.amount,
        amount.currency.code(),
        now.as_millis()
    ])?;
    Ok(())
}

fn find_refund(book: &Connection, id: RefundId) -> rusqlite::Result<Option<(PaymentId, GatewayRefund)>> {
    book.prepare_cached("SELECT payment_id, amount, currency, state FROM refunds WHERE refund_id = ?1")?
        .query_row([id.to_string()], |row| {
            let state = match row.get_ref(3)?.as_str()? {
                "settled" => RefundState::Settled,
                "refused" => RefundState::Refused,
                _ => return Err(unreadable(3)),
            };
            Ok((parsed(row, 0)?, GatewayRefund { refund_id: id, amount: Money::new(row.get(1)?, parsed(row, 2)?), state }))
        })
        .optional()
}

fn refund_state_name(state: RefundState) -> &'static str {
    match state {
        RefundState::Settled => "settled",
        RefundState::Refused => "refused",
    }
}

fn state_name(state: &GatewayState) -> (&'static str, &str) {
    match state {
        GatewayState::RequiresAction { .. } => ("requires_action", ""),
        GatewayState::Authorized => ("authorized", ""),
        GatewayState::Captured => ("captured", ""),
        GatewayState::Voided => ("voided", ""),
        GatewayState::Declined { code, .. } => ("declined", code),
    }
}

fn declined(code: &str) -> GatewayState {
    let message = match code {
        "insufficient_funds" => "The card has insufficient funds.",
        "authentication_failed" => "The customer did not confirm the payment.",
        _ => "The card was declined.",
    };
    GatewayState::Declined { code: code.into(), message: message.into() }
}

fn action_url(page: &str, id: PaymentId) -> String {
    format!("{}/{id}", page.trim_end_matches('/'))
}

fn parsed<T: std::str::FromStr>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    row.get_ref(column)?.as_str()?.parse().map_err(|_| unreadable(column))
}

fn unreadable(column: usize) -> rusqlite::Error {
    rusqlite::Error::InvalidColumnType(column, "not one of the book's values".into(), Type::Text)
}
