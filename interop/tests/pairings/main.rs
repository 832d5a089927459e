//! Every case, and every scenario of a call's life, between every runtime's client and every runtime's server, over every
//! transport.
#![cfg(unix)]
#![allow(unreachable_pub)]

mod relay;
mod scenarios;
mod service;
mod transport;

use interop::cases::{self, Peer};
use interop::orca_service::OpenRcaServiceServer;
use interop::runtime::Runtime;
use interop::service::TestService;
use interop::testing::TestServiceServer;
use proto_build_testing::hello::v1::HelloServiceServer;
use relay::Relay;
use scenarios::World;
use service::{Log, Service};
use std::time::Duration;
use transport::Transport;

/// A server that runs.
struct Place {
    target: String,
    near: Log,
    far: Log,
    stop: Box<dyn Fn(Duration)>,
    /// Ends it, and whatever is behind it.
    end: Box<dyn FnOnce()>,
}

/// Binds on this transport.
macro_rules! bind {
    ($builder:expr, $transport:expr) => {{
        let builder = $builder;
        let server = match $transport {
            Transport::Tcp => builder.bind("127.0.0.1:0"),
            Transport::Unix { .. } => builder.bind_unix($transport.socket().expect("it is a socket")),
            Transport::Tls { server, .. } => builder.tls((**server).clone()).bind("127.0.0.1:0"),
        };
        server.expect("it can listen").spawn()
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

/// The servers of a runtime: for the cases, and for a scenario with another one behind it.
macro_rules! servers {
    ($module:ident, $runtime:ident, $form:ident, $shutdown:expr) => {
        mod $module {
            use super::*;

            pub fn of_cases(transport: &Transport) -> Place {
                let service = TestService::default();
                let builder = $runtime::Server::builder()
                    .add_service(OpenRcaServiceServer::$form(service.clone()))
                    .add_service(TestServiceServer::$form(service));
                place(bind!(builder, transport), Log::default(), Log::default(), || {})
            }

            pub fn of_scenarios(transport: &Transport) -> Place {
                let (near, far) = (Log::default(), Log::default());
                let last = Service { log: far.clone(), next: None };
                let behind = bind!($runtime::Server::builder().add_service(HelloServiceServer::$form(last)), transport);
                let next = builder!($runtime, transport, behind.address().to_string()).build().expect("a target");
                let first = Service { log: near.clone(), next: Some(next) };
                let builder = $runtime::Server::builder().add_service(HelloServiceServer::$form(first));
                place(bind!(builder, transport), near, far, move || shutdown(behind))
            }

            fn place(running: $runtime::Running, near: Log, far: Log, last: impl FnOnce() + 'static) -> Place {
                let (target, stop) = (running.address().to_string(), running.stop());
                let end = Box::new(move || {
                    shutdown(running);
                    last();
                });
                Place { target, near, far, stop: Box::new(move |grace| stop.graceful(grace)), end }
            }

            fn shutdown(running: $runtime::Running) {
                let _report = $shutdown(running.shutdown(Duration::ZERO));
            }
        }
    };
}

servers!(on_std, rt_std, blocking, std::convert::identity);
servers!(on_smol, rt_smol, new, smol::block_on);

/// Runs all cases on one connection. Those that fail are named together.
async fn play_cases<F: Runtime>(channel: F) -> Vec<String> {
    let peer = Peer::new(channel);
    let mut failed = Vec::new();
    for case in cases::all::<F>() {
        if let Err(error) = case.run(&peer).await {
            failed.push(format!("{}: {error}", case.name));
        }
    }
    failed
}

/// Runs all scenarios, each with servers and a channel of its own.
async fn play_scenarios<F: Runtime>(
    transport: &Transport,
    server: fn(&Transport) -> Place,
    channel: impl Fn(&Transport, &str) -> F,
) -> Vec<String> {
    let mut failed = Vec::new();
    for (name, play) in scenarios::all::<F>() {
        let Place { target, near, far, stop, end } = server(transport);
        let relay = Relay::new(transport, &target).expect("it can listen");
        let world = World { channel: channel(transport, relay.target()), relay, near, far, stop };
        let played = async {
            world.begin().await?;
            play(&world).await
        };
        if let Err(error) = played.await {
            failed.push(format!("{name}: {error}"));
        }
        drop(world);
        end();
    }
    failed
}

macro_rules! clients {
    ($($module:ident, $runtime:ident, $run:path;)+) => {$(
        mod $module {
            use super::*;

            pub fn cases(transport: &Transport, server: fn(&Transport) -> Place) -> Vec<String> {
                let place = server(transport);
                let channel = builder!($runtime, transport, &place.target).build().expect("a target");
                let failed = $run(play_cases(channel));
                (place.end)();
                failed
            }

            pub fn scenarios(transport: &Transport, server: fn(&Transport) -> Place) -> Vec<String> {
                let channel = |transport: &Transport, target: &str| {
                    builder!($runtime, transport, target).build().expect("a target")
                };
                $run(play_scenarios(transport, server, channel))
            }
        }
    )+};
}

clients! {
    from_std, rt_std, rt_std::settled;
    from_smol, rt_smol, smol::block_on;
}

macro_rules! pairings {
    ($($name:ident: $client:ident, $server:ident, $transport:ident;)+) => {$(
        mod $name {
            use super::*;

            #[test]
            fn cases() {
                let transport = Transport::$transport(concat!(stringify!($name), "-cases"));
                let failed = $client::cases(&transport, $server::of_cases);
                assert!(failed.is_empty(), "{}", failed.join("\n"));
            }

            #[test]
            fn scenarios() {
                let transport = Transport::$transport(concat!(stringify!($name), "-scenarios"));
                let failed = $client::scenarios(&transport, $server::of_scenarios);
                assert!(failed.is_empty(), "{}", failed.join("\n"));
            }
        }
    )+};
}

pairings! {
    std_std_tcp: from_std, on_std, tcp;
    std_std_unix: from_std, on_std, unix;
    std_std_tls: from_std, on_std, tls;
    std_smol_tcp: from_std, on_smol, tcp;
    std_smol_unix: from_std, on_smol, unix;
    std_smol_tls: from_std, on_smol, tls;
    smol_std_tcp: from_smol, on_std, tcp;
    smol_std_unix: from_smol, on_std, unix;
    smol_std_tls: from_smol, on_std, tls;
    smol_smol_tcp: from_smol, on_smol, tcp;
    smol_smol_unix: from_smol, on_smol, unix;
    smol_smol_tls: from_smol, on_smol, tls;
}
