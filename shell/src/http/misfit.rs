//! Everything that is wrong with a body or a query, field by field, in words for people. Serde stops at the first field
//! and speaks of types; so what it has refused is compared with the description of the operation. Only then: what is accepted
//! costs nothing.

use kernel::{Email, FieldError, Line, Paragraph};
use serde_json::Value;
use utoipa::openapi::schema::{AdditionalProperties, Array, ArrayItems, Components, Object, Schema, SchemaFormat, SchemaType, Type};
use utoipa::openapi::{RefOr, path::Parameter};
use utoipa::{Number, openapi::Required};

const MISFITS_MAX: usize = 50;

/// The fields of a value that do not fit its schema. Rules that are in no schema are not looked at.
pub(super) fn misfits(components: Option<&Components>, schema: &RefOr<Schema>, value: &Value) -> Vec<FieldError> {
    let mut comparison = Comparison { components, found: Vec::new(), is_tag_wrong: false };
    comparison.compare(schema, value, "");
    comparison.found
}

/// The same for a query: each of its values is a text.
pub(super) fn query_misfits<'a>(
    components: Option<&Components>,
    parameters: impl Iterator<Item = &'a Parameter>,
    given: &[(String, String)],
) -> Vec<FieldError> {
    let mut comparison = Comparison { components, found: Vec::new(), is_tag_wrong: false };
    for parameter in parameters {
        match given.iter().find(|(name, _)| *name == parameter.name) {
            None if parameter.required == Required::True => comparison.add(&parameter.name, "is required"),
            None => {}
            Some((name, text)) => {
                let Some(schema) = &parameter.schema else { continue };
                comparison.compare(schema, &comparison.read(schema, text), name);
            }
        }
    }
    comparison.found
}

/// What serde says of a field, unless it speaks of Rust.
pub(super) fn in_words(message: &str) -> &str {
    const OF_RUST: [&str; 8] = [
        "missing field",
        "invalid type",
        "invalid value",
        "invalid length",
        "unknown field",
        "unknown variant",
        "duplicate field",
        "data did not match",
    ];
    if message.starts_with("duplicate field") {
        "is given twice"
    } else if OF_RUST.iter().any(|start| message.starts_with(start)) {
        "is not valid"
    } else {
        message
    }
}

struct Comparison<'a> {
    components: Option<&'a Components>,
    found: Vec<FieldError>,
    /// Whether a field that takes one value only, as the tag of an alternative does, has another.
    is_tag_wrong: bool,
}

impl<'a> Comparison<'a> {
    fn add(&mut self, at: &str, message: impl Into<String>) {
        if self.found.len() < MISFITS_MAX {
            let field = if at.is_empty() { "body" } else { at };
            self.found.push(FieldError { field: field.into(), message: message.into() });
        }
    }

    fn resolve<'s>(&self, schema: &'s RefOr<Schema>) -> Option<&'s Schema>
    where
        'a: 's,
    {
        match schema {
            RefOr::T(schema) => Some(schema),
            RefOr::Ref(reference) => {
                let name = reference.ref_location.rsplit('/').next()?;
                self.resolve(self.components?.schemas.get(name)?)
            }
        }
    }

    /// The value that a text of a query stands for.
    fn read(&self, schema: &RefOr<Schema>, text: &str) -> Value {
        let is_text = match self.resolve(schema) {
            Some(Schema::Object(object)) => types(&object.schema_type).contains(&Type::String),
            _ => true,
        };
        let read = if is_text { None } else { serde_json::from_str(text).ok() };
        read.unwrap_or_else(|| text.into())
    }

    fn compare(&mut self, schema: &RefOr<Schema>, value: &Value, at: &str) {
        match self.resolve(schema) {
            Some(Schema::Object(object)) => self.compare_object(object, value, at),
            Some(Schema::Array(array)) => self.compare_array(array, value, at),
            Some(Schema::AllOf(all)) => all.items.iter().for_each(|one| self.compare(one, value, at)),
            Some(Schema::OneOf(one)) => self.compare_any(&one.items, value, at),
            Some(Schema::AnyOf(any)) => self.compare_any(&any.items, value, at),
            // A kind of schema that there is not yet, or a name that nothing has: nothing is known to be wrong.
            Some(_) | None => {}
        }
    }

    /// Says what is wrong with the alternative that comes nearest: one of the value's own kind and tag, with the fewest misfits.
    fn compare_any(&mut self, alternatives: &[RefOr<Schema>], value: &Value, at: &str) {
        let place = if at.is_empty() { "body" } else { at };
        let compare = |alternative: &RefOr<Schema>| {
            let mut comparison = Comparison { components: self.components, found: Vec::new(), is_tag_wrong: false };
            comparison.compare(alternative, value, at);
            comparison
        };
        let is_null = |alternative: &&RefOr<Schema>| match self.resolve(alternative) {
            Some(Schema::Object(object)) => types(&object.schema_type) == [Type::Null],
            _ => false,
        };
        if alternatives.iter().any(|alternative| compare(alternative).found.is_empty()) {
            return;
        }
        let others = alternatives.iter().filter(|alternative| !is_null(alternative)).map(compare);
        let distance = |other: &Comparison<'_>| {
            let is_of_other_kind = other.is_tag_wrong || other.found.iter().any(|misfit| misfit.field == place);
            (is_of_other_kind, other.found.len())
        };
        if let Some(nearest) = others.min_by_key(distance) {
            self.found.extend(nearest.found);
        }
    }

    fn compare_object(&mut self, object: &Object, value: &Value, at: &str) {
        let allowed = types(&object.schema_type);
        if !allowed.is_empty() && !allowed.iter().any(|kind| is_of(kind, value)) {
            return self.add(at, must_be(allowed));
        }
        if let Some(values) = object.enum_values.as_ref().filter(|values| !values.contains(value) && !value.is_null()) {
            self.is_tag_wrong |= values.len() == 1;
            let shown: Vec<_> = values.iter().map(|one| one.as_str().map_or_else(|| one.to_string(), str::to_owned)).collect();
            return self.add(at, format!("must be {}", shown.join(" or ")));
        }
        match value {
            Value::String(text) => self.compare_text(object, text, at),
            Value::Number(number) => {
                let bound = |bound: &Option<Number>| bound.as_ref().map(as_float);
                let (least, most) = (bound(&object.minimum), bound(&object.maximum));
                let number = number.as_f64().unwrap_or_default();
                if least.is_some_and(|least| number < least) || most.is_some_and(|most| number > most) {
                    self.add(at, format!("must be {}", range(least, most)));
                }
            }
            Value::Object(given) => {
                for name in object.required.iter().filter(|name| !given.contains_key(*name)) {
                    self.add(&join(at, name), "is required");
                }
                for (name, value) in given {
                    match (object.properties.get(name), object.additional_properties.as_deref()) {
                        (Some(property), _) | (None, Some(AdditionalProperties::RefOr(property))) => {
                            self.compare(property, value, &join(at, name));
                        }
                        (None, Some(AdditionalProperties::FreeForm(false))) => self.add(&join(at, name), "is not known here"),
                        (None, Some(AdditionalProperties::FreeForm(true)) | None) => {}
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Array(_) => {}
        }
    }

    fn compare_text(&mut self, object: &Object, text: &str, at: &str) {
        let format = match &object.format {
            Some(SchemaFormat::Custom(format)) => format.as_str(),
            Some(SchemaFormat::KnownFormat(_)) | None => "",
        };
        let (characters, trimmed) = (text.chars().count(), text.trim().chars().count());
        // Other texts may be trimmed by whoever takes them: in doubt nothing is wrong.
        let at_least = if ["line", "paragraph"].contains(&format) { trimmed } else { characters };
        let (least, most) = (object.min_length, object.max_length);
        if least.is_some_and(|least| at_least < least) || most.is_some_and(|most| trimmed > most) {
            return self.add(at, format!("must be {} characters", range(least, most)));
        }
        let refused = match format {
            "email" => text.parse::<Email>().err().map(|error| error.to_string()),
            "line" => Line::<0, { usize::MAX }>::new(text).err().map(|error| error.to_string()),
            "paragraph" => Paragraph::<0, { usize::MAX }>::new(text).err().map(|error| error.to_string()),
            _ => None,
        };
        if let Some(refused) = refused {
            self.add(at, refused);
        }
    }

    fn compare_array(&mut self, array: &Array, value: &Value, at: &str) {
        let Value::Array(items) = value else {
            if !value.is_null() || !types(&array.schema_type).contains(&Type::Null) {
                self.add(at, "must be a list");
            }
            return;
        };
        let (least, most) = (array.min_items, array.max_items);
        if least.is_some_and(|least| items.len() < least) || most.is_some_and(|most| items.len() > most) {
            self.add(at, format!("must have {} entries", range(least, most)));
        }
        if let ArrayItems::RefOrSchema(schema) = &array.items {
            items.iter().enumerate().for_each(|(place, item)| self.compare(schema, item, &format!("{at}[{place}]")));
        }
    }
}

/// None for a schema that takes anything.
fn types(schema_type: &SchemaType) -> &[Type] {
    match schema_type {
        SchemaType::Type(one) => std::slice::from_ref(one),
        SchemaType::Array(all) => all,
        SchemaType::AnyValue => &[],
    }
}

fn is_of(kind: &Type, value: &Value) -> bool {
    match kind {
        Type::Object => value.is_object(),
        Type::String => value.is_string(),
        Type::Integer => value.is_i64() || value.is_u64(),
        Type::Number => value.is_number(),
        Type::Boolean => value.is_boolean(),
        Type::Array => value.is_array(),
        Type::Null => value.is_null(),
    }
}

fn must_be(allowed: &[Type]) -> &'static str {
    match allowed.iter().find(|kind| **kind != Type::Null) {
        Some(Type::Object) => "must be an object",
        Some(Type::String) => "must be a text",
        Some(Type::Integer) => "must be a whole number",
        Some(Type::Number) => "must be a number",
        Some(Type::Boolean) => "must be true or false",
        Some(Type::Array) => "must be a list",
        Some(Type::Null) | None => "must be left out",
    }
}

/// `1 to 3`, `at least 1`, `at most 3`.
fn range<T: std::fmt::Display>(least: Option<T>, most: Option<T>) -> String {
    match (least, most) {
        (Some(least), Some(most)) => format!("{least} to {most}"),
        (Some(least), None) => format!("at least {least}"),
        (None, Some(most)) => format!("at most {most}"),
        (None, None) => String::new(),
    }
}

#[allow(clippy::cast_precision_loss)]
fn as_float(number: &Number) -> f64 {
    match number {
        Number::Int(number) => *number as f64,
        Number::UInt(number) => *number as f64,
        Number::Float(number) => *number,
    }
}

fn join(at: &str, name: &str) -> String {
    if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use utoipa::{PartialSchema, ToSchema};

    use super::*;

    #[derive(serde::Deserialize, ToSchema)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Person {
        email: Email,
        #[schema(inline)]
        name: Line<1, 5>,
        #[schema(minimum = 0, maximum = 150)]
        age: Option<u32>,
        #[schema(max_items = 2)]
        pets: Vec<Pet>,
        home: Option<Pet>,
    }

    #[derive(serde::Deserialize, ToSchema)]
    #[serde(tag = "kind", rename_all = "lowercase")]
    #[allow(dead_code)]
    enum Pet {
        Cat { lives: u8 },
        Dog { name: String, good: bool },
    }

    #[test]
    fn all_misfits_are_named_by_their_paths() {
        let components = utoipa::openapi::ComponentsBuilder::new().schema_from::<Email>().schema_from::<Pet>().build();
        for (value, expect) in [
            (json!({ "email": "a@b.de", "name": "Ann", "pets": [], "home": null, "age": null }), &[][..]),
            (json!({ "email": "a@b.de", "name": "Ann  ", "pets": [{ "kind": "cat", "lives": 9 }], "age": 7 }), &[]),
            (json!([]), &["body must be an object"]),
            (json!({}), &["email is required", "name is required", "pets is required"]),
            (
                json!({ "email": "bad", "name": " ", "pets": 1, "agee": 1 }),
                &["agee is not known here", "email must be an e-mail address", "name must be 1 to 5 characters", "pets must be a list"],
            ),
            (
                json!({ "email": 1, "name": "A\u{7}", "pets": [], "age": "9" }),
                &["age must be a whole number", "email must be a text", "name must not hold control characters, nor invisible ones that turn or hide what is read"],
            ),
            (json!({ "email": "a@b.de", "name": "Ann", "pets": [], "age": 151 }), &["age must be 0 to 150"]),
            (
                json!({ "email": "a@b.de", "name": "Ann", "pets": [{ "kind": "dog" }, { "kind": "cat", "lives": true }], "home": { "kind": "cat" } }),
                &["home.lives is required", "pets[0].good is required", "pets[0].name is required", "pets[1].lives must be a whole number"],
            ),
            (
                json!({ "email": "a@b.de", "name": "Ann", "pets": [{ "kind": "cow" }, 1, 2] }),
                &[
                    "pets must have at most 2 entries",
                    "pets[0].kind must be cat",
                    "pets[0].lives is required",
                    "pets[1] must be an object",
                    "pets[2] must be an object",
                ],
            ),
        ] {
            let mut found: Vec<_> = misfits(Some(&components), &Person::schema(), &value)
                .iter()
                .map(|misfit| format!("{} {}", misfit.field, misfit.message))
                .collect();
            found.sort();
            assert_eq!(found, expect, "{value}");
        }
    }

    #[test]
    fn words_are_not_those_of_rust() {
        for (message, expect) in [
            ("invalid type: string \"9\", expected i64", "is not valid"),
            ("duplicate field `lines`", "is given twice"),
            ("must be 1 to 3 characters", "must be 1 to 3 characters"),
        ] {
            assert_eq!(in_words(message), expect);
        }
    }
}
