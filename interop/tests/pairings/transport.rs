//! What lies between client and server.

use rt_std::tls::{ClientTls, ServerTls};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// A transport, and what both ends need for it.
pub enum Transport {
    Tcp,
    Unix { folder: PathBuf, used: AtomicUsize },
    Tls { server: Box<ServerTls>, client: Box<ClientTls> },
}

impl Transport {
    pub fn tcp(_: &str) -> Self {
        Transport::Tcp
    }

    pub fn unix(test: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("pairings-{}-{test}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder of our own");
        Transport::Unix { folder, used: AtomicUsize::new(0) }
    }

    pub fn tls(_: &str) -> Self {
        let made = rcgen::generate_simple_self_signed(["foo.test.google.fr".to_owned()]).expect("a certificate");
        let chain = made.cert.pem();
        Transport::Tls {
            server: Box::new(ServerTls::new(&chain, made.signing_key.serialize_pem())),
            client: Box::new(ClientTls::new().with_roots_pem(&chain).with_server_name("foo.test.google.fr")),
        }
    }

    /// The path of a new socket, where that is what this is.
    pub fn socket(&self) -> Option<PathBuf> {
        match self {
            Transport::Unix { folder, used } => Some(folder.join(format!("{}", used.fetch_add(1, Relaxed)))),
            _ => None,
        }
    }
}

impl Drop for Transport {
    fn drop(&mut self) {
        if let (Transport::Unix { folder, .. }, false) = (self, std::thread::panicking()) {
            // Whoever listened has removed its socket.
            std::fs::remove_dir(folder).expect("nothing is left in it");
        }
    }
}
