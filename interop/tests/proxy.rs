//! The official client through the HTTP proxy that its environment names: on every runtime, to every runtime's server, in plain
//! text and with TLS inside the tunnel.

use interop::orca_service::OpenRcaServiceServer;
use interop::service::TestService;
use interop::testing::TestServiceServer;
use proto_tls::testkit::Authority;
use rt_common_testing::proxy;
use rt_std::tls::ServerTls;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Command;

const CASES: &str =
    "empty_unary,large_unary,client_streaming,server_streaming,ping_pong,custom_metadata,cancel_after_begin";

/// A name that only a proxy knows.
const NAME: &str = "interop.invalid";

/// A server of each runtime, which goes with the value.
struct Servers {
    std: rt_std::Running,
    smol: rt_smol::Running,
}

macro_rules! serve {
    ($runtime:ident, $form:ident, $tls:expr) => {{
        let service = TestService::default();
        let builder = $runtime::Server::builder()
            .add_service(OpenRcaServiceServer::$form(service.clone()))
            .add_service(TestServiceServer::$form(service));
        let builder = match $tls {
            Some(tls) => builder.tls(tls),
            None => builder,
        };
        builder.bind("127.0.0.1:0").expect("a free port").spawn()
    }};
}

impl Servers {
    fn new(tls: Option<&ServerTls>) -> Self {
        Servers { std: serve!(rt_std, blocking, tls.cloned()), smol: serve!(rt_smol, new, tls.cloned()) }
    }

    fn addresses(&self) -> [SocketAddr; 2] {
        [self.std.address().to_string(), self.smol.address().to_string()].map(|text| text.parse().expect("an address"))
    }
}

/// The client, in an environment with this proxy alone.
fn client(runtime: &str, proxy: &str, host: &str, more: &[&str]) -> Command {
    let mut client = Command::new(env!("CARGO_BIN_EXE_interop-client"));
    for name in ["grpc_proxy", "HTTPS_PROXY", "no_grpc_proxy", "no_proxy", "NO_PROXY"] {
        client.env_remove(name);
    }
    client.env("https_proxy", proxy).args(["--rt", runtime, "--server_host", host, "--test_case", CASES]).args(more);
    client
}

fn passes(mut client: Command) {
    let output = client.output().expect("it is built");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{client:?}: {said} {}", String::from_utf8_lossy(&output.stderr));
    assert!(said.ends_with("7 passed, 0 failed\n"), "{said}");
}

/// Every client to every server, by a name that is left to the proxy.
fn through_the_proxy(servers: &Servers, more: &[&str]) {
    for server in servers.addresses() {
        let (proxy, asked) = proxy::proxy(server, "HTTP/1.1 200 OK\r\n\r\n");
        for runtime in ["std", "smol"] {
            passes(client(runtime, &format!("http://ada:secret@{proxy}"), NAME, more));
            let head = asked.recv().expect("the proxy was asked");
            assert!(head.starts_with("CONNECT interop.invalid:10000 HTTP/1.1\r\n"), "{head}");
            assert!(head.contains("\r\nProxy-Authorization: Basic YWRhOnNlY3JldA==\r\n"), "{head}");
        }
    }
}

#[test]
fn calls_go_through_the_proxy_of_the_environment() {
    let servers = Servers::new(None);
    through_the_proxy(&servers, &[]);
    // What is on this machine is reached without it; for what is elsewhere a proxy that is not there is the error.
    let nobody = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
    for server in servers.addresses() {
        let port = server.port().to_string();
        for runtime in ["std", "smol"] {
            passes(client(runtime, &format!("http://{nobody}"), "127.0.0.1", &["--server_port", &port]));
            let output = client(runtime, &format!("http://{nobody}"), NAME, &[]).output().expect("it is built");
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(!output.status.success() && said.contains(&format!("proxy {nobody}")), "{said}");
        }
    }
}

#[test]
fn tls_goes_through_the_tunnel() {
    let authority = Authority::new("tests").expect("the system has random numbers");
    let file: PathBuf = std::env::temp_dir().join(format!("interop-proxy-{}.pem", std::process::id()));
    std::fs::write(&file, authority.pem()).expect("a file of our own");
    let servers = Servers::new(Some(&authority.issue(NAME).expect("a name").server()));
    let file_name = file.to_string_lossy();
    through_the_proxy(&servers, &["--use_tls=true", "--ca_file", &file_name]);
    std::fs::remove_file(&file).expect("it is there");
}
