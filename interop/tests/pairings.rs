//! Every case, between every runtime's client and every runtime's server, over every transport.

use interop::cases::{self, Peer};
use interop::orca_service::OpenRcaServiceServer;
use interop::runtime::Runtime;
use interop::service::TestService;
use interop::testing::TestServiceServer;
use std::time::Duration;

/// Runs all cases; the names of those that failed, and how.
async fn all<F: Runtime>(channel: F) {
    let peer = Peer::new(channel);
    let mut failed = Vec::new();
    for case in cases::all::<F>() {
        if let Err(error) = case.run(&peer).await {
            failed.push(format!("{}: {error}", case.name));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

fn blocking_server() -> rt_std::Server {
    let service = TestService::default();
    rt_std::Server::builder()
        .add_service(OpenRcaServiceServer::blocking(service.clone()))
        .add_service(TestServiceServer::blocking(service))
        .bind("127.0.0.1:0")
        .expect("a free port")
}

#[test]
fn std_client_std_server_tcp() {
    let running = blocking_server().spawn();
    rt_std::settled(all(rt_std::Channel::connect(running.address().to_string()).expect("it listens")));
    running.shutdown(Duration::ZERO);
}

#[test]
fn smol_client_std_server_tcp() {
    let running = blocking_server().spawn();
    smol::block_on(async {
        all(rt_smol::Channel::connect(running.address().to_string()).await.expect("it listens")).await;
    });
    running.shutdown(Duration::ZERO);
}
