//! A service that panics outside of its handlers: its lookup of methods does, and so does what its handlers leave behind.

use proto_core::call::Kind;
use proto_core::grpc::Status;
use proto_core::rpc::{AsyncService, BlockingService, CallFuture, MethodInfo, ServerCall, ServiceInfo};

pub struct Broken;

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "dropped");
    }
}

static ONLY: &[MethodInfo] = &[MethodInfo { name: "Drop", path: "/broken.Broken/Drop", kind: Kind::UNARY }];
static FIND: MethodInfo = MethodInfo { name: "Find", path: "/broken.Broken/Find", kind: Kind::UNARY };
static INFO: ServiceInfo = ServiceInfo {
    name: "broken.Broken",
    methods: ONLY,
    find: |name| if name == b"Drop" { Some(0) } else { panic!("a broken table of methods") },
};

/// A method that answers ABORTED, and leaves behind what panics when it is dropped.
pub fn aborts() -> &'static MethodInfo {
    &ONLY[0]
}

/// One whose name breaks the lookup.
pub fn breaks_the_lookup() -> &'static MethodInfo {
    &FIND
}

fn answer(call: &mut ServerCall) -> Result<(), Status> {
    call.context.insert(Bomb);
    Err(Status::aborted("as always"))
}

impl BlockingService for Broken {
    fn info(&self) -> &'static ServiceInfo {
        &INFO
    }

    fn call(&self, _: u16, call: &mut ServerCall) -> Result<(), Status> {
        answer(call)
    }
}

impl AsyncService for Broken {
    fn info(&self) -> &'static ServiceInfo {
        &INFO
    }

    fn call(&self, _: u16, mut call: ServerCall) -> CallFuture {
        let answered = answer(&mut call);
        Box::pin(async move { (call, answered) })
    }
}
