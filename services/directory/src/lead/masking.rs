//! Takes out of an enquiry what tells who asked.

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
