//! Texts as the catalog keeps them: clean HTML, and plain.

use std::sync::LazyLock;

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

/// What HTML that `clean_html` has made says: a space where a tag was, and the characters themselves. Asked with every
/// page of a product, so it does not parse: in clean HTML, text has no `<`, and a tag ends at the first `>` outside quotes.
pub fn plain_text(clean: &str) -> String {
    let mut escaped = String::with_capacity(clean.len());
    let (mut in_tag, mut in_quotes) = (false, false);
    for character in clean.chars() {
        match (in_tag, character) {
            (false, '<') => {
                in_tag = true;
                escaped.push(' ');
            }
            (false, _) => escaped.push(character),
            (true, '"') => in_quotes = !in_quotes,
            (true, '>') if !in_quotes => in_tag = false,
            (true, _) => {}
        }
    }
    let text = escaped.replace("&lt;", "<").replace("&gt;", ">").replace("&nbsp;", " ").replace("&amp;", "&");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
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
