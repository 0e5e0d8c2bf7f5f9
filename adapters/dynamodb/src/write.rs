//! The writes of a commit as DynamoDB's operations, each with its condition.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use kernel::Timestamp;
use ports::store::{Bound, Expect, NewItem, Refusal, StoreError, Write, add_to};

use crate::body::escaped;
use crate::layout::{Attributes, DATA, EVENTS, EXPIRES, PK, TOKEN, Token, VERSION, key_attributes, number, to_attributes, to_living};

const ALIVE: &str = "(attribute_not_exists(#x) OR #x > :now)";

/// What an operation asks of the item, with the names and values that the texts mention: DynamoDB
/// refuses any that they do not.
#[derive(Debug, Default, Clone)]
pub struct Terms {
    pub condition: Option<String>,
    pub names: HashMap<String, String>,
    pub values: HashMap<String, AttributeValue>,
}

impl Terms {
    /// An expired item counts as absent, though it lies there still.
    pub fn of(expect: Expect, now: Timestamp) -> Self {
        let mut terms = Self::default();
        match expect {
            Expect::Anything => return terms,
            Expect::Absent => {
                terms.condition = Some("attribute_not_exists(#pk) OR #x <= :now".into());
                terms.name("#pk", PK);
            }
            Expect::Version(version) => {
                terms.condition = Some(format!("#v = :v AND {ALIVE}"));
                terms.name("#v", VERSION);
                terms.value(":v", version);
            }
        }
        terms.name("#x", EXPIRES);
        terms.value(":now", now.as_millis());
        terms
    }

    fn name(&mut self, placeholder: &str, name: &str) {
        self.names.insert(placeholder.into(), name.into());
    }

    fn value(&mut self, placeholder: &str, value: impl ToString) {
        self.values.insert(placeholder.into(), number(value));
    }

    /// The names, `None` where there are none: DynamoDB refuses an empty map.
    pub fn names(&self) -> Option<HashMap<String, String>> {
        (!self.names.is_empty()).then(|| self.names.clone())
    }

    pub fn values(&self) -> Option<HashMap<String, AttributeValue>> {
        (!self.values.is_empty()).then(|| self.values.clone())
    }
}

/// One operation of a transaction.
pub enum Operation {
    Put(Attributes, Terms),
    Delete(Attributes, Terms),
    Check(Attributes, Terms),
    Update(Attributes, String, Terms),
}

impl Operation {
    pub fn of(write: &Write, events: Option<AttributeValue>, token: &Token, now: Timestamp) -> Result<Self, StoreError> {
        Ok(match write {
            Write::Put { item, expect } => {
                let (attributes, terms) = put(item, *expect, events, token, now)?;
                Self::Put(attributes, terms)
            }
            Write::Delete { key, expect } => Self::Delete(key_attributes(key), Terms::of(*expect, now)),
            Write::Check { key, expect } => Self::Check(key_attributes(key), Terms::of(*expect, now)),
            Write::Add { key, deltas, bounds } => {
                let (update, terms) = addition(deltas, bounds, token, now);
                Self::Update(key_attributes(key), update, terms)
            }
        })
    }

    pub fn in_transaction(self, table: &str) -> Result<TransactWriteItem, BuildError> {
        /// The four builders have no trait in common, only the names of these methods.
        macro_rules! guarded {
            ($builder:expr, $terms:expr) => {
                $builder
                    .table_name(table)
                    .set_expression_attribute_names($terms.names())
                    .set_expression_attribute_values($terms.values())
                    .set_condition_expression($terms.condition)
                    .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
                    .build()?
            };
        }
        let item = TransactWriteItem::builder();
        Ok(match self {
            Self::Put(attributes, terms) => item.put(guarded!(Put::builder().set_item(Some(attributes)), terms)),
            Self::Delete(key, terms) => item.delete(guarded!(Delete::builder().set_key(Some(key)), terms)),
            Self::Check(key, terms) => item.condition_check(guarded!(ConditionCheck::builder().set_key(Some(key)), terms)),
            Self::Update(key, update, terms) => {
                item.update(guarded!(Update::builder().set_key(Some(key)).update_expression(update), terms))
            }
        }
        .build())
    }
}

/// The attributes that a put leaves, and its condition. What is put whatever was there has no token: if it
/// is the same as before, its indexes have nothing to do.
pub fn put(
    item: &NewItem,
    expect: Expect,
    events: Option<AttributeValue>,
    token: &Token,
    now: Timestamp,
) -> Result<(Attributes, Terms), StoreError> {
    let mut attributes = to_attributes(item, expect.version_after())?;
    attributes.extend(events.map(|events| (EVENTS.to_owned(), events)));
    if expect != Expect::Anything {
        attributes.insert(TOKEN.to_owned(), token.attribute());
    }
    Ok((attributes, Terms::of(expect, now)))
}

/// The update that moves the counters, and its condition: the item is there, every bound holds, and every
/// counter is an integer that stays within 64 bits. `BETWEEN` is false for anything but a number.
fn addition(deltas: &[(&'static str, i64)], bounds: &[Bound], token: &Token, now: Timestamp) -> (String, Terms) {
    let mut terms = Terms::default();
    for (placeholder, name) in [("#pk", PK), ("#x", EXPIRES), ("#v", VERSION), ("#e", EVENTS), ("#w", TOKEN)] {
        terms.name(placeholder, name);
    }
    terms.value(":now", now.as_millis());
    terms.value(":one", 1);
    let mut conditions = vec![format!("attribute_exists(#pk) AND {ALIVE}")];
    // The token of the put stays: it is there to know that put again.
    let mut update = "SET #v = #v + :one, #w = if_not_exists(#w, :w)".to_owned();
    terms.values.insert(":w".into(), token.attribute());
    // DynamoDB refuses to set one path twice.
    let mut sums = BTreeMap::<&str, i128>::new();
    for (name, delta) in deltas {
        *sums.entry(name).or_default() += i128::from(*delta);
    }
    let (least, most) = (i128::from(i64::MIN), i128::from(i64::MAX));
    let mut within = |terms: &mut Terms, place: usize, name: &str, from: i128, to: i128| {
        terms.name("#d", DATA);
        terms.name(&format!("#n{place}"), &escaped(name));
        terms.value(&format!(":from{place}"), from);
        terms.value(&format!(":to{place}"), to);
        conditions.push(format!("#d.#n{place} BETWEEN :from{place} AND :to{place}"));
    };
    for (place, bound) in bounds.iter().enumerate() {
        match bound {
            Bound::AtLeast(name, from) => within(&mut terms, place, name, i128::from(*from), most),
            Bound::AtMost(name, to) => within(&mut terms, place, name, least, i128::from(*to)),
        }
    }
    for (place, (name, sum)) in (bounds.len()..).zip(sums) {
        within(&mut terms, place, name, least.max(least - sum), most.min(most - sum));
        terms.value(&format!(":by{place}"), sum);
        update.push_str(&format!(", #d.#n{place} = #d.#n{place} + :by{place}"));
    }
    update.push_str(" REMOVE #e");
    terms.condition = Some(conditions.join(" AND "));
    (update, terms)
}

/// Why the condition of a write did not hold on the item that was found. An error where the write could
/// never hold, as for a counter that is a text.
pub fn refusal(write: &Write, found: Option<&Attributes>, now: Timestamp) -> Result<Refusal, StoreError> {
    let Write::Add { deltas, bounds, .. } = write else {
        return Ok(Refusal::Expectation);
    };
    let Some(item) = found.map(|found| to_living(found, now)).transpose()?.flatten() else {
        return Ok(Refusal::Expectation);
    };
    // If the counters could move after all, the item was another when the condition was asked.
    Ok(add_to(&item.key, item.body.as_str(), deltas, bounds)?.err().unwrap_or(Refusal::Expectation))
}
