//! Capacity as DynamoDB counts it, for the layout of our tables: every home charges by these rules, so
//! that the bill of the cloud can be told from a run of any of them.
//!
//! An item has the attributes `pk` and `sk`, `v` (its version), `data` (the body as a map), `i1pk` and
//! `i1sk` for its entry in index 1 and so on, `expires` (milliseconds) and `ttl` (seconds) where it ends,
//! and `events` (a list of texts, `Envelope::stored_json`) where it carries those of its commit. With a version above 0
//! it has `w`, a token of 8 bytes. The indexes project the keys only: an entry is written when it comes, goes or
//! moves, not when its item changes. A listing by an index reads the entries, then the items.
//! In `data`, a number that is no integer is a map `{"$f": number}`, and a name that is empty or begins
//! with `$` has another `$` before it.

use kernel::Timestamp;
use memchr::memchr2;

use super::{Body, Consistency, IndexEntry, Key};

/// A result, and the read or write units that it took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Metered<T> {
    pub value: T,
    pub units: f64,
}

impl<T> Metered<T> {
    pub fn new(value: T, units: f64) -> Self {
        Self { value, units }
    }

    pub fn map<U>(self, map: impl FnOnce(T) -> U) -> Metered<U> {
        Metered { value: map(self.value), units: self.units }
    }
}

/// Many results, and the sum of what they took.
impl<T> FromIterator<Metered<T>> for Metered<Vec<T>> {
    fn from_iter<I: IntoIterator<Item = Metered<T>>>(all: I) -> Self {
        let mut units = 0.0;
        let value = all.into_iter().map(|one| (units += one.units, one.value).1).collect();
        Self { value, units }
    }
}

const READ_UNIT_BYTES: usize = 4096;
const WRITE_UNIT_BYTES: usize = 1024;
/// A list or a map takes so much beside what it holds, and one byte more for everything in it.
const NESTING_BYTES: usize = 3;
const EVENTS_NAME: &str = "events";
/// The attribute `w`.
const TOKEN_BYTES: usize = 1 + 8;
/// What the map around a number that is no integer takes.
const FRACTION_BYTES: usize = NESTING_BYTES + 1 + "$f".len();

/// Read units of one item of `bytes`; 0 bytes where there is none.
pub fn read_units(bytes: usize, consistency: Consistency) -> f64 {
    let strong = ceiling(bytes, READ_UNIT_BYTES);
    match consistency {
        Consistency::Strong => strong,
        Consistency::Eventual => strong / 2.0,
    }
}

/// Read units of a page of the table: its bytes, expired items included, are rounded up once. Queries read eventually.
pub fn page_units(bytes: usize) -> f64 {
    read_units(bytes, Consistency::Eventual)
}

/// Adds up the read units of a page of an index: its entries like a page of the table, then every item by itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct IndexPageMeter {
    entries_bytes: usize,
    items: f64,
}

impl IndexPageMeter {
    /// An entry with `entry_bytes`, and its item.
    pub fn read(&mut self, entry_bytes: usize, item_bytes: usize) {
        self.entries_bytes += entry_bytes;
        self.items += read_units(item_bytes, Consistency::Eventual);
    }

    pub fn units(&self) -> f64 {
        page_units(self.entries_bytes) + self.items
    }
}

fn ceiling(bytes: usize, unit_bytes: usize) -> f64 {
    u32::try_from(bytes.div_ceil(unit_bytes).max(1)).map_or(f64::MAX, f64::from)
}

/// Bytes of an item without the events that it may carry.
pub fn item_bytes(key: &Key, version: u64, body: &Body, indexes: &[IndexEntry], expires_at: Option<Timestamp>) -> usize {
    let entries: usize = indexes.iter().map(|entry| entry_bytes(&entry.pk, &entry.sk)).sum();
    frame_bytes(key, version, expires_at) + entries + body_bytes(body.as_str())
}

/// Bytes of an item's attributes besides `data` and those of its index entries.
pub fn frame_bytes(key: &Key, version: u64, expires_at: Option<Timestamp>) -> usize {
    let expiry = expires_at.map_or(0, |at| {
        let millis = at.as_millis();
        "expires".len() + integer_bytes(millis.unsigned_abs(), millis < 0) + "ttl".len() + integer_bytes(ttl(at).unsigned_abs(), millis < 0)
    });
    let token = if version > 0 { TOKEN_BYTES } else { 0 };
    "pk".len() + key.pk.len() + "sk".len() + key.sk.len() + "v".len() + integer_bytes(version, false) + token + expiry
}

/// The instant in seconds at which DynamoDB may delete the item: rounded up, so that it never goes early.
pub fn ttl(at: Timestamp) -> i64 {
    let millis = at.as_millis();
    millis.div_euclid(1000) + i64::from(millis.rem_euclid(1000) != 0)
}

/// Bytes of an entry in an index: the item's key and that of the entry.
pub fn index_entry_bytes(key: &Key, pk: &str, sk: &str) -> usize {
    "pk".len() + key.pk.len() + "sk".len() + key.sk.len() + entry_bytes(pk, sk)
}

/// Bytes of the two attributes by which an item is in an index.
pub fn entry_bytes(pk: &str, sk: &str) -> usize {
    "i1pk".len() + pk.len() + "i1sk".len() + sk.len()
}

/// Bytes of the attribute with the events' texts; nothing without events.
pub fn events_bytes<'a>(texts: impl IntoIterator<Item = &'a str>) -> usize {
    let list: usize = texts.into_iter().map(|text| 1 + text.len()).sum();
    if list == 0 { 0 } else { EVENTS_NAME.len() + NESTING_BYTES + list }
}

/// Bytes of the attribute `data`, from the JSON text without building a value: names and strings as
/// UTF-8, numbers by their digits, one byte for true, false and null.
pub fn body_bytes(json: &str) -> usize {
    let text = json.as_bytes();
    // Every value but the outermost is an element of something, which costs a byte.
    let mut bytes = "data".len();
    let mut place = 0;
    let mut outermost = true;
    while let Some(&byte) = text.get(place) {
        match byte {
            b'"' => {
                let start = place + 1;
                let (length, end) = string_bytes(text, start);
                place = end;
                let is_name = text.get(place) == Some(&b':');
                let is_escaped = is_name && (length == 0 || text.get(start) == Some(&b'$'));
                bytes += length + usize::from(!is_name || is_escaped);
            }
            b'{' | b'[' => {
                bytes += NESTING_BYTES + usize::from(!outermost);
                outermost = false;
                place += 1;
            }
            b't' | b'f' | b'n' => {
                bytes += 2;
                place += if byte == b'f' { 5 } else { 4 };
            }
            b'-' | b'0'..=b'9' => {
                let end = text[place..].iter().position(|byte| matches!(byte, b',' | b'}' | b']')).map_or(text.len(), |n| place + n);
                let number = &text[place..end];
                let is_integer = !number.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E'));
                bytes += 1 + number_bytes(number) + if is_integer { 0 } else { FRACTION_BYTES };
                place = end;
            }
            _ => place += 1,
        }
    }
    bytes
}

/// The length of a string as UTF-8 and the place behind its closing quote. `start` is behind the opening one.
fn string_bytes(text: &[u8], start: usize) -> (usize, usize) {
    let (mut place, mut length) = (start, 0);
    while let Some(found) = memchr2(b'"', b'\\', &text[place..]) {
        length += found;
        place += found;
        if text[place] == b'"' {
            return (length, place + 1);
        }
        if text.get(place + 1) == Some(&b'u') {
            length += utf8_bytes(text, place + 2);
            place = (place + 6).min(text.len());
        } else {
            length += 1;
            place = (place + 2).min(text.len());
        }
    }
    (length + text.len() - place, text.len())
}

/// What a \u escape becomes. A pair of surrogates is four bytes, two for each half.
fn utf8_bytes(text: &[u8], start: usize) -> usize {
    let digits = text.get(start..start + 4).and_then(|digits| std::str::from_utf8(digits).ok());
    match digits.and_then(|digits| u16::from_str_radix(digits, 16).ok()) {
        Some(..0x80) => 1,
        Some(0x80..0x800 | 0xD800..=0xDFFF) => 2,
        Some(0x800..) | None => 3,
    }
}

/// One byte, one for every two digits before the point, one for every two behind it, and one for a minus;
/// zeros at both ends do not count.
fn number_bytes(number: &[u8]) -> usize {
    let (negative, number) = match number.split_first() {
        Some((b'-', rest)) => (true, rest),
        _ => (false, number),
    };
    if number.len() <= 19 && number.iter().all(u8::is_ascii_digit) {
        let value = number.iter().fold(0_u64, |value, digit| value.wrapping_mul(10).wrapping_add(u64::from(digit - b'0')));
        return integer_bytes(value, negative);
    }
    let (mantissa, exponent) = match number.iter().position(|byte| matches!(byte, b'e' | b'E')) {
        Some(at) => (&number[..at], std::str::from_utf8(&number[at + 1..]).ok().and_then(|text| text.parse().ok()).unwrap_or(0)),
        None => (number, 0_i64),
    };
    let point = mantissa.iter().position(|byte| *byte == b'.').unwrap_or(mantissa.len());
    let digits: Vec<u8> = mantissa.iter().copied().filter(u8::is_ascii_digit).collect();
    let leading = digits.iter().take_while(|digit| **digit == b'0').count();
    let trailing = digits.iter().rev().take_while(|digit| **digit == b'0').count();
    if leading == digits.len() {
        return 1;
    }
    let significant = digits.len() - leading - trailing;
    let before_point = i64::try_from(point).unwrap_or(i64::MAX) + exponent - i64::try_from(leading).unwrap_or(i64::MAX);
    let before_point = usize::try_from(before_point.max(0)).unwrap_or(usize::MAX).min(significant);
    1 + before_point.div_ceil(2) + (significant - before_point).div_ceil(2) + usize::from(negative)
}

fn integer_bytes(mut value: u64, negative: bool) -> usize {
    if value == 0 {
        return 1;
    }
    while value.is_multiple_of(10) {
        value /= 10;
    }
    let digits = value.ilog10() as usize + 1;
    1 + digits.div_ceil(2) + usize::from(negative)
}

/// Adds up the write units of one commit.
#[derive(Debug, Clone, Copy)]
pub struct WriteMeter {
    is_transaction: bool,
    table: f64,
    indexes: f64,
}

impl WriteMeter {
    pub fn new(is_transaction: bool) -> Self {
        Self { is_transaction, table: 0.0, indexes: 0.0 }
    }

    /// A check, with the bytes of the item that it looks at.
    pub fn check(&mut self, bytes: Option<usize>) {
        self.write(bytes, None);
    }

    /// A write of the table, with the bytes of the item before and after: the larger is charged.
    pub fn write(&mut self, old_bytes: Option<usize>, new_bytes: Option<usize>) {
        self.table += ceiling(old_bytes.max(new_bytes).unwrap_or(0), WRITE_UNIT_BYTES);
    }

    /// An entry of an index that is added or removed, with its bytes. One that moves is both.
    pub fn entry(&mut self, bytes: usize) {
        self.indexes += ceiling(bytes, WRITE_UNIT_BYTES);
    }

    /// A transaction doubles its writes, though not what they take in the indexes.
    pub fn units(&self) -> f64 {
        self.table * if self.is_transaction { 2.0 } else { 1.0 } + self.indexes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// The same rules, over a value.
    fn value_bytes(value: &Value) -> usize {
        match value {
            Value::Null | Value::Bool(_) => 1,
            Value::Number(number) => number_bytes(number.to_string().as_bytes()) + if number.is_f64() { 6 } else { 0 },
            Value::String(text) => text.len(),
            Value::Array(list) => 3 + list.iter().map(|value| 1 + value_bytes(value)).sum::<usize>(),
            Value::Object(map) => 3 + map.iter().map(|(name, value)| 1 + name_bytes(name) + value_bytes(value)).sum::<usize>(),
        }
    }

    fn name_bytes(name: &str) -> usize {
        name.len() + usize::from(name.is_empty() || name.starts_with('$'))
    }

    #[test]
    fn numbers_by_their_digits() {
        let cases = [
            ("0", 1),
            ("-0", 1),
            ("0.0", 1),
            ("7", 2),
            ("42", 2),
            ("-42", 3),
            ("123", 3),
            ("100", 2),
            ("1200", 2),
            ("101", 3),
            ("9223372036854775807", 11),
            ("-9223372036854775808", 12),
            ("0.001", 2),
            ("10.5", 3),
            ("1.25", 3),
            ("-0.5", 3),
            ("1e3", 2),
            ("1.5E+2", 2),
            ("15e-1", 3),
            ("123456.789", 6),
            ("1763692800000", 5),
        ];
        for (number, bytes) in cases {
            assert_eq!(number_bytes(number.as_bytes()), bytes, "{number}");
        }
    }

    #[test]
    fn bodies_by_their_text() {
        let cases = [
            (json!({}), 3),
            (json!({ "n": 1 }), 3 + 1 + 1 + 2),
            (json!({ "on": true, "off": false, "no": null }), 3 + (1 + 2 + 1) + (1 + 3 + 1) + (1 + 2 + 1)),
            (json!({ "name": "Käse" }), 3 + 1 + 4 + 5),
            (json!({ "list": [1, "two", []] }), 3 + 1 + 4 + 3 + (1 + 2) + (1 + 3) + (1 + 3)),
            (json!({ "": "", "map": { "a": {} } }), 3 + 1 + 1 + 1 + 3 + 3 + 1 + 1 + 3),
            (json!({ "$a": "$", "b": 1.5 }), 3 + (1 + 3 + 1) + (1 + 1 + 6 + 3)),
            (json!({ "text": "a:b\",\\ \n \u{0} {[1]}" }), 3 + 1 + 4 + 16),
        ];
        for (body, bytes) in cases {
            assert_eq!((value_bytes(&body), body_bytes(&body.to_string())), (bytes, 4 + bytes), "{body}");
        }
    }

    #[test]
    fn escapes_count_as_what_they_stand_for() {
        for text in
            [r#"{"a":"\u0041\u00e4\u20ac\ud83c\udf75"}"#, r#"{"\u00e4\"":"\\\"","b":"\/\t"}"#, r#"{"a": [1, -2.50] , "b": {"c" :null}}"#]
        {
            let value: Value = serde_json::from_str(text).unwrap();
            let plain = serde_json::to_string(&value).unwrap();
            assert_eq!(body_bytes(&plain), 4 + value_bytes(&value), "{plain}");
        }
        assert_eq!(body_bytes(r#"{"a":"\u0041\u00e4\u20ac\ud83c\udf75"}"#), 4 + 3 + 1 + 1 + 1 + 2 + 3 + 4);
        assert_eq!(body_bytes(r#"{"a":"cut \"#), 4 + 3 + 1 + 1 + 5, "a text that ends early does not run over");
    }

    #[test]
    fn items_with_all_their_attributes() {
        let key = Key::new("order#1", "order");
        let body = Body::from_stored(r#"{"n":1}"#);
        let at = Timestamp::from_millis(1_763_692_800_001);
        let plain = item_bytes(&key, 1, &body, &[], None);
        assert_eq!(plain, (2 + 7) + (2 + 5) + (1 + 2) + (1 + 8) + (4 + 7));
        assert_eq!(item_bytes(&key, 0, &body, &[], None), plain - 10, "without a version there is no token");
        let full = item_bytes(&key, 123, &body, &[IndexEntry::new(2, "user#1", "a")], Some(at));
        assert_eq!(full, plain + 1 + (4 + 6 + 4 + 1) + (7 + 8) + (3 + 6));
        assert_eq!(ttl(at), 1_763_692_801);
        assert_eq!((events_bytes([]), events_bytes(["{}", "{}"])), (0, 6 + 3 + 2 * 3));
    }

    #[test]
    fn reads_in_steps_of_four_kilobytes() {
        for (bytes, units) in [(0, 1.0), (1, 1.0), (4096, 1.0), (4097, 2.0), (400 * 1024, 100.0)] {
            assert_eq!((read_units(bytes, Consistency::Strong), read_units(bytes, Consistency::Eventual)), (units, units / 2.0));
        }
    }

    #[test]
    fn writes_in_steps_of_one_kilobyte() {
        let mut one = WriteMeter::new(false);
        let mut many = WriteMeter::new(true);
        assert_eq!((one.units(), many.units()), (0.0, 0.0), "nothing");
        for meter in [&mut one, &mut many] {
            meter.write(Some(3000), Some(1024));
            meter.entry(1025);
            meter.write(None, None);
        }
        assert_eq!(one.units(), 6.0, "the larger, the entry, and one at least");
        assert_eq!(many.units(), 10.0, "twice four, and the entry once");
    }

    #[test]
    fn a_page_of_an_index_reads_entries_together_and_items_each() {
        let mut meter = IndexPageMeter::default();
        assert_eq!(meter.units(), 0.5, "nothing was found");
        meter.read(2000, 100);
        meter.read(2096, 4097);
        assert_eq!(meter.units(), 0.5 + 0.5 + 1.0);
        let key = Key::new("order#1", "order");
        assert_eq!(index_entry_bytes(&key, "user#1", "a"), (2 + 7) + (2 + 5) + (4 + 6) + (4 + 1));
    }
}
