//! How calls end, each in the eyes of one side: the other one is a peer by hand, which says what a row of the table has it
//! say, and goes as the row has it go. Both runtimes have the same words for it. (A reset leaves what came before it to be
//! read on this system; on others what a peer said last may be lost with it.)
#![cfg(target_os = "linux")]
#![allow(unreachable_pub)]

mod client;
mod raw;
mod server;

use std::error::Error;
use std::fmt::Display;

type Played = Result<(), Box<dyn Error>>;

/// As wanted, or as it begins before "..."?
fn matches(got: &str, wanted: &str) -> Played {
    let good = match wanted.strip_suffix("...") {
        Some(start) => got.starts_with(start) && got.len() > start.len(),
        None => got == wanted,
    };
    if good { Ok(()) } else { Err(format!("\n  got    {got}\n  wanted {wanted}").into()) }
}

/// The rows that were not as wanted are named together.
fn all(rows: impl IntoIterator<Item = (impl Display, Played)>) {
    let failed = rows.into_iter().filter_map(|(name, played)| Some(format!("{name}: {}", played.err()?)));
    let failed: Vec<_> = failed.collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
