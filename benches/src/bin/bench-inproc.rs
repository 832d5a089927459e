//! `bench-inproc --mode unary|sstream --n N --concurrency C --size S [--count M] [--metadata K]
//! [--streams L] [--tls yes]`: makes calls in memory and says what was moved. To be run under callgrind; `benches/README.md` has the commands.

use benches::inproc::{Load, Mode, Report, run};
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Instant;

const USAGE: &str = "\
usage: bench-inproc --mode unary|sstream --n N --concurrency C --size S [--count M]
                    [--metadata K] [--streams L] [--tls yes|no]
  --mode         unary: one message each way; sstream: one there, M back
  --n            calls in all
  --concurrency  calls under way at once
  --size         bytes of a message's payload
  --count        sstream: replies of a call (default 100)
  --metadata     entries of metadata with each request, and with each unary reply (default 0)
  --streams      streams that the server allows at once (default: as many as calls); more calls wait in the client
  --tls          yes: TLS between the two, as the runtimes have it (default no)";

/// The options, or what is wrong with them.
fn parse(mut args: impl Iterator<Item = String>) -> Result<Load, String> {
    let (mode, streams) = (Mode::Unary, None);
    let mut load = Load { mode, calls: 1_000, concurrency: 1, size: 16, count: 100, metadata: 0, streams, tls: false };
    while let Some(option) = args.next() {
        let value = args.next().ok_or_else(|| format!("{option} needs a value"))?;
        match &*option {
            "--mode" => {
                load.mode = match &*value {
                    "unary" => Mode::Unary,
                    "sstream" => Mode::ServerStreaming,
                    _ => return Err(format!("--mode {value}: expected unary or sstream")),
                }
            }
            "--n" => load.calls = number(&option, &value)?,
            "--concurrency" => load.concurrency = number(&option, &value)?,
            "--size" => load.size = number(&option, &value)?,
            "--count" => load.count = number(&option, &value)?,
            "--metadata" => load.metadata = number(&option, &value)?,
            "--streams" => load.streams = Some(number(&option, &value)?),
            "--tls" => {
                load.tls = match &*value {
                    "yes" => true,
                    "no" => false,
                    _ => return Err(format!("--tls {value}: expected yes or no")),
                }
            }
            _ => return Err(format!("{option} is unknown")),
        }
    }
    if load.concurrency == 0 {
        return Err("--concurrency 0: nothing would ever be called".into());
    }
    Ok(load)
}

fn number<T: FromStr>(option: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("{option} {value}: expected a number"))
}

fn print(report: &Report, seconds: f64) {
    let Report { calls, messages, sent, received, writes } = report;
    let each = |bytes: u64| bytes as f64 / (*calls).max(1) as f64;
    println!("calls              {calls}");
    println!("replies            {messages}");
    println!("client to server   {sent} bytes, {:.1} a call, {} writes", each(*sent), writes.0);
    println!("server to client   {received} bytes, {:.1} a call, {} writes", each(*received), writes.1);
    println!("wall time          {seconds:.3} s (for information: count instructions instead)");
}

fn main() -> ExitCode {
    let load = match parse(std::env::args().skip(1)) {
        Ok(load) => load,
        Err(mistake) => {
            eprintln!("{mistake}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let start = Instant::now();
    match run(load) {
        Ok(report) => {
            print(&report, start.elapsed().as_secs_f64());
            ExitCode::SUCCESS
        }
        Err(status) => {
            eprintln!("{status}");
            ExitCode::FAILURE
        }
    }
}
