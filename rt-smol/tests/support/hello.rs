// Included by the examples in the documentation: generated code, a service of it, and a macro that puts an example into
// two async functions, one that returns `Result<_, Status>` and one that returns `Result<_, Box<dyn Error>>`, and runs both.

include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/greeter.rs"));

#[allow(unused_imports)]
use proto_build_testing::hello::v1::HelloServiceClient;
#[allow(unused_imports)]
use rt_smol::*;
#[allow(unused_imports)]
use std::time::Duration;

#[allow(dead_code)]
fn greeting(text: &str) -> HelloRequest {
    HelloRequest { greeting: text.into() }
}

/// A server on a port of this machine; it stops when this is dropped.
#[allow(dead_code)]
pub fn server() -> Running {
    let builder = Server::builder().add_service(hello::HelloServiceServer::new(Greeter));
    builder.bind("127.0.0.1:0").unwrap().spawn()
}

/// A channel to a server in this process.
#[allow(dead_code)]
pub fn channel() -> Channel {
    Channel::in_process(hello::HelloServiceServer::new(Greeter))
}

#[allow(unused_macros)]
macro_rules! both {
    // Without a channel.
    ({ $($body:tt)* }) => {
        both! { compiled { $($body)* } }
        smol::block_on(async {
            with_status().await.unwrap();
            with_box().await.unwrap();
        });
    };
    // Compiled, and not run: it waits for the world, or needs what nobody has here.
    (compiled $(|$($name:ident: $type:ty),*|)? { $($body:tt)* }) => {
        #[allow(dead_code, unused_variables)]
        async fn with_status($($($name: $type),*)?) -> Result<(), Status> {
            $($body)*
            Ok(())
        }
        #[allow(dead_code, unused_variables)]
        async fn with_box($($($name: $type),*)?) -> Result<(), Box<dyn std::error::Error>> {
            $($body)*
            Ok(())
        }
    };
    (|$channel:ident, $hello:ident| { $($body:tt)* }) => {
        #[allow(unused_variables)]
        async fn with_status($channel: Channel, $hello: HelloServiceClient<Channel>) -> Result<(), Status> {
            $($body)*
            Ok(())
        }
        #[allow(unused_variables)]
        async fn with_box(
            $channel: Channel,
            $hello: HelloServiceClient<Channel>,
        ) -> Result<(), Box<dyn std::error::Error>> {
            $($body)*
            Ok(())
        }
        smol::block_on(async {
            let one = channel();
            with_status(one.clone(), HelloServiceClient::new(one)).await.unwrap();
            let other = channel();
            with_box(other.clone(), HelloServiceClient::new(other)).await.unwrap();
        });
    };
}
