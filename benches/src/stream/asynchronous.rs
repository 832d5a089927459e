//! A server-streaming call of the async runtime.

use super::{Certificates, Failure, Way};
use crate::load::{Load as Message, LoadService, LoadServiceClient, LoadServiceServer};
use futures_lite::future::block_on;
use rt_smol::{Channel, ChannelBuilder, Request, Response, Sender, Server, ServerBuilder, Status};

struct Work;

impl LoadService for Work {
    async fn echo(&self, request: Request<Message>) -> Result<Response<Message>, Status> {
        Ok(request.into_inner().into())
    }

    async fn repeat(&self, request: Request<Message>, replies: &mut Sender<Message>) -> Result<(), Status> {
        for _ in 0..request.count {
            replies.send(Message { payload: request.payload.clone(), count: 0 }).await?;
        }
        Ok(())
    }
}

fn way(
    name: &'static str,
    server: ServerBuilder,
    channel: impl FnOnce(&str) -> ChannelBuilder,
) -> Result<Way, Failure> {
    let server = server.add_service(LoadServiceServer::new(Work)).bind("127.0.0.1:0")?.spawn();
    let client = LoadServiceClient::new(block_on(channel(&server.address().to_string()).connect())?);
    Ok(Way::new(name, move |load| {
        let _serving = &server;
        let mut replies = client.repeat(Message { payload: vec![0x5a; load.size], count: load.count });
        block_on(async {
            let mut moved = 0;
            while let Some(reply) = replies.next().await {
                moved += reply?.payload.len() as u64;
            }
            Ok(moved)
        })
    }))
}

pub(super) fn plain() -> Result<Way, Failure> {
    way("rt-smol", Server::builder(), |address| Channel::builder(address))
}

pub(super) fn tls(certificates: &Certificates) -> Result<Way, Failure> {
    let client = certificates.authority.client().with_server_name("localhost");
    let server = Server::builder().tls(certificates.server.server());
    way("rt-smol, TLS", server, |address| Channel::builder(format!("https://{address}")).tls(client))
}
