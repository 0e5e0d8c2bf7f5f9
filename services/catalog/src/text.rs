//! Texts as the catalog keeps them: clean HTML, and plain.

use std::sync::LazyLock;

use kernel::Money;

/// `19.99`, without the currency.
pub fn decimal(money: Money) -> String {
    let text = money.to_string();
    text.split_once(' ').map_or(text.clone(), |(amount, _)| amount.to_owned())
}

/// What makes a spreadsheet take a cell for a formula.
const FORMULA: [char; 4] = ['=', '+', '-', '@'];

fn looks_like_formula(text: &str) -> bool {
    text.trim_start_matches('\'').starts_with(FORMULA)
}

/// A text for a cell, with an apostrophe where a spreadsheet would take it for a formula.
pub fn cell(text: &str) -> String {
    if looks_like_formula(text) { format!("'{text}") } else { text.to_owned() }
}

/// The text that was put into a cell by `cell`.
pub fn from_cell(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|text| looks_like_formula(text)).unwrap_or(cell)
}

/// HTML without scripts, styles, event handlers and addresses other than http, https and mailto.
/// Plain text comes out as HTML that reads the same.
pub fn clean_html(html: &str) -> String {
    static CLEANER: LazyLock<ammonia::Builder<'static>> = LazyLock::new(|| {
        let mut builder = ammonia::Builder::default();
        builder.url_schemes(["http", "https", "mailto"].into()).link_rel(Some("noopener noreferrer nofollow"));
        builder
    });
    CLEANER.clean(html.trim()).to_string()
}

/// What HTML that `clean_html` has made says: a space where tags and white space were, and the characters themselves.
/// Asked with every page of a product, so it does not parse: in clean HTML, text has no `<`, and a tag ends at the first
/// `>` outside quotes.
pub fn plain_text(clean: &str) -> String {
    let mut text = String::with_capacity(clean.len());
    let mut rest = clean;
    let mut gap = false;
    while let Some(first) = rest.chars().next() {
        let (said, length) = match first {
            '<' => ("", tag_length(rest)),
            '&' => {
                ENTITIES.into_iter().find(|(entity, _)| rest.starts_with(entity)).map_or(("&", 1), |(entity, said)| (said, entity.len()))
            }
            space if space.is_whitespace() => ("", space.len_utf8()),
            _ => {
                let end = rest.find(|next: char| next == '<' || next == '&' || next.is_whitespace()).unwrap_or(rest.len());
                (&rest[..end], end)
            }
        };
        if said.is_empty() {
            gap = !text.is_empty();
        } else {
            if std::mem::take(&mut gap) {
                text.push(' ');
            }
            text.push_str(said);
        }
        rest = &rest[length..];
    }
    text
}

const ENTITIES: [(&str, &str); 4] = [("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"), ("&nbsp;", "")];

/// Up to the first `>` outside quotes.
fn tag_length(tag: &str) -> usize {
    let mut in_quotes = false;
    let end = tag.bytes().position(|byte| {
        in_quotes ^= byte == b'"';
        byte == b'>' && !in_quotes
    });
    end.map_or(tag.len(), |end| end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_has_no_tags() {
        for (html, expect) in [
            ("<h1>Tee &amp; Zeit</h1><p>1 &lt; 2<br>Grün<script>alert(1)</script></p>", "Tee & Zeit 1 < 2 Grün"),
            ("1 < 2 > 0 &amp;lt; \"so\"", "1 < 2 > 0 &lt; \"so\""),
            ("<a href=\"https://example.com/?a>b\" title='x > \"y\"'>there</a>&nbsp;it is", "there it is"),
            ("<!-- > no --> tea", "tea"),
            ("", ""),
        ] {
            assert_eq!(plain_text(&clean_html(html)), expect, "{}", clean_html(html));
        }
    }

    #[test]
    fn cells_are_no_formulas() {
        for (text, expect) in [
            ("tea", "tea"),
            ("'tis tea", "'tis tea"),
            ("=1+1", "'=1+1"),
            ("+1+cmd|' /C calc'!A0", "'+1+cmd|' /C calc'!A0"),
            ("-5 %", "'-5 %"),
            ("@home", "'@home"),
            ("'=1", "''=1"),
        ] {
            assert_eq!(cell(text), expect);
            assert_eq!(from_cell(&cell(text)), text);
        }
    }

    #[test]
    fn html_is_made_harmless() {
        for (html, expect) in [
            ("<p>Fine <b>tea</b></p>", "<p>Fine <b>tea</b></p>"),
            ("<script>alert(1)</script>tea", "tea"),
            ("<p onclick=\"steal()\">tea</p>", "<p>tea</p>"),
            ("<a href=\"javascript:steal()\">tea</a>", "<a rel=\"noopener noreferrer nofollow\">tea</a>"),
            ("salt < pepper", "salt &lt; pepper"),
            ("plain text", "plain text"),
        ] {
            assert_eq!(clean_html(html), expect);
            assert_eq!(clean_html(&clean_html(html)), expect, "cleaning twice changes nothing");
        }
    }
}
