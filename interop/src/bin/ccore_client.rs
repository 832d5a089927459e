//! The cases of `interop/ccore/client.py` on our blocking client, against the TestService at an address.
//!
//! Usage: `ccore-client --target ADDRESS [--case NAME]`. Prints a line for each case, closes with `N passed, N failed`; exits 1
//! when one failed.

use interop::args::Args;
use interop::cases::{self, Case, Peer};
use rt_std::Channel;
use std::error::Error;
use std::process::ExitCode;

fn main() -> ExitCode {
    match run() {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

/// How many cases failed.
fn run() -> Result<usize, Box<dyn Error>> {
    let args = Args::parse(std::env::args().skip(1), &["target", "case"])?;
    let target = args.get("target").ok_or("--target ADDRESS is needed")?;
    let chosen: Vec<&Case> = match args.get("case") {
        Some(name) => vec![cases::find(name).ok_or_else(|| format!("there is no case {name}"))?],
        None => cases::ALL.iter().collect(),
    };
    let peer = Peer::new(Channel::connect(target)?);
    let mut failed = 0;
    for case in &chosen {
        match (case.run)(&peer) {
            Ok(()) => println!("ok      {}", case.name),
            Err(error) => {
                failed += 1;
                println!("FAILED  {}: {error}", case.name);
            }
        }
    }
    println!("{} passed, {failed} failed", chosen.len() - failed);
    Ok(failed)
}
