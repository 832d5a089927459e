// expect: `&str` is not a channel
// expect: a generated client needs a channel here
// expect: pass `rt_std::Channel`
use proto_build_testing::bare::HelloServiceClient;

fn main() {
    let _ = HelloServiceClient::new("http://127.0.0.1:50051");
}
