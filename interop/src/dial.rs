//! Where the client finds its server, and how it speaks to it: the official flags.

use crate::args::{Args, ArgsError};
use std::error::Error;

/// A server, as the flags name it.
#[derive(Clone, Debug)]
pub struct Dial {
    target: String,
}

impl Dial {
    /// The flags, without their dashes.
    pub const FLAGS: &[&str] = &["server_host", "server_port"];

    /// What the flags say.
    ///
    /// # Errors
    /// A value that is none.
    pub fn from_args(args: &Args) -> Result<Self, ArgsError> {
        let host = args.get("server_host").unwrap_or("localhost");
        let port = args.get_or("server_port", 10_000u16)?;
        // A path is a Unix socket; the official programs have none.
        let target = match (host.starts_with("unix:"), host.contains(':')) {
            (true, _) => host.to_owned(),
            (false, true) => format!("[{host}]:{port}"),
            (false, false) => format!("{host}:{port}"),
        };
        Ok(Dial { target })
    }

    /// A blocking channel.
    ///
    /// # Errors
    /// The server cannot be reached.
    pub fn std(&self) -> Result<rt_std::Channel, Box<dyn Error>> {
        Ok(rt_std::Channel::connect(&self.target)?)
    }

    /// An async channel.
    ///
    /// # Errors
    /// The server cannot be reached.
    pub async fn smol(&self) -> Result<rt_smol::Channel, Box<dyn Error>> {
        Ok(rt_smol::Channel::connect(&self.target).await?)
    }
}
