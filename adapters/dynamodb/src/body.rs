//! JSON as native attributes, without loss. Integers become `N`, texts `S`, lists `L`, objects `M`.
//!
//! DynamoDB has one kind of number and forgets how it was written, so `1.0` would come back as `1`,
//! and a fraction could pass for a counter. A number that is no integer is therefore the map `{"$f": N}`,
//! with a text in place of the `N` where the number is out of its range. Names that begin with `$` get
//! another `$`, and so does the empty name, which DynamoDB does not have.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt;

use aws_sdk_dynamodb::types::AttributeValue;
use ports::store::{Body, StoreError};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::ser::{self, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const FRACTION: &str = "$f";
/// What an `N` can hold, with some room left.
const FRACTION_LEAST: f64 = 1e-120;
const FRACTION_MOST: f64 = 1e120;

pub fn to_attribute(body: &Body) -> Result<AttributeValue, StoreError> {
    let native: Native =
        serde_json::from_str(body.as_str()).map_err(|error| StoreError::Invalid(format!("the body is not JSON: {error}")))?;
    Ok(native.0)
}

pub fn from_attribute(value: &AttributeValue) -> Result<Body, StoreError> {
    let text = serde_json::to_string(&Json(value)).map_err(|error| StoreError::Failed(format!("an item cannot be read: {error}")))?;
    Ok(Body::from_stored(text))
}

/// The name of a member of the body as an attribute.
pub fn escaped(name: &str) -> String {
    if name.is_empty() || name.starts_with('$') { format!("${name}") } else { name.to_owned() }
}

struct Native(AttributeValue);

impl<'de> Deserialize<'de> for Native {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NativeVisitor).map(Native)
    }
}

struct NativeVisitor;

impl<'de> Visitor<'de> for NativeVisitor {
    type Value = AttributeValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<AttributeValue, E> {
        Ok(AttributeValue::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<AttributeValue, E> {
        Ok(AttributeValue::N(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<AttributeValue, E> {
        Ok(AttributeValue::N(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<AttributeValue, E> {
        let fits = value.is_sign_positive() && value == 0.0 || (FRACTION_LEAST..FRACTION_MOST).contains(&value.abs());
        let number = match value.abs() {
            _ if !fits => AttributeValue::S(format!("{value:e}")),
            0.0 | 1e-6..1e16 => AttributeValue::N(value.to_string()),
            _ => AttributeValue::N(format!("{value:e}")),
        };
        Ok(AttributeValue::M(HashMap::from([(FRACTION.to_owned(), number)])))
    }

    fn visit_str<E>(self, value: &str) -> Result<AttributeValue, E> {
        Ok(AttributeValue::S(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<AttributeValue, E> {
        Ok(AttributeValue::S(value))
    }

    fn visit_unit<E>(self) -> Result<AttributeValue, E> {
        Ok(AttributeValue::Null(true))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<AttributeValue, A::Error> {
        let mut list = Vec::new();
        while let Some(Native(value)) = access.next_element()? {
            list.push(value);
        }
        Ok(AttributeValue::L(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<AttributeValue, A::Error> {
        let mut map = HashMap::new();
        while let Some((name, Native(value))) = access.next_entry::<Cow<'_, str>, Native>()? {
            map.insert(escaped(&name), value);
        }
        Ok(AttributeValue::M(map))
    }
}

struct Json<'a>(&'a AttributeValue);

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            AttributeValue::Bool(value) => serializer.serialize_bool(*value),
            AttributeValue::Null(_) => serializer.serialize_unit(),
            AttributeValue::S(text) => serializer.serialize_str(text),
            AttributeValue::N(text) => integer(text, serializer),
            AttributeValue::L(list) => serializer.collect_seq(list.iter().map(Json)),
            AttributeValue::M(map) => match (map.len(), map.get(FRACTION)) {
                (1, Some(AttributeValue::N(text) | AttributeValue::S(text))) => {
                    serializer.serialize_f64(text.parse::<f64>().map_err(ser::Error::custom)?)
                }
                _ => {
                    // In one order, so that the same item is always the same text.
                    let members: BTreeMap<&str, Json<'_>> =
                        map.iter().map(|(name, value)| (name.strip_prefix('$').unwrap_or(name), Json(value))).collect();
                    serializer.collect_map(members)
                }
            },
            other => Err(S::Error::custom(format!("an attribute that is no JSON: {other:?}"))),
        }
    }
}

fn integer<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    match (text.parse::<i64>(), text.parse::<u64>()) {
        (Ok(value), _) => serializer.serialize_i64(value),
        (_, Ok(value)) => serializer.serialize_u64(value),
        _ => Err(S::Error::custom(format!("{text:.40} is no integer of 64 bits"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn native(value: &Value) -> AttributeValue {
        to_attribute(&Body::of(value).unwrap()).unwrap()
    }

    #[test]
    fn what_goes_in_comes_out() {
        let cases = [
            json!({}),
            json!({ "": { "": 1 }, "$": 1, "$f": 1.5, "$$": null, "a$": [] }),
            json!({ "integers": [0, -1, i64::MIN, i64::MAX, u64::MAX] }),
            json!({ "floats": [0.0, -0.0, 1.0, -1.0, 1.5, 0.1, 0.1 + 0.2, 52.520_008, 1e15, 1e16, 1e17, 1e-5, 1e-7, 123_456_789.123_456_78] }),
            json!({ "far": [1e119, 1e121, 1e300, f64::MAX, f64::MIN, f64::MIN_POSITIVE, 5e-324, 1e-119, 1e-121, -1e-300] }),
            json!({ "texts": ["", "Grüße \u{1F375} \u{0} \\ \"", "1", "1.0"], "nothing": null, "yes": true, "no": false }),
            json!({ "deep": [[[{ "a": [{ "b": {} }] }]]], "one": { "$f": "text" } }),
        ];
        for case in cases {
            assert_eq!(from_attribute(&native(&case)).unwrap().read::<Value>().unwrap(), case);
        }
    }

    #[test]
    fn it_is_readable_where_it_lies() {
        let AttributeValue::M(map) = native(&json!({ "n": 7, "price": 1.0, "name": "Tea" })) else { panic!("a map") };
        assert_eq!(map["n"], AttributeValue::N("7".into()));
        assert_eq!(map["name"], AttributeValue::S("Tea".into()));
        assert_eq!(map["price"], AttributeValue::M(HashMap::from([("$f".into(), AttributeValue::N("1".into()))])));
    }

    #[test]
    fn foreign_attributes_are_an_error() {
        for foreign in [AttributeValue::Ss(vec!["a".into()]), AttributeValue::N("1.5".into()), AttributeValue::N("1e99".into())] {
            let map = AttributeValue::M(HashMap::from([("a".into(), foreign)]));
            assert!(matches!(from_attribute(&map), Err(StoreError::Failed(_))), "{map:?}");
        }
    }
}
