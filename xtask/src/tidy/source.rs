//! Rust text as the checks want it: without comments, texts and tests.

use ra_ap_rustc_lexer::{FrontmatterAllowed, LiteralKind, TokenKind, tokenize};

/// The code with comments and the contents of text and character literals blanked out, line by line as before.
pub fn code(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    for token in tokenize(text, FrontmatterAllowed::No) {
        let word = &text[at..at + token.len as usize];
        at += word.len();
        let kept = match token.kind {
            TokenKind::LineComment { .. } | TokenKind::BlockComment { .. } => false,
            TokenKind::Literal { kind, .. } => matches!(kind, LiteralKind::Int { .. } | LiteralKind::Float { .. }),
            _ => true,
        };
        if kept {
            code.push_str(word);
        } else {
            code.extend(word.chars().map(|character| if character == '\n' { '\n' } else { ' ' }));
        }
    }
    code
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
