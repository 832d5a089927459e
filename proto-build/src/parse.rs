//! From `.proto` files to descriptors, by protox; its errors become [`Problem`]s with a path that can be clicked.

use crate::error::{Error, Place, Problem, Result};
use miette::{Diagnostic, LabeledSpan};
use prost_types::FileDescriptorSet;
use protox::Compiler;
use std::path::{Path, PathBuf};

/// What was parsed.
pub(crate) struct Parsed {
    /// The files and everything that they import, imports first.
    pub(crate) descriptors: FileDescriptorSet,
    /// The same, serialized, with custom options that the messages of `prost_types` do not keep.
    pub(crate) encoded: Vec<u8>,
    /// The files that were read, to be watched by cargo.
    pub(crate) read: Vec<PathBuf>,
}

/// Parses and checks. Without `includes`, the files' own directories are searched.
pub(crate) fn parse(protos: &[PathBuf], includes: &[PathBuf]) -> Result<Parsed> {
    if protos.is_empty() {
        return Err(Error::other("no .proto file was given to compile"));
    }
    if let Some(include) = includes.iter().find(|i| !i.is_dir()) {
        return Err(missing(include, "include directory"));
    }
    let exists = |proto: &PathBuf| proto.is_file() || includes.iter().any(|i| i.join(proto).is_file());
    if let Some(proto) = protos.iter().find(|p| !exists(p)) {
        return Err(missing(proto, "file"));
    }
    let includes = if includes.is_empty() { directories(protos) } else { includes.to_vec() };
    let error = |e: protox::Error, proto: Option<&Path>| problems(&e, proto, &includes);
    let mut compiler = Compiler::new(&includes).map_err(|e| error(e, None))?;
    compiler.include_imports(true).include_source_info(true);
    for proto in protos {
        compiler.open_file(proto).map_err(|e| error(e, Some(proto)))?;
    }
    Ok(Parsed {
        descriptors: compiler.file_descriptor_set(),
        encoded: compiler.encode_file_descriptor_set(),
        read: compiler.files().filter_map(|f| f.path()).map(Path::to_owned).collect(),
    })
}

fn directories(protos: &[PathBuf]) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = Vec::new();
    for proto in protos {
        let parent = match proto.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        if !all.iter().any(|d| d == parent) {
            all.push(parent.to_owned());
        }
    }
    all
}

fn missing(path: &Path, what: &str) -> Error {
    let here = std::env::current_dir().map(|d| d.display().to_string()).unwrap_or_default();
    Error::proto(vec![Problem {
        file: Some(path.display().to_string()),
        position: None,
        message: format!("there is no such {what}"),
        source: None,
        also: Vec::new(),
        help: Some(format!("relative paths start at {here} (a build script's is the directory of Cargo.toml)")),
    }])
}

fn problems(error: &protox::Error, proto: Option<&Path>, includes: &[PathBuf]) -> Error {
    let file = error.file().map(|name| found(name, includes)).or_else(|| proto.map(|p| p.display().to_string()));
    let source = SourceText::of(error);
    let mut all = vec![problem(error, file.clone(), &source)];
    for related in error.related().into_iter().flatten() {
        all.push(problem(related, file.clone(), &source));
    }
    let text = error.to_string();
    if all[0].help.is_none() {
        let searched = || includes.iter().map(|i| i.display().to_string()).collect::<Vec<_>>().join(", ");
        if text.contains("is not in any include path") {
            all[0].help = Some(format!("it must lie below one of the include directories: {}", searched()));
        } else if text.contains("not found") && error.is_file_not_found() {
            all[0].help = Some(format!("looked for it in the include directories: {}", searched()));
        }
    }
    if let Some(cause) = std::error::Error::source(error) {
        all[0].message = format!("{}: {cause}", all[0].message);
    }
    Error::proto(all)
}

/// The path of an imported file, in the first include directory that has it.
fn found(name: &str, includes: &[PathBuf]) -> String {
    let path = includes.iter().map(|i| i.join(name)).find(|p| p.is_file());
    path.map_or_else(|| name.to_owned(), |p| p.display().to_string())
}

fn problem(diagnostic: &dyn Diagnostic, file: Option<String>, source: &SourceText) -> Problem {
    let labels = diagnostic.labels().into_iter().flatten();
    let mut places: Vec<Place> = labels.filter_map(|label| source.place(&label)).collect();
    // Of two that contradict each other the later one is to blame, whichever the diagnostic names first.
    let blamed = places.iter().position(|p| p.label.contains("again") || p.label.contains("found")).unwrap_or(0);
    let place = (blamed < places.len()).then(|| places.remove(blamed));
    Problem {
        file,
        position: place.as_ref().map(|p| (p.line, p.column)),
        message: diagnostic.to_string(),
        source: place.map(|p| (p.text, p.column, p.end)),
        also: places,
        help: diagnostic.help().map(|h| h.to_string()),
    }
}

/// The text that an error's offsets speak of.
struct SourceText {
    text: Option<String>,
    /// The offsets are of another kind: the column counts bytes as if they were characters (what protox finds wrong in
    /// the descriptors, which keep such columns).
    byte_columns: bool,
}

impl SourceText {
    fn of(error: &protox::Error) -> Self {
        let read = |code: &dyn miette::SourceCode| {
            // From the start of the text, with all the lines behind it.
            let all = code.read_span(&(0, 0).into(), 0, usize::MAX).ok()?;
            String::from_utf8(all.data().to_vec()).ok()
        };
        SourceText { text: error.source_code().and_then(read), byte_columns: !error.is_parse() }
    }

    fn place(&self, label: &LabeledSpan) -> Option<Place> {
        let (offset, length) = (label.offset(), label.len());
        let text = self.text.as_deref()?;
        let before = text.get(..offset)?;
        let start = before.rfind('\n').map_or(0, |n| n + 1);
        let end = text[offset..].find('\n').map_or(text.len(), |n| offset + n);
        let chars = |s: &str| s.chars().count();
        let meant = start + chars(&text[start..offset]);
        let offset = if self.byte_columns && text.is_char_boundary(meant) { meant } else { offset };
        let stop = text.get(offset..(offset + length).min(end)).map_or(1, chars);
        let column = chars(&text[start..offset]) + 1;
        Some(Place {
            line: before.matches('\n').count() + 1,
            column,
            end: column + stop.max(1),
            text: text[start..end].trim_end().replace('\t', " "),
            label: label.label().unwrap_or_default().to_owned(),
        })
    }
}
