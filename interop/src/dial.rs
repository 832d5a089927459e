//! Where the client finds its server, and how it speaks to it: the official flags.

use crate::args::Args;
use rt_std::tls::ClientTls;
use std::error::Error;

/// A server, as the flags name it.
#[derive(Clone, Debug)]
pub struct Dial {
    target: String,
    tls: Option<ClientTls>,
}

impl Dial {
    /// The flags, without their dashes.
    pub const FLAGS: &[&str] =
        &["server_host", "server_port", "use_tls", "use_test_ca", "ca_file", "server_host_override"];

    /// What the flags say.
    ///
    /// # Errors
    /// A value that is none; a file that cannot be read.
    pub fn from_args(args: &Args) -> Result<Self, Box<dyn Error>> {
        let host = args.get("server_host").unwrap_or("localhost");
        let port = args.get_or("server_port", 10_000u16)?;
        // A path is a Unix socket; the official programs have none.
        let target = match (host.starts_with("unix:"), host.contains(':')) {
            (true, _) => host.to_owned(),
            (false, true) => format!("[{host}]:{port}"),
            (false, false) => format!("{host}:{port}"),
        };
        Ok(Dial { target, tls: tls(args)? })
    }

    /// A blocking channel.
    ///
    /// # Errors
    /// The server cannot be reached.
    pub fn std(&self) -> Result<rt_std::Channel, Box<dyn Error>> {
        let builder = rt_std::Channel::builder(&self.target);
        let builder = match &self.tls {
            Some(tls) => builder.tls(tls.clone()),
            None => builder,
        };
        Ok(builder.connect()?)
    }

    /// An async channel.
    ///
    /// # Errors
    /// The server cannot be reached.
    pub async fn smol(&self) -> Result<rt_smol::Channel, Box<dyn Error>> {
        let builder = rt_smol::Channel::builder(&self.target);
        let builder = match &self.tls {
            Some(tls) => builder.tls(tls.clone()),
            None => builder,
        };
        Ok(builder.connect().await?)
    }
}

fn tls(args: &Args) -> Result<Option<ClientTls>, Box<dyn Error>> {
    if !args.get_or("use_tls", false)? {
        return Ok(None);
    }
    // The official test authority is a file elsewhere: whoever wants it names it.
    let roots = match args.get("ca_file") {
        Some(path) => std::fs::read(path).map_err(|error| format!("{path}: {error}"))?,
        None => return Err("--use_tls needs --ca_file, also with --use_test_ca".into()),
    };
    let tls = ClientTls::new().with_roots_pem(roots);
    Ok(Some(match args.get("server_host_override") {
        Some(name) => tls.with_server_name(name),
        None => tls,
    }))
}
