//! The client of gRPC's interoperability tests, with the flags that it has in every language, and `--rt`.
//!
//! ```text
//! interop-client --server_host HOST --server_port PORT [--test_case NAME,NAME|all|official] [--rt std|smol]
//!                [--use_tls true] [--use_test_ca true] [--ca_file FILE] [--server_host_override NAME]
//!                [--soak_...]
//! ```
//!
//! Defaults: localhost, 10000, `large_unary`, `std`, no TLS. `all` are those that want this repository's own server,
//! `official` those that any server answers. Prints a line for each case, closes with `N passed, N failed`; exits 1 when
//! one failed.

use interop::args::Args;
use interop::cases::{self, Case, Outcome, Peer};
use interop::dial::Dial;
use interop::runtime::Runtime;
use interop::soak::{self, Soak};
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
    let known: Vec<&str> = Dial::FLAGS.iter().chain(&soak::FLAGS).chain(&["test_case", "rt"]).copied().collect();
    let args = Args::parse(std::env::args().skip(1), &known)?;
    let dial = Dial::from_args(&args)?;
    let plan = Plan {
        cases: args.get("test_case").unwrap_or("large_unary").split(',').map(str::to_owned).collect(),
        soak: Soak::from_args(&args)?,
    };
    match args.get("rt").unwrap_or("std") {
        "std" => rt_std::settled(plan.run(async || dial.std())),
        "smol" => smol::block_on(plan.run(async || dial.smol().await)),
        other => Err(format!("--rt {other}: there are std, smol").into()),
    }
}

struct Plan {
    cases: Vec<String>,
    soak: Soak,
}

impl Plan {
    /// Runs the cases, on channels that `connect` makes.
    async fn run<F: Runtime>(
        &self,
        connect: impl AsyncFn() -> Result<F, Box<dyn Error>>,
    ) -> Result<usize, Box<dyn Error>> {
        let official = !self.cases.iter().any(|name| name == "all");
        let channel = connect().await?;
        let peer = if official { Peer::official(channel) } else { Peer::new(channel) };
        let (mut passed, mut failed) = (0, 0);
        for name in &self.cases {
            match &name[..] {
                "all" | "official" => {
                    for case in cases::all::<F>().iter().filter(|case| !official || !case.extended) {
                        let outcome = case.run(&peer).await;
                        report(case.name, outcome, &mut passed, &mut failed);
                    }
                }
                "rpc_soak" => {
                    let outcome = self.soak.run(async || Ok(peer.clone())).await;
                    report(name, outcome, &mut passed, &mut failed);
                }
                "channel_soak" => {
                    let outcome = self.soak.run(async || Ok(Peer::official(connect().await?))).await;
                    report(name, outcome, &mut passed, &mut failed);
                }
                _ => {
                    let case: Case<F> = cases::find(name).ok_or_else(|| format!("there is no case {name}"))?;
                    let outcome = case.run(&peer).await;
                    report(name, outcome, &mut passed, &mut failed);
                }
            }
        }
        println!("{passed} passed, {failed} failed");
        Ok(failed)
    }
}

fn report(name: &str, outcome: Outcome, passed: &mut usize, failed: &mut usize) {
    match outcome {
        Ok(()) => {
            *passed += 1;
            println!("ok      {name}");
        }
        Err(error) => {
            *failed += 1;
            println!("FAILED  {name}: {error}");
        }
    }
}
