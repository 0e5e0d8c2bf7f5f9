//! The faults, and how DynamoDB words them.

use bytes::Bytes;
use hyper::{Response, StatusCode};
use serde_json::{Map, Value, json};

use crate::{Answer, answer};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// ThrottlingException.
    Throttled,
    /// ProvisionedThroughputExceededException.
    Exceeded,
    /// A conflict with another transaction.
    Conflict,
    /// Nothing was done.
    ErrorBefore,
    /// It was done.
    ErrorAfter,
    /// It was done, and the connection is closed.
    LostAfter,
    /// A BatchGetItem leaves half of the keys for another time.
    KeysLeft,
}

impl Fault {
    pub fn name(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::Exceeded => "exceeded",
            Self::Conflict => "conflict",
            Self::ErrorBefore => "error_before",
            Self::ErrorAfter => "error_after",
            Self::LostAfter => "lost_after",
            Self::KeysLeft => "keys_left",
        }
    }
}

/// What can happen to an operation. Those that make tables are left alone.
pub fn kinds(operation: &str) -> &'static [Fault] {
    use Fault::{Conflict, ErrorAfter, ErrorBefore, Exceeded, KeysLeft, LostAfter, Throttled};
    match operation {
        "PutItem" | "UpdateItem" | "DeleteItem" | "TransactWriteItems" => {
            &[Throttled, Exceeded, Conflict, ErrorBefore, ErrorAfter, LostAfter]
        }
        "GetItem" | "Query" => &[Throttled, Exceeded, ErrorBefore, LostAfter],
        "BatchGetItem" => &[Throttled, Exceeded, ErrorBefore, LostAfter, KeysLeft],
        _ => &[],
    }
}

fn typed(name: &str) -> String {
    format!("com.amazonaws.dynamodb.v20120810#{name}")
}

pub fn error(status: StatusCode, name: &str, message: &str) -> Answer {
    answer(status, &json!({ "__type": typed(name), "message": message }))
}

/// A conflict with another transaction, about one of the items if there are several.
pub fn conflict(request: &[u8], number: u64) -> Answer {
    let request: Value = serde_json::from_slice(request).unwrap_or_default();
    let Some(items) = request["TransactItems"].as_array().filter(|items| !items.is_empty()) else {
        return error(StatusCode::BAD_REQUEST, "TransactionConflictException", "Transaction is ongoing for the item");
    };
    let hit = usize::try_from(number % items.len() as u64).unwrap_or_default();
    let codes: Vec<&str> = (0..items.len()).map(|place| if place == hit { "TransactionConflict" } else { "None" }).collect();
    let reason = |code: &&str| match *code {
        "None" => json!({ "Code": "None" }),
        code => json!({ "Code": code, "Message": "Transaction is ongoing for the item" }),
    };
    let message = format!("Transaction cancelled, please refer cancellation reasons for specific reasons [{}]", codes.join(", "));
    let reasons: Vec<Value> = codes.iter().map(reason).collect();
    let body = json!({ "__type": typed("TransactionCanceledException"), "Message": message, "CancellationReasons": reasons });
    answer(StatusCode::BAD_REQUEST, &body)
}

/// A BatchGetItem with the first half of its keys, and what is left of it.
pub fn halved(request: &[u8]) -> Option<(Bytes, Map<String, Value>)> {
    let mut request: Value = serde_json::from_slice(request).ok()?;
    let mut rest = Map::new();
    for (table, asked) in request.get_mut("RequestItems")?.as_object_mut()? {
        let keys = asked.get_mut("Keys")?.as_array_mut()?;
        let left = keys.split_off(keys.len().div_ceil(2));
        if !left.is_empty() {
            let mut others = asked.clone();
            others["Keys"] = Value::Array(left);
            rest.insert(table.clone(), others);
        }
    }
    (!rest.is_empty()).then(|| (Bytes::from(request.to_string()), rest))
}

/// The answer to the half, which tells of the rest.
pub fn with_rest(answer: Answer, rest: &Map<String, Value>) -> Answer {
    let (mut head, bytes) = answer.into_parts();
    let changed = serde_json::from_slice::<Value>(&bytes).ok().filter(|_| head.status == StatusCode::OK).map(|mut value| {
        value["UnprocessedKeys"] = Value::Object(rest.clone());
        Bytes::from(value.to_string())
    });
    if changed.is_some() {
        // It was of the other text.
        head.headers.remove("x-amz-crc32");
    }
    Response::from_parts(head, changed.unwrap_or(bytes))
}
