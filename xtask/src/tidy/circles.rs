//! The modules of a crate have an order: none uses, over however many others, one that uses it. A module and the
//! modules inside it count as one, so what a module and its parent share is no circle.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{File, Finding};

/// Of re-exports that lead from one to the next.
const RESOLUTION_DEPTH_MAX: u32 = 16;

/// A module, its file, and what its code says of other modules.
#[derive(Default)]
struct Module {
    path: Vec<String>,
    file: String,
    /// What `use` brings in: under which name, and which path.
    names: BTreeMap<String, Vec<String>>,
    globs: Vec<Vec<String>>,
    defined: BTreeSet<String>,
    /// The modules that it declares to lie in files of their own, but for those of tests.
    children: Vec<String>,
    uses: Vec<(Vec<String>, usize)>,
}

/// The modules by their paths; the root's path is empty.
type Crate = BTreeMap<Vec<String>, Module>;

/// Between two modules of one parent: the file and line that say so.
type Edges = BTreeMap<(String, String), (String, usize)>;

pub fn check(files: &[File]) -> Vec<Finding> {
    let roots = files.iter().filter(|file| ["/src/lib.rs", "/src/main.rs"].iter().any(|root| file.path.ends_with(root)));
    roots.flat_map(|root| circles(&modules(files, root))).collect()
}

fn circles(modules: &Crate) -> Vec<Finding> {
    let mut parents: BTreeMap<&[String], Edges> = BTreeMap::new();
    for module in modules.values() {
        for (path, line) in &module.uses {
            let Some(other) = resolve(modules, &module.path, path, RESOLUTION_DEPTH_MAX) else { continue };
            let shared = module.path.iter().zip(other).take_while(|(left, right)| left == right).count();
            if let (Some(from), Some(to)) = (module.path.get(shared), other.get(shared)) {
                let edges = parents.entry(&module.path[..shared]).or_default();
                edges.entry((from.clone(), to.clone())).or_insert_with(|| (module.file.clone(), *line));
            }
        }
    }
    let mut findings = Vec::new();
    for edges in parents.values() {
        let mut seen = BTreeSet::new();
        for start in edges.keys().map(|(from, _)| from) {
            // Each circle is told once, by the shortest way around that begins at its first module.
            if let Some(way) = shortest_circle(edges, start).filter(|way| way.iter().all(|name| !seen.contains(name))) {
                findings.push(tell(edges, &way));
                seen.extend(way);
            }
        }
    }
    findings
}

/// The modules on the shortest way from one back to itself.
fn shortest_circle(edges: &Edges, start: &str) -> Option<Vec<String>> {
    let mut ways = VecDeque::from([vec![start.to_owned()]]);
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop_front() {
        let last = way.last()?;
        for (_, to) in edges.keys().filter(|(from, _)| from == last) {
            if to == start {
                return Some(way);
            }
            if seen.insert(to) {
                ways.push_back(way.iter().chain([to]).cloned().collect());
            }
        }
    }
    None
}

fn tell(edges: &Edges, way: &[String]) -> Finding {
    let steps = way.iter().zip(way.iter().cycle().skip(1));
    let places: Vec<_> = steps.filter_map(|(from, to)| Some((to, edges.get(&(from.clone(), to.clone()))?))).collect();
    let told: Vec<_> = places.iter().map(|(to, (file, line))| format!("`{to}` ({file}:{line})")).collect();
    let (file, line) = places.first().map_or(("", 1), |(_, (file, line))| (file.as_str(), *line));
    Finding::new(file, line, format!("modules use one another in a circle: `{}` -> {}", way[0], told.join(" -> ")))
}

/// The module in which a path ends, as seen from a module; nothing for what belongs to another crate.
fn resolve<'a>(modules: &'a Crate, from: &[String], path: &[String], depth: u32) -> Option<&'a [String]> {
    let (mut at, mut rest) = match path.split_first()? {
        (first, rest) if first == "crate" => (Vec::new(), rest),
        (first, rest) if first == "self" => (from.to_vec(), rest),
        (first, _) if first == "super" || modules.contains_key(&[from, &[first.clone()]].concat()) => (from.to_vec(), path),
        _ => return None,
    };
    while let [next, after @ ..] = rest {
        if next == "super" {
            at.pop()?;
        } else {
            at.push(next.clone());
            if !modules.contains_key(&at) {
                at.pop();
                break;
            }
        }
        rest = after;
    }
    let module = modules.get(&at)?;
    let Some(name) = rest.first().filter(|name| !module.defined.contains(*name) && depth > 0) else { return Some(&module.path) };
    if let Some(path) = module.names.get(name) {
        let path: Vec<_> = path.iter().chain(&rest[1..]).cloned().collect();
        return resolve(modules, &module.path, &path, depth - 1);
    }
    let globs = module.globs.iter().filter_map(|glob| resolve(modules, &module.path, glob, depth - 1));
    globs.into_iter().find(|glob| modules[*glob].defined.contains(name)).or(Some(&module.path))
}

/// The modules of the crate with this root, without its tests.
fn modules(files: &[File], root: &File) -> Crate {
    let mut modules = Crate::new();
    let mut open: Vec<(Vec<String>, &File)> = vec![(Vec::new(), root)];
    while let Some((path, file)) = open.pop() {
        let (folder, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
        let folder = match name {
            "lib.rs" | "main.rs" | "mod.rs" => folder.to_owned(),
            name => format!("{folder}/{}", name.trim_end_matches(".rs")),
        };
        let module = module(path, file);
        for child in &module.children {
            let places = [format!("{folder}/{child}.rs"), format!("{folder}/{child}/mod.rs")];
            if let Some(file) = files.iter().find(|file| places.contains(&file.path)) {
                open.push(([&*module.path, &[child.clone()]].concat(), file));
            }
        }
        modules.insert(module.path.clone(), module);
    }
    modules
}

type Token<'a> = (&'a str, usize);

/// Words, `::`, and every other character that is no white space, each with its line.
fn tokens(file: &File) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    for (number, line) in file.code_lines() {
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next() {
            let word = rest.find(|one: char| !(one.is_alphanumeric() || one == '_')).unwrap_or(rest.len());
            let length = if rest.starts_with("::") { 2 } else { word.max(first.len_utf8()) };
            tokens.push((&rest[..length], number));
            rest = rest[length..].trim_start();
        }
    }
    tokens
}

fn module(path: Vec<String>, file: &File) -> Module {
    const KINDS: [&str; 8] = ["struct", "enum", "union", "trait", "type", "fn", "const", "static"];
    let mut module = Module { path, file: file.path.clone(), ..Module::default() };
    let tokens = tokens(file);
    let (mut rest, mut after_path, mut of_tests) = (&*tokens, false, false);
    while let [(token, line), after @ ..] = rest {
        rest = after;
        match (*token, after) {
            (";" | "}", _) => of_tests = false,
            ("test", _) => of_tests = true,
            ("mod", [(child, _), (";", _), ..]) if !of_tests => module.children.push((*child).to_owned()),
            ("use", _) => rest = module.import(after, &[]),
            (kind, [(name, _), ..]) if KINDS.contains(&kind) => module.defined.extend([(*name).to_owned()]),
            (first, [("::", _), ..]) if !after_path => {
                let mut path = vec![first.to_owned()];
                while let [("::", _), (word, _), after @ ..] = rest
                    && word.starts_with(|first: char| first.is_alphabetic() || first == '_')
                {
                    path.push((*word).to_owned());
                    rest = after;
                }
                module.uses.push((path, *line));
            }
            _ => {}
        }
        after_path = *token == "::";
    }
    module
}

impl Module {
    /// Takes in a tree of `use`, of which `before` has been read; returns what follows it.
    fn import<'a>(&mut self, mut rest: &'a [Token<'a>], before: &[String]) -> &'a [Token<'a>] {
        let (mut path, mut name, mut line) = (before.to_vec(), None, 1);
        while let [(token, at), after @ ..] = rest {
            line = *at;
            rest = match (*token, after) {
                ("," | "}" | ";", _) => break,
                ("::", _) => after,
                ("{", _) => return self.import_all(after, &path),
                ("*", _) => {
                    self.uses.push((path.clone(), line));
                    self.globs.push(path);
                    return after;
                }
                ("as", [(renamed, _), after @ ..]) => {
                    name = Some((*renamed).to_owned());
                    after
                }
                // At the end of a path it means the module that the path has reached.
                ("self", _) if !path.is_empty() => after,
                (word, _) => {
                    path.push(word.to_owned());
                    after
                }
            };
        }
        if let Some(last) = path.last() {
            self.names.insert(name.unwrap_or_else(|| last.clone()), path.clone());
            self.uses.push((path, line));
        }
        rest
    }

    /// The trees in braces.
    fn import_all<'a>(&mut self, mut rest: &'a [Token<'a>], before: &[String]) -> &'a [Token<'a>] {
        while let [(token, _), after @ ..] = rest {
            match *token {
                "}" => return after,
                ";" => break,
                "," => rest = after,
                _ => rest = self.import(rest, before),
            }
        }
        rest
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{lines, tree};
    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        lines(check(&tree(files)))
    }

    #[test]
    fn an_order_passes() {
        let files = [
            ("a/src/lib.rs", "mod low;\nmod high;\npub use low::Low;\npub struct Settings;\n#[cfg(test)]\nmod tests;\n"),
            ("a/src/low.rs", "// use crate::high::High;\nmod inner;\nuse std::fmt;\npub struct Low(crate::Settings);\n"),
            ("a/src/low/inner.rs", "use super::Low;\n"),
            ("a/src/high.rs", "use crate::{Low, low::inner};\npub struct High;\n#[cfg(test)]\nmod tests {\n    use crate::tests;\n}\n"),
            ("a/src/tests.rs", "use crate::high::High;\n"),
        ];
        assert_eq!(found(&files), [""; 0]);
    }

    #[test]
    fn circles_are_found_over_imports_paths_and_re_exports() {
        let lib = "mod a;\nmod b;\nmod c;\npub use b::{self, Thing as Renamed};\n";
        for (a, b, c, expected) in [
            (
                "use crate::b::Thing;",
                "pub struct Thing(super::a::X);",
                "",
                "a/src/a.rs:1: modules use one another in a circle: `a` -> `b` (a/src/a.rs:1) -> `a` (a/src/b.rs:1)",
            ),
            (
                "use crate::{\n    Renamed,\n};",
                "use crate::c::Y;\npub struct Thing;",
                "fn f() { crate::a::g() }",
                "a/src/a.rs:2: modules use one another in a circle: `a` -> `b` (a/src/a.rs:2) -> `c` (a/src/b.rs:1) -> `a` (a/src/c.rs:1)",
            ),
            (
                "use super::c::*;",
                "",
                "use crate::a;",
                "a/src/a.rs:1: modules use one another in a circle: `a` -> `c` (a/src/a.rs:1) -> `a` (a/src/c.rs:1)",
            ),
            (
                "use crate::c::Passed;",
                "pub struct Thing;\nuse crate::a::X;",
                "pub use super::b::Thing as Passed;",
                "a/src/a.rs:1: modules use one another in a circle: `a` -> `b` (a/src/a.rs:1) -> `a` (a/src/b.rs:2)",
            ),
        ] {
            let files = [("a/src/lib.rs", lib), ("a/src/a.rs", a), ("a/src/b.rs", b), ("a/src/c.rs", c)];
            assert_eq!(found(&files), [expected]);
        }
    }

    #[test]
    fn a_child_counts_for_its_module() {
        let files = [
            ("a/src/main.rs", "mod low;\nmod high;\n"),
            ("a/src/low/mod.rs", "mod inner;\n"),
            ("a/src/low/inner.rs", "use crate::high::High;\n"),
            ("a/src/high.rs", "use crate::low;\n"),
        ];
        let found = found(&files);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("`low` (a/src/high.rs:1) -> `high` (a/src/low/inner.rs:1)"), "{found:?}");
    }
}
