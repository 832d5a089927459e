//! A plain HTTP/2 server on proto-core's connection, for conformance tests (h2spec) and load generators: reads every request's body and
//! answers 200 with a few bytes. Nothing of gRPC. A blocking thread for each connection, or a task on the async runtime's seam.
//!
//! Usage: `h2-server [--rt std|smol] [--port P]` (default: std, a free port). Prints `listening on 127.0.0.1:PORT`.

mod on_smol;
mod on_std;
mod served;

use interop::args::{Args, ArgsError};
use std::error::Error;
use std::net::{Ipv4Addr, TcpListener};
use std::process::ExitCode;
use std::time::Duration;

/// After the last word, how long to wait for the peer to take it and close.
const LINGER: Duration = Duration::from_millis(500);
/// What descriptors are lacking for is tried again after this.
const PAUSE: Duration = Duration::from_millis(10);

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(if error.is::<ArgsError>() { 2 } else { 1 })
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let args = Args::parse(std::env::args().skip(1), &["rt", "port"])?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, args.get_or("port", 0u16)?))?;
    println!("listening on {}", listener.local_addr()?);
    match args.get("rt").unwrap_or("std") {
        "std" => Ok(on_std::serve(&listener)?),
        "smol" => Ok(on_smol::serve(listener)?),
        other => Err(format!("--rt {other}: expected std or smol").into()),
    }
}
