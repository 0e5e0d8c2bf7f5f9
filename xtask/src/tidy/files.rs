//! Rules for every file: its size, its white space, and what must not stay in it.

use super::source::has_word;
use super::{File, Finding};

const LINES_MAX: usize = 500;
const LINES_NOTED: usize = 400;
const BYTES_MAX: u64 = 1024 * 1024;

// Put together here, so that this file does not break its own rules.
const MARKS: [&str; 2] = [concat!("TO", "DO"), concat!("FIX", "ME")];
const UNWRITTEN: [&str; 2] = [concat!("to", "do!"), concat!("unimple", "mented!")];
const MACHINE_FOLDERS: [&str; 4] = [concat!("/wo", "rk"), concat!("/ro", "ot"), concat!("/ho", "me"), concat!("/Us", "ers")];

pub fn check(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files {
        if file.bytes > BYTES_MAX {
            findings.push(Finding::new(&file.path, 1, format!("{} bytes; files have at most {BYTES_MAX}", file.bytes)));
        }
        if file.length > LINES_MAX {
            findings.push(Finding::new(&file.path, 1, format!("{} lines without its tests; files have at most {LINES_MAX}", file.length)));
        }
        for (number, line) in (1..).zip(file.text.split('\n')) {
            findings.extend(faults(line).into_iter().map(|fault| Finding::new(&file.path, number, fault)));
        }
        for (number, line) in (1..).zip(file.code.lines()) {
            let unwritten = UNWRITTEN.into_iter().filter(|unwritten| has_word(line, unwritten));
            findings.extend(unwritten.map(|it| Finding::new(&file.path, number, format!("`{it}` is no implementation"))));
        }
    }
    findings
}

/// Rust files that are nearly too long.
pub fn long(files: &[File]) -> Vec<Finding> {
    let note =
        |file: &File| Finding::new(&file.path, 1, format!("{} lines without its tests; at {LINES_MAX} it has to be split", file.length));
    files.iter().filter(|file| (LINES_NOTED + 1..=LINES_MAX).contains(&file.length)).map(note).collect()
}

fn faults(line: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if line.ends_with('\r') {
        faults.push("ends with a carriage return".to_owned());
    } else if line.ends_with([' ', '\t']) {
        faults.push("white space at the end of the line".to_owned());
    }
    if line.contains('\t') {
        faults.push("a tab; indent with spaces".to_owned());
    }
    for mark in MARKS.into_iter().filter(|mark| has_word(line, mark)) {
        faults.push(format!("`{mark}`: do it, or write down the limit in the documentation"));
    }
    for folder in MACHINE_FOLDERS.into_iter().filter(|folder| names_folder(line, folder)) {
        faults.push(format!("a path below `{folder}` exists on one machine only"));
    }
    faults
}

/// Whether the line has the folder as the beginning of an absolute path.
fn names_folder(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line[..at].chars().next_back().is_some_and(|character| character.is_alphanumeric() || "._-/}>)".contains(character));
        let mut after = line[at + folder.len()..].chars();
        !before && after.next() == Some('/') && after.next().is_some_and(char::is_alphanumeric)
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{lines, tree};
    use super::*;

    #[test]
    fn white_space_marks_and_machine_paths() {
        let mark = MARKS[0];
        let machine = format!("see {}/ann/x and https://x.example{}/ann\n", MACHINE_FOLDERS[2], MACHINE_FOLDERS[2]);
        let text = format!("a\tb\nc \nd\r\n// {mark}: e\n{machine}f");
        let found = lines(check(&tree(&[("a/b.toml", &text), ("c.md", "in order\n")])));
        let expected =
            ["a/b.toml:1: a tab", "a/b.toml:2: white space", "a/b.toml:3: ends with", "a/b.toml:4: `", "a/b.toml:5: a path below"];
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (line, start) in found.iter().zip(expected) {
            assert!(line.starts_with(start), "{line}");
        }
    }

    #[test]
    fn sizes_and_unwritten_code() {
        let body = |lines: usize| "x\n".repeat(lines);
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", body(300));
        let files = tree(&[
            ("big.bin", &"x".repeat(1024 * 1024 + 1)),
            ("fits.rs", &format!("{}{tests}", body(500))),
            ("long.rs", &body(501)),
            ("short.rs", &format!("fn a() {{ {}() }} // {}()\n", UNWRITTEN[0], UNWRITTEN[1])),
        ]);
        let found = lines(check(&files));
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found[0].starts_with("big.bin:1: 1048577 bytes"), "{found:?}");
        assert!(found[1].starts_with("long.rs:1: 501 lines"), "{found:?}");
        assert!(found[2].starts_with("short.rs:1: `") && found[2].ends_with("is no implementation"), "{found:?}");
        assert_eq!(lines(long(&files)).len(), 1);
    }
}
