// Included by the examples in the documentation: generated code, a server for it, and a macro that puts an example into
// two functions, one that returns `Result<_, Status>` and one that returns `Result<_, Box<dyn Error>>`, and runs both.

#[allow(unused_imports)]
use proto_build_testing::hello::v1::{self as hello, HelloRequest, HelloResponse, HelloServiceClient};
#[allow(unused_imports)]
use rt_std::*;
#[allow(unused_imports)]
use std::time::Duration;

/// Says hello.
#[derive(Clone, Debug)]
pub struct Greeter;

#[allow(dead_code)]
fn greeting(text: &str) -> HelloRequest {
    HelloRequest { greeting: text.into() }
}

fn reply(text: impl Into<String>) -> HelloResponse {
    HelloResponse { reply: text.into() }
}

impl hello::blocking::HelloService for Greeter {
    fn say_hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
        if request.greeting.is_empty() {
            return Err(Status::invalid_argument("greeting is empty"));
        }
        if request.greeting == "slow" {
            request.context().sleep(Duration::from_secs(600))?;
        }
        let text = format!("Hello, {}!", request.greeting);
        Ok(Response::new(reply(text)).with_metadata("x-server", "1").with_trailer("x-cost", "3"))
    }

    fn lots_of_replies(&self, request: Request<HelloRequest>, replies: &mut Sender<HelloResponse>) -> Result<(), Status> {
        for i in 0..10 {
            replies.send(reply(format!("{i} {}", request.greeting)))?;
        }
        Ok(())
    }

    fn lots_of_greetings(&self, requests: &mut Receiver<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
        let names = requests.map(|r| r.map(|r| r.greeting)).collect::<Result<Vec<_>, _>>()?;
        Ok(reply(names.join(", ")).into())
    }

    fn bidi_hello(&self, requests: &mut Receiver<HelloRequest>, replies: &mut Sender<HelloResponse>) -> Result<(), Status> {
        for request in requests {
            replies.send(reply(format!("Hello, {}!", request?.greeting)))?;
        }
        Ok(())
    }
}

/// A channel to a server in this process.
#[allow(dead_code)]
pub fn channel() -> Channel {
    Channel::in_process(hello::HelloServiceServer::blocking(Greeter))
}

#[allow(unused_macros)]
macro_rules! both {
    // Without a channel.
    ({ $($body:tt)* }) => {
        both! { compiled { $($body)* } }
        with_status().unwrap();
        with_box().unwrap();
    };
    // Compiled, and not run: it waits for the world, or needs what nobody has here.
    (compiled $(|$($name:ident: $type:ty),*|)? { $($body:tt)* }) => {
        #[allow(dead_code, unused_variables)]
        fn with_status($($($name: $type),*)?) -> Result<(), Status> {
            $($body)*
            Ok(())
        }
        #[allow(dead_code, unused_variables)]
        fn with_box($($($name: $type),*)?) -> Result<(), Box<dyn std::error::Error>> {
            $($body)*
            Ok(())
        }
    };
    (|$channel:ident, $hello:ident| { $($body:tt)* }) => {
        #[allow(unused_variables)]
        fn with_status($channel: Channel, $hello: HelloServiceClient<Channel>) -> Result<(), Status> {
            $($body)*
            Ok(())
        }
        #[allow(unused_variables)]
        fn with_box($channel: Channel, $hello: HelloServiceClient<Channel>) -> Result<(), Box<dyn std::error::Error>> {
            $($body)*
            Ok(())
        }
        let one = channel();
        with_status(one.clone(), HelloServiceClient::new(one)).unwrap();
        let other = channel();
        with_box(other.clone(), HelloServiceClient::new(other)).unwrap();
    };
}
