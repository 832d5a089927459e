//! Every case, between every runtime's client and every runtime's server, over every transport.

use interop::cases::{self, Peer};
use interop::orca_service::OpenRcaServiceServer;
use interop::runtime::Runtime;
use interop::service::TestService;
use interop::testing::TestServiceServer;
use rt_std::tls::{ClientTls, ServerTls};
use std::path::PathBuf;
use std::time::Duration;

/// What lies between client and server.
enum Transport {
    Tcp,
    Unix(PathBuf),
    Tls { server: Box<ServerTls>, client: Box<ClientTls> },
}

impl Transport {
    fn tcp(_: &str) -> Self {
        Transport::Tcp
    }

    fn unix(test: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("pairings-{}-{test}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder of our own");
        Transport::Unix(folder.join("socket"))
    }

    fn tls(_: &str) -> Self {
        let made = rcgen::generate_simple_self_signed(["foo.test.google.fr".to_owned()]).expect("a certificate");
        let chain = made.cert.pem();
        Transport::Tls {
            server: Box::new(ServerTls::new(&chain, made.signing_key.serialize_pem())),
            client: Box::new(ClientTls::new().with_roots_pem(&chain).with_server_name("foo.test.google.fr")),
        }
    }
}

impl Drop for Transport {
    fn drop(&mut self) {
        if let Transport::Unix(path) = self {
            // The server has removed its socket.
            std::fs::remove_dir(path.parent().expect("it lies in a folder")).expect("nothing is left in it");
        }
    }
}

/// Adds the services, binds, and spawns; the server, and where it listens.
macro_rules! serve {
    ($runtime:ident, $form:ident, $transport:expr) => {{
        let service = TestService::default();
        let builder = $runtime::Server::builder()
            .add_service(OpenRcaServiceServer::$form(service.clone()))
            .add_service(TestServiceServer::$form(service));
        let server = match $transport {
            Transport::Tcp => builder.bind("127.0.0.1:0"),
            Transport::Unix(path) => builder.bind_unix(path),
            Transport::Tls { server, .. } => builder.tls((**server).clone()).bind("127.0.0.1:0"),
        };
        let running = server.expect("it can listen").spawn();
        let target = running.address().to_string();
        (running, target)
    }};
}

macro_rules! builder {
    ($runtime:ident, $transport:expr, $target:expr) => {
        match $transport {
            Transport::Tls { client, .. } => $runtime::Channel::builder($target).tls((**client).clone()),
            _ => $runtime::Channel::builder($target),
        }
    };
}

/// Runs all cases. Those that fail are named together.
async fn play<F: Runtime>(channel: F) {
    let peer = Peer::new(channel);
    let mut failed = Vec::new();
    for case in cases::all::<F>() {
        if let Err(error) = case.run(&peer).await {
            failed.push(format!("{}: {error}", case.name));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

fn std_client(transport: &Transport, target: &str) {
    rt_std::settled(play(builder!(rt_std, transport, target).connect().expect("it listens")));
}

fn smol_client(transport: &Transport, target: &str) {
    smol::block_on(async { play(builder!(rt_smol, transport, target).connect().await.expect("it listens")).await });
}

fn std_server(transport: &Transport, client: fn(&Transport, &str)) {
    let (running, target) = serve!(rt_std, blocking, transport);
    client(transport, &target);
    running.shutdown(Duration::ZERO);
}

fn smol_server(transport: &Transport, client: fn(&Transport, &str)) {
    let (running, target) = serve!(rt_smol, new, transport);
    client(transport, &target);
    smol::block_on(running.shutdown(Duration::ZERO));
}

macro_rules! pairings {
    ($($name:ident: $client:ident, $server:ident, $transport:ident;)+) => {$(
        #[test]
        fn $name() {
            let transport = Transport::$transport(stringify!($name));
            $server(&transport, $client);
        }
    )+};
}

pairings! {
    std_std_tcp: std_client, std_server, tcp;
    std_std_unix: std_client, std_server, unix;
    std_std_tls: std_client, std_server, tls;
    std_smol_tcp: std_client, smol_server, tcp;
    std_smol_unix: std_client, smol_server, unix;
    std_smol_tls: std_client, smol_server, tls;
    smol_std_tcp: smol_client, std_server, tcp;
    smol_std_unix: smol_client, std_server, unix;
    smol_std_tls: smol_client, std_server, tls;
    smol_smol_tcp: smol_client, smol_server, tcp;
    smol_smol_unix: smol_client, smol_server, unix;
    smol_smol_tls: smol_client, smol_server, tls;
}
