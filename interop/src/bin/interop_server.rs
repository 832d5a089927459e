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
use rt_std::tls::ServerTls;
use std::error::Error;
use std::path::PathBuf;
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
    let known = ["port", "for", "rt", "unix", "use_tls", "tls_cert_file", "tls_key_file"];
    let args = Args::parse(std::env::args().skip(1), &known)?;
    let plan = Plan {
        port: args.get_or("port", 0)?,
        unix: args.get("unix").map(PathBuf::from),
        tls: tls(&args)?,
        time: Duration::from_secs(args.get_or("for", 600)?),
    };
    match args.get("rt").unwrap_or("std") {
        "std" => plan.blocking(),
        "smol" => smol::block_on(plan.asynchronous()),
        other => Err(format!("--rt {other}: there are std, smol").into()),
    }
}

fn tls(args: &Args) -> Result<Option<ServerTls>, Box<dyn Error>> {
    if !args.get_or("use_tls", false)? {
        return Ok(None);
    }
    let file = |flag: &str| -> Result<Vec<u8>, Box<dyn Error>> {
        let path = args.get(flag).ok_or_else(|| format!("--use_tls needs --{flag}"))?;
        std::fs::read(path).map_err(|error| format!("{path}: {error}").into())
    };
    Ok(Some(ServerTls::new(file("tls_cert_file")?, file("tls_key_file")?)))
}

struct Plan {
    port: u16,
    unix: Option<PathBuf>,
    tls: Option<ServerTls>,
    time: Duration,
}

impl Plan {
    fn blocking(self) -> Result<(), Box<dyn Error>> {
        let service = TestService::default();
        let mut builder = rt_std::Server::builder()
            .add_service(OpenRcaServiceServer::blocking(service.clone()))
            .add_service(TestServiceServer::blocking(service));
        if let Some(tls) = self.tls {
            builder = builder.tls(tls);
        }
        let server = match self.unix {
            Some(path) => builder.bind_unix(path)?,
            None => builder.bind(("127.0.0.1", self.port))?,
        };
        println!("listening on {}", server.local_addr());
        let running = server.spawn();
        std::thread::sleep(self.time);
        running.shutdown(Duration::ZERO);
        Ok(())
    }

    async fn asynchronous(self) -> Result<(), Box<dyn Error>> {
        let service = TestService::default();
        let mut builder = rt_smol::Server::builder()
            .add_service(OpenRcaServiceServer::new(service.clone()))
            .add_service(TestServiceServer::new(service));
        if let Some(tls) = self.tls {
            builder = builder.tls(tls);
        }
        let server = match self.unix {
            Some(path) => builder.bind_unix(path)?,
            None => builder.bind(("127.0.0.1", self.port))?,
        };
        println!("listening on {}", server.local_addr());
        let running = server.spawn();
        smol::Timer::after(self.time).await;
        running.shutdown(Duration::ZERO).await;
        Ok(())
    }
}
