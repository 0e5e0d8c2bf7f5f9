//! Slugs: names as they stand in addresses of pages.

/// The same number of bytes, since a slug is ASCII.
pub const SLUG_CHARS_MAX: usize = 100;

/// 1 to 100 characters: lower-case letters, digits and single hyphens in between.
pub fn is_slug(text: &str) -> bool {
    (1..=SLUG_CHARS_MAX).contains(&text.len())
        && text.split('-').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()))
}

/// The slug nearest to a text: letters of other scripts by their sound (Chinese characters by their Mandarin one, also where
/// they write Japanese). Empty if the text has no letter or digit.
pub fn slugify(text: &str) -> String {
    let mut slug = String::with_capacity(text.len().min(SLUG_CHARS_MAX));
    for letter in text.chars() {
        if letter.is_ascii() {
            append(&mut slug, letter);
        } else {
            plain(letter).chars().for_each(|letter| append(&mut slug, letter));
        }
        if slug.len() >= SLUG_CHARS_MAX {
            break;
        }
    }
    slug.truncate(SLUG_CHARS_MAX);
    slug.truncate(slug.trim_end_matches('-').len());
    slug
}

fn append(slug: &mut String, letter: char) {
    if letter.is_ascii_alphanumeric() {
        slug.push(letter.to_ascii_lowercase());
    } else if letter != '\'' && !slug.is_empty() && !slug.ends_with('-') {
        slug.push('-');
    }
}

/// ASCII for a letter that is none; a gap for what is neither a letter nor a number.
fn plain(letter: char) -> &'static str {
    match letter {
        // As German and Danish readers write them; the crate leaves out the e.
        'ä' | 'Ä' => "ae",
        'ö' | 'Ö' | 'ø' | 'Ø' => "oe",
        'ü' | 'Ü' => "ue",
        // The crate also spells pictures and signs, which a slug should not.
        letter if letter.is_alphanumeric() => deunicode::deunicode_char(letter).unwrap_or(" "),
        // Apostrophes and combining marks belong to the letter before them.
        letter => match deunicode::deunicode_char(letter) {
            Some("" | "'") => "",
            Some(_) | None => " ",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs() {
        for (text, expect) in [
            ("Clay Plant Pot", "clay-plant-pot"),
            ("  Crème brûlée & Söhne (2 Stück)! ", "creme-brulee-soehne-2-stueck"),
            ("Bäckerei Grünthal & Söhne", "baeckerei-gruenthal-soehne"),
            ("Men's  T-Shirt", "mens-t-shirt"),
            ("L’Osteria", "losteria"),
            ("ERDŐS ţară Łódź İzmir Ølgod Æble Straße", "erdos-tara-lodz-izmir-oelgod-aeble-strasse"),
            ("already-a-slug", "already-a-slug"),
            ("e\u{301}te\u{301}", "ete"),
            ("Ταβέρνα Ψάρι", "taberna-psari"),
            ("Соль и Щука", "sol-i-shchuka"),
            ("שלום", "shlvm"),
            ("日本", "ri-ben"),
            ("Café 北京", "cafe-bei-jing"),
            ("서울", "seoul"),
            ("مطعم", "mt-m"),
            ("हिन्दी", "hindii"),
            ("☕ 25 m²", "25-m2"),
            ("☕", ""),
            ("---", ""),
            ("", ""),
        ] {
            assert_eq!(slugify(text), expect, "{text}");
            assert!(expect.is_empty() || is_slug(expect), "{text}");
        }
        for long in ["ab ".repeat(100), "щ".repeat(100), "北".repeat(100)] {
            assert!(is_slug(&slugify(&long)), "{long}");
        }
        for bad in ["", "A", "a--b", "-a", "a-", "a b", "ä", "a_b", &"a".repeat(101)] {
            assert!(!is_slug(bad), "{bad}");
        }
    }
}
