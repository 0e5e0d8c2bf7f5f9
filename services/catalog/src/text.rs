//! Texts as the catalog keeps them: slugs, clean HTML, stable identifiers.

use std::sync::LazyLock;

pub const SLUG_CHARS_MAX: usize = 100;

/// Lower-case letters, digits and single hyphens in between.
pub fn is_slug(text: &str) -> bool {
    (1..=SLUG_CHARS_MAX).contains(&text.len())
        && text.split('-').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()))
}

/// The slug nearest to a text; empty if the text has no letter or digit that a slug can hold.
pub fn slugify(text: &str) -> String {
    let mut slug = String::with_capacity(text.len().min(SLUG_CHARS_MAX));
    for letter in text.chars().flat_map(char::to_lowercase) {
        if letter.is_ascii_alphanumeric() {
            slug.push(letter);
        } else if let Some(plain) = transliterate(letter) {
            slug.push_str(plain);
        } else if letter != '\'' && !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.len() >= SLUG_CHARS_MAX {
            break;
        }
    }
    slug.truncate(SLUG_CHARS_MAX);
    slug.truncate(slug.trim_end_matches('-').len());
    slug
}

fn transliterate(letter: char) -> Option<&'static str> {
    Some(match letter {
        'ä' | 'æ' => "ae",
        'ö' | 'œ' | 'ø' => "oe",
        'ü' => "ue",
        'ß' => "ss",
        'à' | 'á' | 'â' | 'ã' | 'å' | 'ą' => "a",
        'ç' | 'ć' | 'č' => "c",
        'è' | 'é' | 'ê' | 'ë' | 'ę' | 'ě' => "e",
        'ğ' => "g",
        'ì' | 'í' | 'î' | 'ï' | 'ı' => "i",
        'ł' => "l",
        'ñ' | 'ń' => "n",
        'ò' | 'ó' | 'ô' | 'õ' => "o",
        'ř' => "r",
        'ś' | 'š' | 'ş' => "s",
        'ù' | 'ú' | 'û' => "u",
        'ý' | 'ÿ' => "y",
        'ź' | 'ż' | 'ž' => "z",
        // A combining mark belongs to the letter before it.
        '\u{300}'..='\u{36f}' => "",
        _ => return None,
    })
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

/// What HTML says, without its tags: a space where an element ends, and the characters themselves.
pub fn plain_text(html: &str) -> String {
    static STRIPPER: LazyLock<ammonia::Builder<'static>> = LazyLock::new(ammonia::Builder::empty);
    let spaced = html.replace('<', " <");
    let escaped = STRIPPER.clean(&spaced).to_string();
    let text = escaped.replace("&lt;", "<").replace("&gt;", ">").replace("&nbsp;", " ").replace("&amp;", "&");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// 128 bits that are always the same for the same parts: how an import finds again what it made.
pub fn stable_id(parts: &[&str]) -> u128 {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    let mut first = [0; 16];
    first.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    u128::from_be_bytes(first)
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
    fn slugs() {
        for (text, expect) in [
            ("Clay Plant Pot", "clay-plant-pot"),
            ("  Crème brûlée & Söhne (2 Stück)! ", "creme-brulee-soehne-2-stueck"),
            ("Men's  T-Shirt", "mens-t-shirt"),
            ("already-a-slug", "already-a-slug"),
            ("e\u{301}te\u{301}", "ete"),
            ("日本", ""),
            ("---", ""),
            ("", ""),
        ] {
            assert_eq!(slugify(text), expect, "{text}");
        }
        let long = slugify(&"ab ".repeat(100));
        assert!(is_slug(&long), "{long}");
        for bad in ["", "A", "a--b", "-a", "a-", "a b", "ä", "a_b", &"a".repeat(101)] {
            assert!(!is_slug(bad), "{bad}");
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

    #[test]
    fn ids_tell_the_parts_apart() {
        assert_eq!(stable_id(&["a", "b"]), stable_id(&["a", "b"]));
        assert_ne!(stable_id(&["a", "b"]), stable_id(&["ab", ""]));
    }
}
