// expect: `bool` cannot cancel a call
// expect: rt_std::Cancel::new()
use proto_core::rpc::Request;

fn main() {
    let _ = Request::new(()).cancel_on(&true);
}
