//! Golden files of what is stored: one line for each shape that a record or an event has ever had. Data outlives the
//! code that wrote it, so whatever was once written must stay readable, and nothing of it may be lost by reading.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

type Reread = Box<dyn Fn(&Value) -> Result<Value, serde_json::Error>>;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Line {
    /// The name of the Rust type.
    record: String,
    stored: Value,
}

struct Kind {
    name: &'static str,
    samples: Vec<Value>,
    reread: Reread,
}

/// The formats of a crate: its golden file, and samples of what it stores today.
pub struct Golden {
    file: PathBuf,
    kinds: Vec<Kind>,
}

impl Golden {
    /// `formats.jsonl` in the folder of a crate: `env!("CARGO_MANIFEST_DIR")`.
    pub fn of(folder: &str) -> Self {
        Self { file: Path::new(folder).join("formats.jsonl"), kinds: Vec::new() }
    }

    /// A type with a sample for each of its variants, named as in `impl Record for …`.
    ///
    /// # Panics
    /// If a sample cannot be written as JSON.
    #[must_use]
    pub fn record<T: Serialize + DeserializeOwned>(self, name: &'static str, samples: impl IntoIterator<Item = T>) -> Self {
        let samples = samples.into_iter().map(|sample| serde_json::to_value(sample).expect("a sample is JSON")).collect();
        self.kind(name, samples, |stored| serde_json::to_value(serde_json::from_value::<T>(stored.clone())?))
    }

    fn kind(
        mut self,
        name: &'static str,
        samples: Vec<Value>,
        reread: impl Fn(&Value) -> Result<Value, serde_json::Error> + 'static,
    ) -> Self {
        self.kinds.push(Kind { name, samples, reread: Box::new(reread) });
        self
    }

    /// Reads every line of the file by today's code, and looks that today's shapes are in it. With `FORMATS=write` in the
    /// environment, shapes that are missing are appended; no line is ever taken away.
    ///
    /// # Panics
    /// With what is wrong: a line that cannot be read, a field that was removed or retyped, a shape that is missing.
    pub fn check(self) {
        let text = std::fs::read_to_string(&self.file).unwrap_or_default();
        let lines: Vec<Line> = text.lines().map(|line| serde_json::from_str(line).expect("a line of the golden file is JSON")).collect();
        let mut faults: Vec<String> = lines.iter().filter_map(|line| self.fault(line)).collect();
        let missing = self.missing(&lines);
        if std::env::var_os("FORMATS").is_some_and(|wish| wish == "write") && faults.is_empty() {
            let appended = missing.iter().fold(text, |mut text, line| {
                writeln!(text, "{}", serde_json::to_string(line).expect("a line is JSON")).expect("a text takes what is written");
                text
            });
            std::fs::write(&self.file, appended).expect("the golden file can be written");
            return;
        }
        faults.extend(missing.iter().map(|line| format!("{} has a new shape: {}", line.record, line.stored)));
        assert!(
            faults.is_empty(),
            "{}:\n{}\nA new shape is recorded with FORMATS=write; a field that was stored once stays readable (CONTRIBUTING.md).",
            self.file.display(),
            faults.join("\n")
        );
    }

    fn fault(&self, line: &Line) -> Option<String> {
        let Some(kind) = self.kinds.iter().find(|kind| kind.name == line.record) else {
            return Some(format!("{} is stored no more, or has no samples", line.record));
        };
        match (kind.reread)(&line.stored) {
            Err(error) => Some(format!("{} cannot be read any more: {error}: {}", line.record, line.stored)),
            Ok(read) => {
                let mut lost = Vec::new();
                compare("", &line.stored, &read, &mut lost);
                (!lost.is_empty()).then(|| format!("{} has lost {}: {}", line.record, lost.join(", "), line.stored))
            }
        }
    }

    /// Samples whose shape no line has.
    fn missing(&self, lines: &[Line]) -> Vec<Line> {
        let mut known: BTreeSet<(String, BTreeSet<String>)> = lines.iter().map(|line| (line.record.clone(), shape(&line.stored))).collect();
        let samples = self.kinds.iter().flat_map(|kind| kind.samples.iter().map(|sample| (kind.name, sample)));
        let fresh = samples.filter(|(name, sample)| known.insert(((*name).to_owned(), shape(sample))));
        fresh.map(|(name, sample)| Line { record: name.to_owned(), stored: sample.clone() }).collect()
    }
}

/// Notes what is stored and not read: a member that is gone, or another value in its place. What is read may have more.
fn compare(path: &str, stored: &Value, read: &Value, lost: &mut Vec<String>) {
    match (stored, read) {
        (Value::Object(stored), Value::Object(read)) => {
            for (name, value) in stored {
                compare(&format!("{path}.{name}"), value, read.get(name).unwrap_or(&Value::Null), lost);
            }
        }
        (Value::Array(stored), Value::Array(read)) if stored.len() == read.len() => {
            stored.iter().zip(read).for_each(|(stored, read)| compare(&format!("{path}[]"), stored, read, lost));
        }
        (stored, read) if stored == read => {}
        (stored, read) => lost.push(format!("{path}: {stored} is read as {read}")),
    }
}

/// The paths of a value with the types that stand there. Texts of one word count by themselves: they are the names of
/// variants and statuses.
fn shape(value: &Value) -> BTreeSet<String> {
    let mut shape = BTreeSet::new();
    walk("", value, &mut shape);
    shape
}

fn walk(path: &str, value: &Value, shape: &mut BTreeSet<String>) {
    match value {
        Value::Null => {
            shape.insert(format!("{path}: null"));
        }
        Value::Bool(_) => {
            shape.insert(format!("{path}: boolean"));
        }
        Value::Number(_) => {
            shape.insert(format!("{path}: number"));
        }
        Value::String(text) if is_name(text) => {
            shape.insert(format!("{path}: {text}"));
        }
        Value::String(_) => {
            shape.insert(format!("{path}: text"));
        }
        Value::Array(items) => items.iter().for_each(|item| walk(&format!("{path}[]"), item, shape)),
        Value::Object(members) => members.iter().for_each(|(name, member)| walk(&format!("{path}.{name}"), member, shape)),
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_' || byte == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Serialize, Deserialize)]
    struct Parcel {
        weight: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
        state: State,
    }

    #[derive(Debug, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum State {
        Packed,
        Sent,
    }

    fn fault(stored: Value) -> Option<String> {
        Golden::of("nowhere").record::<Parcel>("Parcel", []).fault(&Line { record: "Parcel".into(), stored })
    }

    #[test]
    fn what_was_stored_once_stays_readable() {
        assert_eq!(fault(serde_json::json!({ "weight": 1, "state": "packed" })), None);
        for (stored, expect) in [
            (serde_json::json!({ "weight": 1, "state": "packed", "colour": "Deep Red" }), "has lost .colour: \"Deep Red\" is read as null"),
            (serde_json::json!({ "weight": "1 kg", "state": "packed" }), "cannot be read any more"),
            (serde_json::json!({ "weight": 1, "state": "lost" }), "cannot be read any more"),
            (serde_json::json!({ "state": "packed" }), "cannot be read any more"),
        ] {
            let fault = fault(stored).expect("a fault");
            assert!(fault.contains(expect), "{fault}");
        }
        let unknown = Golden::of("nowhere").fault(&Line { record: "Gone".into(), stored: Value::Null });
        assert!(unknown.is_some_and(|fault| fault.contains("stored no more")));
    }

    #[test]
    fn a_shape_is_missing_until_a_line_has_it() {
        let golden = |states: [State; 2]| {
            let parcels = states.map(|state| Parcel { weight: 7, note: None, state });
            Golden::of("nowhere").record("Parcel", parcels)
        };
        let missing = golden([State::Packed, State::Sent]).missing(&[]);
        assert_eq!(missing.len(), 2, "{missing:?}");
        assert_eq!(golden([State::Packed, State::Packed]).missing(&missing[..1]).len(), 0, "{missing:?}");
        let noted =
            Golden::of("nowhere").record("Parcel", [Parcel { weight: 7, note: Some("Mind the step".into()), state: State::Packed }]);
        assert_eq!(noted.missing(&missing).len(), 1);
    }
}
