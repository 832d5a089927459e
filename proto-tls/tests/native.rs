//! Whom the system trusts is trusted. The system's roots are a file of this test, so it runs itself again with another
//! environment.
#![cfg(feature = "native-roots")]

mod support;

use proto_core::channel::Target;
use proto_tls::{ClientTls, ServerTls, TlsProblem, TlsTarget};
use std::path::{Path, PathBuf};
use std::process::Command;
use support::{Authority, Pair};

/// Where the files are, in the run with the other environment.
const FOLDER: &str = "PROTO_TLS_TEST_FOLDER";

fn server(folder: &Path) -> ServerTls {
    let read = |name| std::fs::read(folder.join(name)).expect("it was written");
    ServerTls::new(read("server.pem"), read("server.key"))
}

#[test]
fn the_systems_roots_are_trusted_by_default_and_beside_others() {
    if let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) {
        Pair::new(ClientTls::new(), server(&folder)).establish();
        let other = Authority::new("other");
        Pair::new(ClientTls::new().with_roots_pem(other.pem()).with_native_roots(), server(&folder)).establish();
        // And so does a channel to https:// that was given no settings, on either runtime.
        let target = Target::parse("https://localhost:50051").expect("a target");
        let tls = TlsTarget::new(&target, None).expect("good settings").expect("https:// speaks TLS");
        let server_stage = server(&folder).build().expect("good settings").stage().expect("good settings");
        Pair::of(tls.stage().expect("a name"), server_stage).establish();
        // Named roots replace the system's.
        let (client, _) = Pair::new(ClientTls::new().with_roots_pem(other.pem()), server(&folder)).carry();
        assert_eq!(client.expect("nobody is known").problem(), &TlsProblem::UnknownIssuer);
        return;
    }
    let folder = std::env::temp_dir().join(format!("proto-tls-native-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("there is a place for it");
    let authority = Authority::new("the system's");
    let issued = authority.issue("localhost");
    let files = [("ca.pem", authority.pem()), ("server.pem", issued.certificate), ("server.key", issued.key)];
    for (name, text) in files {
        std::fs::write(folder.join(name), text).expect("there is room");
    }
    let again = Command::new(std::env::current_exe().expect("a running test has a path"))
        .args(["--exact", "the_systems_roots_are_trusted_by_default_and_beside_others"])
        .env(FOLDER, &folder)
        .env("SSL_CERT_FILE", folder.join("ca.pem"))
        .output()
        .expect("it can be started");
    std::fs::remove_dir_all(&folder).expect("nobody else uses it");
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stdout));
}
