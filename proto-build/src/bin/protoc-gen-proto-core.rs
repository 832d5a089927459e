//! The plugin of protoc and buf; see [`proto_build::plugin`] for its options.

use std::io::{Read, Write, stdin, stdout};
use std::process::ExitCode;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("protoc-gen-proto-core: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let mut request = Vec::new();
    stdin().lock().read_to_end(&mut request)?;
    let response = proto_build::plugin::answer(&request)?;
    stdout().lock().write_all(&response)?;
    Ok(())
}
