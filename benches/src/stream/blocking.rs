//! A server-streaming call of the blocking runtime.

use super::{Certificates, Failure, Way};
use crate::load::{Load as Message, LoadServiceClient, LoadServiceServer, blocking};
use rt_std::{Channel, ChannelBuilder, Request, Response, Sender, Server, ServerBuilder, Status};

struct Work;

impl blocking::LoadService for Work {
    fn echo(&self, request: Request<Message>) -> Result<Response<Message>, Status> {
        Ok(request.into_inner().into())
    }

    fn repeat(&self, request: Request<Message>, replies: &mut Sender<Message>) -> Result<(), Status> {
        (0..request.count).try_for_each(|_| replies.send(Message { payload: request.payload.clone(), count: 0 }))
    }
}

fn way(
    name: &'static str,
    server: ServerBuilder,
    channel: impl FnOnce(&str) -> ChannelBuilder,
) -> Result<Way, Failure> {
    let server = server.add_service(LoadServiceServer::blocking(Work)).bind("127.0.0.1:0")?.spawn();
    let client = LoadServiceClient::new(channel(&server.address().to_string()).connect()?);
    Ok(Way::new(name, move |load| {
        let _serving = &server;
        let replies = client.repeat(Message { payload: vec![0x5a; load.size], count: load.count });
        Ok(replies.map(|reply| Ok(reply?.payload.len() as u64)).sum::<Result<u64, Status>>()?)
    }))
}

pub(super) fn plain() -> Result<Way, Failure> {
    way("rt-std", Server::builder(), |address| Channel::builder(address))
}

pub(super) fn tls(certificates: &Certificates) -> Result<Way, Failure> {
    let client = certificates.authority.client().with_server_name("localhost");
    let server = Server::builder().tls(certificates.server.server());
    way("rt-std, TLS", server, |address| Channel::builder(format!("https://{address}")).tls(client))
}
