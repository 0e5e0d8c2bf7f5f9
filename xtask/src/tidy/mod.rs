//! `tidy`: the rules of this code base that no compiler knows. Every finding names a file and a line.

mod circles;
mod directions;
mod documents;
mod files;
mod formats;
mod services;
mod source;
mod summaries;

use std::path::Path;

use crate::{Outcome, process};

/// One breach of a rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    path: String,
    line: usize,
    message: String,
}

impl Finding {
    fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, message: message.into() }
    }
}

/// A file of the repository; `path` is relative to the root, with slashes.
struct File {
    path: String,
    bytes: u64,
    /// Empty if it is not text.
    text: String,
    /// What is Rust in it, without comments and the contents of texts.
    code: String,
    /// Of the code, without the tests at its end.
    length: usize,
}

impl File {
    fn read(root: &Path, path: &Path) -> Outcome<Self> {
        let contents = std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        let bytes = contents.len() as u64;
        let text = if contents.contains(&0) { String::new() } else { String::from_utf8(contents).unwrap_or_default() };
        let path = path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned();
        let code = if path.ends_with(".rs") { source::code(&text) } else { String::new() };
        Ok(Self { path, bytes, text, length: source::lines_before_tests(&code), code })
    }

    /// The lines of its code with their numbers, without the tests.
    fn code_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.code.lines()).take(self.length)
    }
}

pub fn run(root: &Path) -> Outcome {
    let files = collect(root)?;
    let mut findings = directions::check(root)?;
    let checks = [files::check, documents::check, formats::check, services::check, circles::check, summaries::check];
    findings.extend(checks.iter().flat_map(|check| check(&files)));
    findings.sort();
    for warning in files::long(&files) {
        println!("tidy: note: {}:{}: {}", warning.path, warning.line, warning.message);
    }
    for finding in &findings {
        println!("{}:{}: {}", finding.path, finding.line, finding.message);
    }
    match findings.len() {
        0 => println!("tidy: {} files are in order", files.len()),
        1 => return Err("tidy found 1 breach of the rules, listed above".to_owned()),
        count => return Err(format!("tidy found {count} breaches of the rules, listed above")),
    }
    Ok(())
}

fn collect(root: &Path) -> Outcome<Vec<File>> {
    let files = process::files_below(root)?;
    files.iter().filter(|path| path.extension().is_none_or(|extension| extension != "log")).map(|path| File::read(root, path)).collect()
}

#[cfg(test)]
mod testing {
    use super::*;

    /// A repository of these files, as the checks see it.
    pub fn tree(files: &[(&str, &str)]) -> Vec<File> {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        collect(folder.path()).unwrap()
    }

    /// The findings as `file:line: message`.
    pub fn lines(findings: Vec<Finding>) -> Vec<String> {
        findings.into_iter().map(|finding| format!("{}:{}: {}", finding.path, finding.line, finding.message)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::testing::tree;

    #[test]
    fn collects_only_what_is_ours() {
        let files =
            tree(&[("b/c.rs", "x"), ("a.md", "y"), ("target/debug/d", ""), ("b/node_modules/e.js", ""), (".git/f", ""), ("g.log", "")]);
        let paths: Vec<_> = files.iter().map(|file| (file.path.as_str(), file.bytes, file.text.as_str())).collect();
        assert_eq!(paths, [("a.md", 1, "y"), ("b/c.rs", 1, "x")]);
    }
}
