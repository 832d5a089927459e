//! A service that tells who calls, and its certificates.

use futures_lite::future::block_on;
use proto_build_testing::hello::v1::{
    HelloRequest, HelloResponse, HelloService, HelloServiceClient, HelloServiceServer,
};
use proto_tls::testkit::{Authority, Issued};
use rt_smol::tls::{ClientTls, TlsError};
use rt_smol::{Channel, ChannelBuilder, Receiver, Request, Response, Running, Sender, Server, ServerBuilder, Status};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Longer than anything here takes.
pub const LONG: Duration = Duration::from_secs(20);

/// Echoes; "who" is answered with the lengths of the caller's certificates.
#[derive(Clone)]
pub struct Service;

pub fn greeting(text: impl Into<String>) -> HelloRequest {
    HelloRequest { greeting: text.into() }
}

fn reply(text: impl Into<String>) -> HelloResponse {
    HelloResponse { reply: text.into() }
}

impl HelloService for Service {
    async fn say_hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
        if request.greeting == "who" {
            let lengths: Vec<_> = request.context().certificates().iter().map(|der| der.len().to_string()).collect();
            return Ok(reply(lengths.join(" ")).into());
        }
        Ok(reply(request.into_inner().greeting).into())
    }

    async fn lots_of_replies(
        &self,
        request: Request<HelloRequest>,
        replies: &mut Sender<HelloResponse>,
    ) -> Result<(), Status> {
        for i in 0..1_000 {
            replies.send(reply(format!("{i} {}", request.greeting))).await?;
        }
        Ok(())
    }

    async fn lots_of_greetings(
        &self,
        requests: &mut Receiver<HelloRequest>,
    ) -> Result<Response<HelloResponse>, Status> {
        let mut total = 0;
        while let Some(request) = requests.recv().await? {
            total += request.greeting.len();
        }
        Ok(reply(total.to_string()).into())
    }

    async fn bidi_hello(
        &self,
        requests: &mut Receiver<HelloRequest>,
        replies: &mut Sender<HelloResponse>,
    ) -> Result<(), Status> {
        while let Some(request) = requests.recv().await? {
            replies.send(reply(request.greeting)).await?;
        }
        Ok(())
    }
}

/// Why handshakes failed, as the server was told.
pub type Failures = Arc<Mutex<Vec<TlsError>>>;

pub struct World {
    pub authority: Authority,
    pub server: Running,
    pub failures: Failures,
}

pub fn authority(name: &str) -> Authority {
    Authority::new(name).expect("the system has random numbers")
}

pub fn issue(authority: &Authority, name: &str) -> Issued {
    authority.issue(name).expect("a name")
}

/// The service, and somebody who writes down why handshakes fail.
pub fn builder() -> (ServerBuilder, Failures) {
    let failures = Failures::default();
    let notes = failures.clone();
    let builder = Server::builder()
        .add_service(HelloServiceServer::new(Service))
        .on_tls_failure(move |_, error| notes.lock().expect("nobody panics").push(error.clone()));
    (builder, failures)
}

impl World {
    /// A server for "localhost", changed like this.
    pub fn new(change: impl FnOnce(&Authority, ServerBuilder) -> ServerBuilder) -> Self {
        let authority = authority("tests");
        let (builder, failures) = builder();
        let builder = builder.tls(issue(&authority, "localhost").server());
        let server = change(&authority, builder).bind("127.0.0.1:0").expect("a free port").spawn();
        World { authority, server, failures }
    }

    pub fn target(&self) -> String {
        format!("https://{}", self.server.address())
    }

    /// Settings that the server is content with.
    pub fn client(&self) -> ClientTls {
        self.authority.client().with_server_name("localhost")
    }

    pub fn channel(&self) -> ChannelBuilder {
        Channel::builder(self.target()).tls(self.client())
    }

    pub fn hello(&self) -> HelloServiceClient<Channel> {
        HelloServiceClient::new(block_on(self.channel().connect()).expect("a connection"))
    }

    /// Waits until the server was told of a failed handshake: its text.
    pub fn failure(&self) -> String {
        let end = std::time::Instant::now() + LONG;
        loop {
            if let Some(error) = self.failures.lock().expect("nobody panics").first() {
                return error.to_string();
            }
            assert!(std::time::Instant::now() < end, "no handshake has failed");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
