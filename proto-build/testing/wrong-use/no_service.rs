// The implementation itself, not wrapped.
//
// expect: `Greeter` is not a blocking service
// expect: a blocking server cannot serve this
// expect: pass `YourServiceServer::blocking(your_type)`
// expect: services whose handlers are `async fn` (`YourServiceServer::new(..)`) need the server of an async runtime
use proto_core::rpc::BlockingService;

struct Greeter;

fn serve(_: impl BlockingService) {}

fn main() {
    serve(Greeter);
}
