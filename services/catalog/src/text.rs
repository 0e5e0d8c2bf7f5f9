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

/// What HTML says, without its tags: a space where an element ends, and the characters themselves.
pub fn plain_text(html: &str) -> String {
    static STRIPPER: LazyLock<ammonia::Builder<'static>> = LazyLock::new(ammonia::Builder::empty);
    let spaced = html.replace('<', " <");
    let escaped = STRIPPER.clean(&spaced).to_string();
    let text = escaped.replace("&lt;", "<").replace("&gt;", ">").replace("&nbsp;", " ").replace("&amp;", "&");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_has_no_tags() {
        let html = "<h1>Tee &amp; Zeit</h1><p>1 &lt; 2<br>Grün<script>alert(1)</script></p>";
        assert_eq!(plain_text(html), "Tee & Zeit 1 < 2 Grün");
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
