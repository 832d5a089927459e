//! What a call of a service whose handlers are futures takes: one box, with the call and its handler's future in it, each
//! once. (A program of its own and without the test harness, since it counts what the process has allocated.)

use cap::Cap;
use proto_build_testing::hello::v1::{HelloRequest, HelloResponse, HelloService, HelloServiceServer};
use proto_core::Status;
use proto_core::rpc::asynchronous::{Receiver, Sender};
use proto_core::rpc::{AsyncService, Request, Response, ServerCall};
use std::alloc::System;
use std::task::{Context, Poll, Waker};

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// Handlers that allocate nothing, and wait for nothing.
struct Greeter;

impl HelloService for Greeter {
    async fn say_hello(&self, _: Request<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
        Ok(HelloResponse::default().into())
    }
    async fn lots_of_replies(&self, _: Request<HelloRequest>, _: &mut Sender<HelloResponse>) -> Result<(), Status> {
        Ok(())
    }
    async fn lots_of_greetings(
        &self,
        requests: &mut Receiver<HelloRequest>,
    ) -> Result<Response<HelloResponse>, Status> {
        let _ = requests.recv().await?;
        Ok(HelloResponse::default().into())
    }
    async fn bidi_hello(
        &self,
        requests: &mut Receiver<HelloRequest>,
        replies: &mut Sender<HelloResponse>,
    ) -> Result<(), Status> {
        let _ = (requests.recv().await?, replies);
        Ok(())
    }
}

fn main() {
    a_call_is_one_box_that_holds_the_call_and_its_handler_once();
    println!("a_call_is_one_box_that_holds_the_call_and_its_handler_once: ok");
}

fn a_call_is_one_box_that_holds_the_call_and_its_handler_once() {
    let server = HelloServiceServer::new(Greeter);
    let handler = size_of_val(&Greeter.say_hello(Request::new(HelloRequest::default())));
    let streams = size_of::<(Sender<HelloResponse>, Receiver<HelloRequest>)>();
    for method in 0..4 {
        let before = ALLOCATOR.allocated();
        let mut future = server.call(method, ServerCall::default());
        let size = size_of_val(&*future);
        assert_eq!(ALLOCATOR.allocated() - before, size, "method {method}");
        assert!(size < size_of::<ServerCall>() + handler + streams + 64, "method {method}: {size} bytes");
        let done = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        // Without a call behind it a stream ends at once.
        assert!(matches!(done, Poll::Ready((_, Ok(())))), "method {method}");
        drop((future, done));
        assert_eq!(ALLOCATOR.allocated(), before, "method {method}");
    }
}
