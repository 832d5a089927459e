// expect: HelloReply` is not a request of this method
// expect: or `Request::new(message)` to add a timeout
use proto_build_testing::bare::{HelloReply, HelloServiceClient};
use proto_build_testing::loopback::Loopback;

fn call(client: HelloServiceClient<Loopback>) {
    let _ = client.say_hello(HelloReply::default());
}

fn main() {}
