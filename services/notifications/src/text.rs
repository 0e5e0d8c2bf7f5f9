//! What came from outside, fit for a mail.

use serde_json::Value;

/// Longer texts are cut off.
const CHARACTERS_MAX: usize = 500;

/// One line of at most `characters_max` characters: what came from outside can neither begin a new line of a mail nor
/// flood it.
pub fn one_line(text: &str, characters_max: usize) -> String {
    let words = text.split(|character: char| character.is_whitespace() || character.is_control()).filter(|word| !word.is_empty());
    let line = words.collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(characters_max) {
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
        None => line,
    }
}

/// The data with every text in it on one line.
pub fn single_lines(data: Value) -> Value {
    match data {
        Value::String(text) => Value::String(one_line(&text, CHARACTERS_MAX)),
        Value::Array(items) => items.into_iter().map(single_lines).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, single_lines(value))).collect(),
        other => other,
    }
}
