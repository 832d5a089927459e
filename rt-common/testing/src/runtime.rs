//! A runtime, as scenarios use it: from blocking code, whatever it is inside.

use crate::broken::Broken;
use crate::greeter::Greeter;
use crate::toy::{Asynchronous, Blocking, Toy};
use futures_lite::future::block_on;
use proto_build_testing::hello::v1::{HelloRequest, HelloResponse, HelloServiceClient, HelloServiceServer};
use proto_core::rpc::{Report, Request, Response};
use proto_core::{Config, Status};
use proto_tls::{TlsAcceptor, TlsConfigError, TlsConnector, TlsError};
use rt_smol::os::BoxFuture;
use rt_std::testkit::Probe;
use rt_std::{Address, ServerError};
use smol::Executor;
use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A runtime under test. The types are its own: a scenario can do what both can, a test of one runtime all that it can.
pub trait Runtime: Sized + 'static {
    type ServerBuilder: ServerBuilder<Server = Self::Server>;
    type Server: Server<Running = Self::Running>;
    type Running: Running;
    type ChannelBuilder: ChannelBuilder<Channel = Self::Channel>;
    type Channel: Channel;

    /// As in a file's name.
    const NAME: &str;

    /// A server of nothing.
    fn server() -> Self::ServerBuilder;
    fn channel(target: impl AsRef<str>) -> Self::ChannelBuilder;
}

pub trait ServerBuilder: Sized {
    type Server;
    fn toy(self, toy: &Arc<Toy>) -> Self;
    fn greeter(self) -> Self;
    fn broken(self) -> Self;
    /// As few threads as make a difference, where handlers have them.
    fn few_threads(self) -> Self;
    /// So many calls may be there at once, waiting or not.
    fn takes_calls(self, calls: usize) -> Self;
    fn max_connections(self, connections: usize) -> Self;
    fn max_pending_handshakes(self, connections: usize) -> Self;
    fn handshake_timeout(self, time: Duration) -> Self;
    fn configure(self, change: impl FnOnce(&mut Config)) -> Self;
    fn tls<T>(self, tls: T) -> Self
    where
        T: TryInto<TlsAcceptor>,
        T::Error: Into<TlsConfigError>;
    fn on_tls_failure(self, tell: impl Fn(&TlsError) + Send + Sync + 'static) -> Self;
    fn bind(self, address: &str) -> Result<Self::Server, ServerError>;
    fn bind_unix(self, path: &Path) -> Result<Self::Server, ServerError>;
}

/// One that listens.
pub trait Server: Debug + Send + 'static {
    type Running;
    fn local_addr(&self) -> &Address;
    fn stop(&self) -> Box<dyn Stop>;
    fn serve(self) -> Result<Report, ServerError>;
    fn spawn(self) -> Self::Running;
}

/// One that serves.
pub trait Running: Sync {
    fn address(&self) -> &Address;
    fn stop(&self) -> Box<dyn Stop>;
    fn report(&self) -> Report;
    fn counts(&self) -> Counts;
    fn wait(self) -> Report;
    fn shutdown(self, grace: Duration) -> Report;
}

/// How many there are now, inside a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    pub connections: usize,
    /// Handlers that have begun and not ended, and calls that wait for one.
    pub handlers: usize,
    /// The most bytes that one connection has not sent.
    pub unsent: usize,
}

pub trait Stop {
    fn graceful(&self, grace: Duration);
}

pub trait ChannelBuilder: Sized {
    type Channel;
    fn tls<T>(self, tls: T) -> Self
    where
        T: TryInto<TlsConnector>,
        T::Error: Into<TlsConfigError>;
    fn proxy(self, proxy: &str) -> Self;
    fn build(self) -> Result<Self::Channel, Status>;
    fn connect(self) -> Result<Self::Channel, Status>;
}

pub trait Channel: Clone + Send + Sync {
    fn say_hello(&self, request: HelloRequest) -> Result<Response<HelloResponse>, Status>;
}

/// Waits for what a blocking method has given: it is there.
fn at_once<T>(there: T) -> T {
    there
}

/// What both do under the same names. `$wait` waits for what the methods give that wait.
macro_rules! runtime {
    (
        $(#[$doc:meta])*
        $name:ident = $runtime:ident, waits by $wait:ident;
        services: $form:ident, $toy:ident;
        server: $server:expr;
        few threads: $few:expr;
        takes calls: $calls:ident;
        counts: $counts:expr;
    ) => {
        $(#[$doc])*
        pub struct $name;

        impl Runtime for $name {
            const NAME: &str = stringify!($runtime);
            type ServerBuilder = $runtime::ServerBuilder;
            type Server = $runtime::Server;
            type Running = $runtime::Running;
            type ChannelBuilder = $runtime::ChannelBuilder;
            type Channel = $runtime::Channel;

            fn server() -> Self::ServerBuilder {
                $server
            }
            fn channel(target: impl AsRef<str>) -> Self::ChannelBuilder {
                $runtime::Channel::builder(target)
            }
        }

        impl ServerBuilder for $runtime::ServerBuilder {
            type Server = $runtime::Server;

            fn toy(self, toy: &Arc<Toy>) -> Self {
                self.add_service($toy(toy.clone()))
            }
            fn greeter(self) -> Self {
                self.add_service(HelloServiceServer::$form(Greeter))
            }
            fn broken(self) -> Self {
                self.add_service(Broken)
            }
            fn few_threads(self) -> Self {
                $few(self)
            }
            fn takes_calls(self, calls: usize) -> Self {
                self.$calls(calls)
            }
            fn max_connections(self, connections: usize) -> Self {
                self.max_connections(connections)
            }
            fn max_pending_handshakes(self, connections: usize) -> Self {
                self.max_pending_handshakes(connections)
            }
            fn handshake_timeout(self, time: Duration) -> Self {
                self.handshake_timeout(time)
            }
            fn configure(self, change: impl FnOnce(&mut Config)) -> Self {
                self.configure(change)
            }
            fn tls<T>(self, tls: T) -> Self
            where
                T: TryInto<TlsAcceptor>,
                T::Error: Into<TlsConfigError>,
            {
                self.tls(tls)
            }
            fn on_tls_failure(self, tell: impl Fn(&TlsError) + Send + Sync + 'static) -> Self {
                self.on_tls_failure(move |_, error| tell(error))
            }
            fn bind(self, address: &str) -> Result<Self::Server, ServerError> {
                self.bind(address)
            }
            fn bind_unix(self, path: &Path) -> Result<Self::Server, ServerError> {
                self.bind_unix(path)
            }
        }

        impl Server for $runtime::Server {
            type Running = $runtime::Running;

            fn local_addr(&self) -> &Address {
                self.local_addr()
            }
            fn stop(&self) -> Box<dyn Stop> {
                Box::new(self.stop())
            }
            fn serve(self) -> Result<Report, ServerError> {
                $wait(self.serve())
            }
            fn spawn(self) -> Self::Running {
                self.spawn()
            }
        }

        impl Running for $runtime::Running {
            fn address(&self) -> &Address {
                self.address()
            }
            fn stop(&self) -> Box<dyn Stop> {
                Box::new(self.stop())
            }
            fn report(&self) -> Report {
                self.report()
            }
            fn counts(&self) -> Counts {
                $counts(self)
            }
            fn wait(self) -> Report {
                $wait(self.wait())
            }
            fn shutdown(self, grace: Duration) -> Report {
                $wait(self.shutdown(grace))
            }
        }

        impl Stop for $runtime::Stop {
            fn graceful(&self, grace: Duration) {
                self.graceful(grace);
            }
        }

        impl ChannelBuilder for $runtime::ChannelBuilder {
            type Channel = $runtime::Channel;

            fn tls<T>(self, tls: T) -> Self
            where
                T: TryInto<TlsConnector>,
                T::Error: Into<TlsConfigError>,
            {
                self.tls(tls)
            }
            fn proxy(self, proxy: &str) -> Self {
                self.proxy(proxy)
            }
            fn build(self) -> Result<Self::Channel, Status> {
                self.build()
            }
            fn connect(self) -> Result<Self::Channel, Status> {
                $wait(self.connect())
            }
        }

        impl Channel for $runtime::Channel {
            fn say_hello(&self, request: HelloRequest) -> Result<Response<HelloResponse>, Status> {
                $wait(HelloServiceClient::new(self.clone()).say_hello(Request::new(request)))
            }
        }
    };
}

runtime! {
    /// rt-std.
    Std = rt_std, waits by at_once;
    services: blocking, Blocking;
    server: rt_std::Server::builder();
    few threads: |builder: rt_std::ServerBuilder| builder.max_handler_threads(2);
    takes calls: max_queued_calls;
    counts: |running: &rt_std::Running| {
        let probe = Probe::of(running);
        let counts = probe.counts();
        Counts { connections: counts.connections, handlers: counts.busy + counts.queued, unsent: probe.most_unsent() }
    };
}

runtime! {
    /// rt-smol, on an executor with threads: some handlers here block theirs.
    Smol = rt_smol, waits by block_on;
    services: new, Asynchronous;
    server: {
        let threads = Threads::new(3);
        rt_smol::Server::builder().executor(move |task| threads.spawn(task))
    };
    few threads: |builder| builder;
    takes calls: max_concurrent_handlers;
    counts: |running: &rt_smol::Running| {
        let rt_smol::server::Counts { connections, handlers, unsent } = running.counts();
        Counts { connections, handlers, unsent }
    };
}

/// An executor of the tests' own. Its threads end when it is dropped.
struct Threads {
    executor: Arc<Executor<'static>>,
    _until_dropped: smol::channel::Sender<()>,
}

impl Threads {
    fn new(count: usize) -> Self {
        let executor = Arc::new(Executor::new());
        let (until_dropped, dropped) = smol::channel::bounded(1);
        for _ in 0..count {
            let (executor, dropped) = (executor.clone(), dropped.clone());
            std::thread::spawn(move || {
                let _: Result<(), _> = block_on(executor.run(dropped.recv()));
            });
        }
        Threads { executor, _until_dropped: until_dropped }
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.executor.spawn(task).detach();
    }
}
