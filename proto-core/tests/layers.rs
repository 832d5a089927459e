//! The layers of the crate: a file imports from its own layer or below (ARCHITECTURE.md). Purity is not checked here but
//! by the compiler: the crate is `no_std`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The modules of the crate's root, bottom to top.
const LAYERS: [&[&str]; 8] = [
    &["time", "buf", "config", "error"],
    &["hpack", "frame", "timer"],
    &["h2"],
    &["grpc", "h1"],
    &["call", "connection"],
    &["channel"],
    &["rpc"],
    &["testkit", "guide"],
];

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|modules| modules.contains(&module))
}

/// What the crate's root re-exports, with the module that it comes from: `crate::Status` is of `grpc`.
fn reexports(root: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for line in root.lines().filter_map(|line| line.strip_prefix("pub use ")?.strip_suffix(';')) {
        let Some((module, names)) = line.split_once("::") else { continue };
        for name in names.trim_matches(['{', '}']).split(',') {
            found.insert(name.trim().to_owned(), module.to_owned());
        }
    }
    found
}

/// The names that stand behind `crate::` (not `$crate::`, which is for other crates), and behind as many `super::` as lead to the root, `depth` modules up.
fn names_of_the_root(code: &str, depth: usize) -> Vec<String> {
    let up = "super::".repeat(depth);
    let starts = ["crate::", up.as_str()].into_iter().flat_map(|prefix| {
        let whole = move |&(at, _): &(usize, &str)| {
            let before = &code[..at];
            !before.ends_with("super::") && !before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$')
        };
        code.match_indices(prefix).filter(whole).map(move |(at, _)| &code[at + prefix.len()..])
    });
    let mut names = Vec::new();
    for rest in starts {
        let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
        match rest.strip_prefix('{') {
            None => names.push(word(rest)),
            Some(group) => names.extend(heads(group).iter().map(|item| word(item))),
        }
    }
    names.retain(|name| !name.is_empty() && name != "super");
    names
}

/// The items of a `use` group, up to its closing brace: of `a::{b, c}, d}` those that start with `a` and `d`.
fn heads(group: &str) -> Vec<&str> {
    let (mut nested, mut start, mut items) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => nested += 1,
            '}' if nested == 0 => {
                items.push(group[start..at].trim());
                break;
            }
            '}' => nested -= 1,
            ',' if nested == 0 => {
                items.push(group[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    items
}

/// The code of a file without comments and without its unit tests, which stand at the bottom and may use everything.
fn code(text: &str) -> String {
    let without = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    without.take_while(|line| !line.starts_with("mod tests {")).collect::<Vec<_>>().join("\n")
}

/// What a file of this module, `depth` below the root, imports from above; or what of it cannot be placed.
fn faults(module: &str, depth: usize, text: &str, reexports: &BTreeMap<String, String>) -> Vec<String> {
    let Some(own) = layer(module) else { return vec![format!("{module} has no layer: give it one in LAYERS")] };
    let check = |name: String| {
        let from = reexports.get(&name).map_or(name.as_str(), String::as_str);
        match layer(from) {
            Some(other) if other <= own => None,
            Some(other) => Some(format!("L{own} {module} imports {name} of L{other} {from}")),
            None => Some(format!("{module} imports {name}, which is neither a layer's module nor re-exported")),
        }
    };
    names_of_the_root(&code(text), depth).into_iter().filter_map(check).collect()
}

fn rust_files(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the sources") {
        let path = entry.expect("an entry of a folder").path();
        if path.is_dir() {
            rust_files(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

#[test]
fn every_import_points_to_its_own_layer_or_below() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let reexports = reexports(&fs::read_to_string(src.join("lib.rs")).expect("the root"));
    let mut files = Vec::new();
    rust_files(&src, &mut files);
    let (mut checked, mut all) = (0, Vec::new());
    for file in files {
        let path = file.strip_prefix(&src).expect("a file below src").with_extension("");
        let names: Vec<&str> = path.iter().filter_map(|name| name.to_str()).collect();
        if names == ["lib"] || names.contains(&"tests") {
            continue;
        }
        let depth = names.iter().filter(|name| **name != "mod").count();
        let text = fs::read_to_string(&file).expect("a source file");
        checked += 1;
        all.extend(
            faults(names[0], depth, &text, &reexports).iter().map(|fault| format!("{}: {fault}", path.display())),
        );
    }
    assert!(checked > LAYERS.concat().len(), "only {checked} files were found below {}", src.display());
    assert!(all.is_empty(), "{}", all.join("\n"));
}

#[test]
fn an_import_from_above_is_found_however_it_is_written() {
    let reexports = reexports("pub use connection::Connection;\npub use grpc::{Code, Status};\n");
    for (text, fault) in [
        ("use crate::grpc::Status;", "L2 h2 imports grpc of L3 grpc"),
        ("use crate::Status;", "L2 h2 imports Status of L3 grpc"),
        ("use crate::{buf::{Incoming, Outgoing}, Connection};", "L2 h2 imports Connection of L4 connection"),
        ("fn f() -> super::rpc::Request {", "L2 h2 imports rpc of L6 rpc"),
        ("use crate::wakers::Waker;", "h2 imports wakers, which is neither a layer's module nor re-exported"),
    ] {
        assert_eq!(faults("h2", 1, text, &reexports), [fault], "{text}");
    }
    for text in [
        "use crate::hpack::{Known, HeaderList};",
        "use super::time::Instant; // not crate::rpc",
        "mod tests {\n    use crate::testkit::Pair;\n}",
        "$crate::rpc::x!()",
    ] {
        assert!(faults("h2", 1, text, &reexports).is_empty(), "{text}");
    }
    // In a deeper module `super` alone does not lead to the root.
    assert!(faults("h2", 2, "use super::rpc_like::X;", &reexports).is_empty());
    assert_eq!(faults("h2", 2, "use super::super::rpc::X;", &reexports), ["L2 h2 imports rpc of L6 rpc"]);
    assert_eq!(faults("magic", 1, "", &reexports), ["magic has no layer: give it one in LAYERS"]);
}
