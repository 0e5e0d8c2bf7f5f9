//! `tidy`: the rules of this code base that no compiler knows. Every finding names a file and a line.

mod circles;
mod directions;
mod documents;
mod files;
mod formats;
mod services;
mod source;
mod summaries;

use std::path::{Path, PathBuf};

use crate::Outcome;

/// What holds nothing of ours: made by tools, or another's code.
const SKIPPED: [&str; 7] = [".git", ".tools", "target", "data", "node_modules", "dist", "cdk.out"];
const DEPTH_MAX: usize = 20;

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
    /// Nothing if it is not text.
    text: Option<String>,
}

impl File {
    fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    fn has_extension(&self, extension: &str) -> bool {
        self.name().rsplit_once('.').is_some_and(|(_, found)| found == extension)
    }
}

pub fn run(root: &Path) -> Outcome {
    let files = collect(root)?;
    let mut findings = directions::check(root)?;
    findings.extend(files::check(&files));
    findings.extend(documents::check(&files));
    findings.extend(formats::check(&files));
    findings.extend(services::check(&files));
    findings.extend(circles::check(&files));
    findings.extend(summaries::check(&files));
    findings.sort();
    for warning in files::long(&files) {
        println!("tidy: note: {}:{}: {}", warning.path, warning.line, warning.message);
    }
    for finding in &findings {
        println!("{}:{}: {}", finding.path, finding.line, finding.message);
    }
    match findings.len() {
        0 => {
            println!("tidy: {} files are in order", files.len());
            Ok(())
        }
        1 => Err("tidy found 1 breach of the rules, listed above".to_owned()),
        count => Err(format!("tidy found {count} breaches of the rules, listed above")),
    }
}

fn collect(root: &Path) -> Outcome<Vec<File>> {
    let mut files = Vec::new();
    let mut folders: Vec<(PathBuf, usize)> = vec![(root.to_path_buf(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        let fail = |error: std::io::Error| format!("cannot read {}: {error}", folder.display());
        for entry in std::fs::read_dir(&folder).map_err(fail)? {
            let entry = entry.map_err(fail)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let kind = entry.file_type().map_err(fail)?;
            if SKIPPED.contains(&name.as_str()) {
                continue;
            }
            if kind.is_dir() && depth < DEPTH_MAX {
                folders.push((entry.path(), depth + 1));
            } else if kind.is_file() && !name.ends_with(".log") {
                files.push(read(root, &entry.path())?);
            }
        }
    }
    files.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(files)
}

fn read(root: &Path, path: &Path) -> Outcome<File> {
    let contents = std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let bytes = contents.len() as u64;
    let text = if contents.contains(&0) { None } else { String::from_utf8(contents).ok() };
    let relative = path.strip_prefix(root).unwrap_or(path);
    let parts: Vec<_> = relative.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
    Ok(File { path: parts.join("/"), bytes, text })
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
        let paths: Vec<_> = files.iter().map(|file| (file.path.as_str(), file.bytes, file.text.as_deref())).collect();
        assert_eq!(paths, [("a.md", 1, Some("y")), ("b/c.rs", 1, Some("x"))]);
    }
}
