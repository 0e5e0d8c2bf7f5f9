//! Texts as the directory keeps them: slugs, checked lines, stable identifiers, masked enquiries.

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
        } else if !matches!(letter, '\'' | '’') && !slug.is_empty() && !slug.ends_with('-') {
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
        'à' | 'á' | 'â' | 'ã' | 'å' | 'ą' | 'ă' | 'ǎ' | 'ā' => "a",
        'ç' | 'ć' | 'č' => "c",
        'ď' | 'đ' => "d",
        'è' | 'é' | 'ê' | 'ë' | 'ę' | 'ě' | 'ē' => "e",
        'ğ' | 'ǧ' => "g",
        'ì' | 'í' | 'î' | 'ï' | 'ı' => "i",
        'ł' => "l",
        'ñ' | 'ń' => "n",
        'ò' | 'ó' | 'ô' | 'õ' | 'ő' | 'ō' => "o",
        'ř' => "r",
        'ś' | 'š' | 'ş' | 'ș' => "s",
        'ť' | 'ţ' | 'ț' => "t",
        'ù' | 'ú' | 'û' | 'ű' | 'ů' | 'ū' => "u",
        'ý' | 'ÿ' => "y",
        'ź' | 'ż' | 'ž' => "z",
        // A combining mark belongs to the letter before it.
        '\u{300}'..='\u{36f}' => "",
        _ => return None,
    })
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

/// Trimmed, in one line, at least `least` and at most `most` characters.
pub fn line(text: &str, least: usize, most: usize) -> Option<String> {
    let text = text.trim();
    let fits = (least..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned())
}

/// Trimmed, with line breaks, at most `most` characters.
pub fn paragraph(text: &str, least: usize, most: usize) -> Option<String> {
    let text = text.trim().replace("\r\n", "\n");
    let fits = (least..=most).contains(&text.chars().count()) && !text.chars().any(|letter| letter.is_control() && letter != '\n');
    fits.then_some(text)
}

/// What a business may read of an enquiry before it is released: words that could be an address, a
/// number or a link are left out, and so is the name of who asked.
pub fn masked(message: &str, secrets: &[&str]) -> String {
    const MASK: &str = "…";
    const DIGITS_MAX: usize = 4;
    let mut hidden: Vec<String> = Vec::new();
    for secret in secrets {
        hidden.extend(secret.split_whitespace().map(letters).filter(|word| !word.is_empty()));
    }
    // Digits of a number may be spread over several words, so a run of words with digits counts together.
    let words: Vec<&str> = message.split_whitespace().collect();
    let digits = |word: &str| word.chars().filter(|letter| letter.is_numeric()).count();
    let mut keeps: Vec<bool> = words
        .iter()
        .map(|word| {
            let dotted = word.trim_end_matches(['.', ',', '!', '?', ';', ':', ')']).contains('.');
            let linked = word.contains(['@', '/', '\\', '＠']) || dotted;
            !linked && !hidden.contains(&letters(word))
        })
        .collect();
    let mut start = 0;
    while start < words.len() {
        let end = (start..words.len()).find(|place| digits(words[*place]) == 0).unwrap_or(words.len());
        if words[start..end].iter().map(|word| digits(word)).sum::<usize>() > DIGITS_MAX {
            keeps[start..end].fill(false);
        }
        start = end.max(start) + 1;
    }
    let shown: Vec<&str> = words.iter().zip(&keeps).map(|(word, keep)| if *keep { *word } else { MASK }).collect();
    shown.join(" ")
}

fn letters(word: &str) -> String {
    word.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs() {
        for (text, expect) in [
            ("Bäckerei Grünthal & Söhne", "baeckerei-gruenthal-soehne"),
            ("L'Osteria", "losteria"),
            ("日本", ""),
            ("already-a-slug", "already-a-slug"),
            ("--", ""),
        ] {
            assert_eq!(slugify(text), expect, "{text}");
            assert!(expect.is_empty() || is_slug(expect));
        }
        assert!(!is_slug("a--b") && !is_slug("-a") && !is_slug("A"));
    }

    #[test]
    fn contacts_are_masked() {
        for (message, expect) in [
            ("Two rooms of 25 square metres, white", "Two rooms of 25 square metres, white"),
            ("Call me: 0151 23 456 78 please", "Call me: … … … … please"),
            ("+49-151-2345678!", "…"),
            ("write to ann@example.com or www.example.com", "write to … or …"),
            ("I am Ann Lee, thanks", "I am … … thanks"),
            ("at 10:30 on 5 March", "at 10:30 on 5 March"),
        ] {
            assert_eq!(masked(message, &["Ann Lee"]), expect);
        }
    }
}
