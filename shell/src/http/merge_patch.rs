//! JSON Merge Patch (RFC 7396): a PATCH names what changes, `null` takes something away, and a list is replaced as a whole.

use kernel::Problem;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::misfit::in_words;

/// The members of an object that are to change.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(transparent)]
pub struct MergePatch(Map<String, Value>);

impl MergePatch {
    /// What `before` becomes.
    ///
    /// Errors: 422, if that is no `T`.
    pub fn apply<T: DeserializeOwned>(&self, before: &impl Serialize) -> Result<T, Problem> {
        let after = merged(serde_json::to_value(before).map_err(Problem::internal)?, Value::Object(self.0.clone()));
        serde_path_to_error::deserialize(after).map_err(|error| {
            let (path, message) = (error.path().to_string(), error.inner().to_string());
            let words = if message.starts_with("unknown field") { "is not known here" } else { in_words(&message) };
            Problem::field(if path == "." { "body" } else { &path }, words)
        })
    }
}

fn merged(target: Value, patch: Value) -> Value {
    let Value::Object(patch) = patch else { return patch };
    let mut target = match target {
        Value::Object(target) => target,
        _ => Map::new(),
    };
    for (name, change) in patch {
        if change.is_null() {
            target.remove(&name);
        } else {
            let before = target.remove(&name).unwrap_or_default();
            target.insert(name, merged(before, change));
        }
    }
    Value::Object(target)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Appendix A of the RFC.
    #[test]
    fn examples_of_the_standard() {
        for (target, patch, expect) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]})),
            (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
            (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
            (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
            (json!({"a": "b"}), json!(["c"]), json!(["c"])),
            (json!({"a": "foo"}), json!(null), json!(null)),
            (json!({"a": "foo"}), json!("bar"), json!("bar")),
            (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
            (json!([1, 2]), json!({"a": "b", "c": null}), json!({"a": "b"})),
            (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
        ] {
            assert_eq!(merged(target.clone(), patch.clone()), expect, "{target} {patch}");
        }
    }

    #[test]
    fn what_does_not_fit_is_named() {
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Thing {
            name: String,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            grams: Option<u32>,
        }
        let before = Thing { name: "Pot".into(), grams: Some(800) };
        let patch = |patch: Value| serde_json::from_value::<MergePatch>(patch).unwrap().apply::<Thing>(&before);
        assert_eq!(patch(json!({ "grams": null })).unwrap(), Thing { grams: None, ..before.clone() });
        for (change, field) in [(json!({ "grams": "x" }), "grams"), (json!({ "weight": 1 }), "weight"), (json!({ "name": null }), "body")] {
            assert_eq!(patch(change.clone()).unwrap_err().fields[0].field, field, "{change}");
        }
    }
}
