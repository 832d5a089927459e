// expect: future cannot be sent between threads safely
// expect: which is not `Send`
use proto_build_testing::bare::{HelloReply, HelloRequest, HelloService};
use proto_core::Status;
use proto_core::rpc::{Request, Response};
use std::rc::Rc;
use std::time::Duration;

struct Greeter;

impl HelloService for Greeter {
    async fn say_hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloReply>, Status> {
        let name = Rc::new(request.name.clone());
        request.context().sleep_async(Duration::from_secs(1)).await?;
        Ok(HelloReply { text: (*name).clone() }.into())
    }
}

fn main() {}
