//! Finding a field in a JSON text by plain search. The driver knows the shape of the few answers it
//! reads; a parser would cost more than the request.

/// The text value of the first field of that name, if it has no escapes.
pub fn field<'a>(body: &'a [u8], name: &str) -> Option<&'a str> {
    let (_, rest) = after_field(body, name)?;
    text(rest)
}

/// The text values of every field of that name.
pub fn fields<'a>(mut body: &'a [u8], name: &str) -> Vec<&'a str> {
    let mut found = Vec::new();
    while let Some((_, rest)) = after_field(body, name) {
        found.extend(text(rest));
        body = rest;
    }
    found
}

/// What follows `"name":`, and where it begins.
pub fn after_field<'a>(body: &'a [u8], name: &str) -> Option<(usize, &'a [u8])> {
    let mut from = 0;
    while let Some(at) = position(&body[from..], name.as_bytes()) {
        let start = from + at;
        let end = start + name.len();
        if start > 0 && body[start - 1] == b'"' && body[end..].starts_with(b"\":") {
            return Some((end + 2, &body[end + 2..]));
        }
        from = end;
    }
    None
}

pub fn position(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    let mut from = 0;
    while let Some(at) = haystack[from..].iter().position(|&byte| byte == first) {
        let start = from + at;
        if haystack[start..].starts_with(needle) {
            return Some(start);
        }
        from = start + 1;
    }
    None
}

fn text(value: &[u8]) -> Option<&str> {
    let inner = value.strip_prefix(b"\"")?;
    let end = inner.iter().position(|&byte| byte == b'"')?;
    let inner = &inner[..end];
    if inner.contains(&b'\\') { None } else { std::str::from_utf8(inner).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_text_fields() {
        let body = br#"{"id":"crt_1","note":"the \"id\"","lines":[{"variant_id":"var_1"},{"variant_id":"var_2"}],"total":{"amount":5},"next":null}"#;
        assert_eq!(field(body, "id"), Some("crt_1"));
        assert_eq!(field(body, "variant_id"), Some("var_1"));
        assert_eq!(fields(body, "variant_id"), ["var_1", "var_2"]);
        assert_eq!(field(body, "note"), None);
        assert_eq!(field(body, "next"), None);
        assert_eq!(field(body, "missing"), None);
        assert_eq!(field(b"", "id"), None);
    }
}
