//! The TestService on our blocking server, for gRPC's C core and others to call.
//!
//! Usage: `ccore-server [--port P] [--for SECONDS]` (default: a free port, 600 s). Prints `listening on 127.0.0.1:PORT`, and ends
//! by itself after that time.

use interop::args::{Args, ArgsError};
use interop::service::TestService;
use interop::testing::TestServiceServer;
use rt_std::Server;
use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

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
    let args = Args::parse(std::env::args().skip(1), &["port", "for"])?;
    let port = args.get_or("port", 0u16)?;
    let time = Duration::from_secs(args.get_or("for", 600)?);

    let service = TestServiceServer::blocking(TestService::default());
    let server = Server::builder().add_service(service).bind(("127.0.0.1", port))?;
    println!("listening on {}", server.local_addr());
    let running = server.spawn();
    std::thread::sleep(time);
    running.shutdown(Duration::ZERO);
    Ok(())
}
