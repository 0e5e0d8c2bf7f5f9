//! Rust text as the checks want it: without comments, texts and tests.

/// The code with comments and the contents of text and character literals blanked out, line by line as before.
pub fn code(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut kept = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let end = match bytes[at] {
            b'/' if bytes[at..].starts_with(b"//") => at + line_length(&bytes[at..]),
            b'/' if bytes[at..].starts_with(b"/*") => at + block_length(&bytes[at..]),
            b'"' => at + quoted_length(&bytes[at..]),
            b'r' if !continues_word(bytes, at) => at + raw_length(&bytes[at..]),
            b'\'' => at + character_length(&bytes[at..]),
            _ => at,
        };
        if end == at {
            kept.push(bytes[at]);
            at += 1;
        } else {
            kept.extend(bytes[at..end].iter().map(|&byte| if byte == b'\n' { b'\n' } else { b' ' }));
            at = end;
        }
    }
    String::from_utf8_lossy(&kept).into_owned()
}

fn continues_word(bytes: &[u8], at: usize) -> bool {
    at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_')
}

fn line_length(rest: &[u8]) -> usize {
    rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len())
}

fn block_length(rest: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

fn quoted_length(rest: &[u8]) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// The length of a raw text such as `r#".."#`, or nothing if this `r` begins none.
fn raw_length(rest: &[u8]) -> usize {
    let hashes = rest[1..].iter().take_while(|&&byte| byte == b'#').count();
    if rest.get(1 + hashes) != Some(&b'"') {
        return 0;
    }
    let close: Vec<u8> = std::iter::once(b'"').chain(std::iter::repeat_n(b'#', hashes)).collect();
    let start = 2 + hashes;
    rest[start..].windows(close.len()).position(|window| window == close).map_or(rest.len(), |at| start + at + close.len())
}

/// The length of a character literal, or nothing if this quote begins a lifetime.
fn character_length(rest: &[u8]) -> usize {
    let Some(text) = std::str::from_utf8(&rest[..rest.len().min(16)]).ok().or_else(|| std::str::from_utf8(rest).ok()) else { return 0 };
    let mut characters = text.char_indices().skip(1);
    match characters.next() {
        Some((_, '\\')) => text[3..].find('\'').map_or(0, |at| 3 + at + 1),
        Some(_) => characters.next().filter(|&(_, next)| next == '\'').map_or(0, |(at, _)| at + 1),
        None => 0,
    }
}

/// The number of leading lines before the tests at the end: `#[cfg(test)]` and a module, in or out of line.
pub fn lines_before_tests(code: &str) -> usize {
    let lines: Vec<&str> = code.lines().collect();
    let begins = |index: &usize| {
        let mut next = lines[index + 1..].iter().skip_while(|line| line.starts_with("#["));
        lines[*index] == "#[cfg(test)]" && next.next().is_some_and(|next| next.starts_with("mod ") || next.starts_with("pub mod "))
    };
    // What follows the module's end would escape the checks, so it has to be the last thing.
    (0..lines.len()).find(begins).filter(|index| ends_with_module(&lines[index + 1..])).unwrap_or(lines.len())
}

fn ends_with_module(lines: &[&str]) -> bool {
    let closing = lines.iter().position(|line| *line == "}" || (line.starts_with("mod ") && line.ends_with(';')));
    closing.is_some_and(|end| lines[end + 1..].iter().all(|line| line.trim().is_empty()))
}

/// Whether a word stands in the line by itself, not as a part of a longer one.
pub fn has_word(line: &str, word: &str) -> bool {
    let joins = |character: char| character.is_alphanumeric() || character == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back().is_some_and(joins);
        let after = line[at + word.len()..].chars().next().is_some_and(joins);
        !(before || after && word.ends_with(joins))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_comments_and_texts() {
        let text = "let a = \"async \\\" b\"; // async\n/* async /* x */\n async */ let c = r#\"async \" \"#; fn f<'a>(x: &'a str) { 'x'; '\\''; } // ü";
        let code = code(text);
        assert!(!code.contains("async"), "{code}");
        assert_eq!(code.lines().count(), text.lines().count());
        assert!(code.contains("fn f<'a>(x: &'a str)") && code.contains("let c ="), "{code}");
    }

    #[test]
    fn finds_the_tests_at_the_end() {
        assert_eq!(lines_before_tests("a\nb\n#[cfg(test)]\nmod tests {\n    c\n}\n"), 2);
        assert_eq!(lines_before_tests("a\n#[cfg(test)]\nmod tests;\n"), 1);
        assert_eq!(lines_before_tests("a\n#[cfg(test)]\n#[path = \"a_tests.rs\"]\nmod tests;\n"), 1);
        assert_eq!(lines_before_tests("#[cfg(test)]\nmod tests {\n}\nfn hidden() {}\n"), 4);
        assert_eq!(lines_before_tests("#[cfg(test)]\nuse a;\nb\n"), 3);
    }

    #[test]
    fn words_stand_alone() {
        assert!(has_word("pub async fn", "async") && has_word("use ports::Store;", "ports::"));
        assert!(!has_word("asynchronous", "async") && !has_word("let reports::x", "ports::"));
    }
}
