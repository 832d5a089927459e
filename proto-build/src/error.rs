//! What can go wrong, with file, line and column where a `.proto` file is to blame.

use std::fmt;
use std::io;
use std::path::Path;

/// The result of a build; what the `main` of a build script returns.
pub type Result<T = ()> = std::result::Result<T, Error>;

/// Why no code was generated. `Display` and `Debug` show the same text, so that a build script's `main` may return it.
pub struct Error {
    kind: Kind,
}

enum Kind {
    Proto(Vec<Problem>),
    Io { doing: String, source: io::Error },
    Other(String),
}

/// One problem of a `.proto` file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// The file: its path where it was found, otherwise the name by which it was asked for.
    pub file: Option<String>,
    /// Line and column, from 1.
    pub position: Option<(usize, usize)>,
    /// What is wrong.
    pub message: String,
    /// What stands there, and how it is marked: the source line, and the columns (from 1, end exclusive).
    pub source: Option<(String, usize, usize)>,
    /// Other places of the same file that have to do with it: the field that took the number first, say.
    pub also: Vec<Place>,
    /// What may help.
    pub help: Option<String>,
}

/// A place of a `.proto` file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Place {
    /// From 1.
    pub line: usize,
    /// From 1.
    pub column: usize,
    /// Its last column and one.
    pub end: usize,
    /// The source line.
    pub text: String,
    /// What it has to do with the problem: "first defined here".
    pub label: String,
}

impl Error {
    /// The problems of `.proto` files; empty when something else is wrong.
    pub fn problems(&self) -> &[Problem] {
        match &self.kind {
            Kind::Proto(problems) => problems,
            _ => &[],
        }
    }

    pub(crate) fn proto(problems: Vec<Problem>) -> Self {
        Error { kind: Kind::Proto(problems) }
    }

    pub(crate) fn io(doing: &str, path: &Path, source: io::Error) -> Self {
        Error { kind: Kind::Io { doing: format!("{doing} {}", path.display()), source } }
    }

    pub(crate) fn other(message: impl Into<String>) -> Self {
        Error { kind: Kind::Other(message.into()) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Proto(problems) => {
                for (i, problem) in problems.iter().enumerate() {
                    if i > 0 {
                        f.write_str("\n\n")?;
                    }
                    problem.fmt(f)?;
                }
                Ok(())
            }
            Kind::Io { doing, source } => write!(f, "{doing}: {source}"),
            Kind::Other(message) => f.write_str(message),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            Kind::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// `proto/hello.proto:7:16: message`, then the line with the place marked, then what may help.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{file}:")?;
        }
        if let Some((line, column)) = self.position {
            write!(f, "{line}:{column}:")?;
        }
        if self.file.is_some() || self.position.is_some() {
            f.write_str(" ")?;
        }
        f.write_str(&self.message)?;
        if let (Some((text, from, to)), Some((line, _))) = (&self.source, self.position) {
            marked(f, line, text, *from, *to, "")?;
        }
        for place in &self.also {
            marked(f, place.line, &place.text, place.column, place.end, &place.label)?;
        }
        if let Some(help) = &self.help {
            write!(f, "\n  help: {help}")?;
        }
        Ok(())
    }
}

/// A line of the source, and under it what is meant.
fn marked(f: &mut fmt::Formatter<'_>, line: usize, text: &str, from: usize, to: usize, label: &str) -> fmt::Result {
    let margin = line.to_string().len();
    let mark = if label.is_empty() { "^" } else { "-" };
    let (space, marks) = (" ".repeat(from.saturating_sub(1)), mark.repeat(to.saturating_sub(from).max(1)));
    let label = if label.is_empty() { String::new() } else { format!(" {label}") };
    write!(f, "\n{:margin$} |\n{line} | {text}\n{:margin$} | {space}{marks}{label}", "", "")
}
