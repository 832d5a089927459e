//! Writes the seeds of every fuzz target, or runs a target on files.
//!
//!     seeds FOLDER               FOLDER/TARGET/seed-NNN for each target, always the same
//!     seeds --run TARGET FILE..  what a fuzzer has found, without the fuzzer

use fuzz_targets::TARGETS;
use std::path::Path;
use std::process::ExitCode;
use std::{env, fs, io};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        ["--run", target, ref files @ ..] if !files.is_empty() => replay(target, files),
        [folder] if !folder.starts_with('-') => write(Path::new(folder)),
        _ => Err(io::Error::other("usage: seeds FOLDER | seeds --run TARGET FILE..")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("seeds: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write(folder: &Path) -> io::Result<()> {
    for target in TARGETS {
        let folder = folder.join(target.name);
        fs::create_dir_all(&folder)?;
        for (number, seed) in (target.seeds)().iter().enumerate() {
            fs::write(folder.join(format!("seed-{number:03}")), seed)?;
        }
    }
    Ok(())
}

fn replay(name: &str, files: &[&str]) -> io::Result<()> {
    let target = TARGETS.iter().find(|target| target.name == name);
    let target = target.ok_or_else(|| io::Error::other(format!("no target is called {name:?}")))?;
    for file in files {
        eprintln!("{file}");
        (target.run)(&fs::read(file)?);
    }
    Ok(())
}
