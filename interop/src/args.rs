//! Command lines of the form `--name value` or `--name=value`, as the interoperability programs of other languages have them.

use std::fmt;
use std::str::FromStr;

/// The arguments of a program, by name.
#[derive(Debug, Default)]
pub struct Args {
    pairs: Vec<(String, String)>,
}

/// What is wrong with a command line.
#[derive(Debug, PartialEq, Eq)]
pub struct ArgsError(String);

impl fmt::Display for ArgsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ArgsError {}

impl Args {
    /// Takes a command line apart.
    ///
    /// # Errors
    /// An argument that is not among `known`, or has no value.
    pub fn parse(line: impl IntoIterator<Item = String>, known: &[&str]) -> Result<Self, ArgsError> {
        let mut pairs = Vec::new();
        let mut line = line.into_iter();
        while let Some(argument) = line.next() {
            let (name, value) = match argument.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (argument, None),
            };
            let Some(bare) = name.strip_prefix("--").filter(|bare| known.contains(bare)) else {
                let known: Vec<_> = known.iter().map(|name| format!("--{name}")).collect();
                return Err(ArgsError(format!("unknown argument {name}; there are {}", known.join(", "))));
            };
            let Some(value) = value.or_else(|| line.next()) else {
                return Err(ArgsError(format!("{name} needs a value")));
            };
            pairs.push((bare.to_owned(), value));
        }
        Ok(Args { pairs })
    }

    /// The last value that was given to this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().rev().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// The value of this name in another type, or `default` when it was not given.
    ///
    /// # Errors
    /// The value is none of that type.
    pub fn get_or<T: FromStr>(&self, name: &str, default: T) -> Result<T, ArgsError>
    where
        T::Err: fmt::Display,
    {
        let Some(value) = self.get(name) else { return Ok(default) };
        value.parse().map_err(|error| ArgsError(format!("--{name} {value}: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &[&str]) -> Result<Args, ArgsError> {
        Args::parse(line.iter().map(|s| (*s).to_owned()), &["port", "case"])
    }

    #[test]
    fn both_ways_to_give_a_value_are_understood_and_the_last_one_counts() {
        let args = parse(&["--port", "1", "--case=a=b", "--port=2"]).unwrap();
        assert_eq!(args.get_or("port", 0), Ok(2));
        assert_eq!(args.get("case"), Some("a=b"));
        assert_eq!(parse(&[]).unwrap().get_or("port", 7), Ok(7));
    }

    #[test]
    fn a_mistake_is_named() {
        assert_eq!(
            parse(&["--prot", "1"]).unwrap_err().to_string(),
            "unknown argument --prot; there are --port, --case"
        );
        assert_eq!(parse(&["--port"]).unwrap_err().to_string(), "--port needs a value");
        let error = parse(&["--port", "x"]).unwrap().get_or::<u16>("port", 0).unwrap_err();
        assert_eq!(error.to_string(), "--port x: invalid digit found in string");
    }
}
