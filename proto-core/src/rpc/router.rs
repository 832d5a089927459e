//! From a path to a service and the number of its method: [`Router`], shared by every server.
//!
//! Pure lookup: it runs nothing and knows no call. No hash table, since paths are the peer's data: services are few and
//! compared in turn, methods are found by the generated `match`.

use super::service::{AsyncService, MethodInfo, ServiceInfo};
use crate::grpc::Status;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

/// The services of a server, of any form (`S`: what the runtime keeps of a service).
#[derive(Clone)]
pub struct Router<S> {
    entries: Vec<Entry<S>>,
    methods: usize,
}

#[derive(Clone)]
struct Entry<S> {
    info: &'static ServiceInfo,
    /// How many methods the services before it have.
    base: usize,
    service: S,
}

/// Where a call goes.
#[derive(Debug)]
pub struct Route<'a, S> {
    /// The service.
    pub service: &'a S,
    /// The method's number within its service, as [`BlockingService::call`](super::BlockingService::call) takes it.
    pub number: u16,
    /// The method's number among all methods of the router: below [`Router::methods`], an index for tables.
    pub index: usize,
    /// Name, path, kind.
    pub method: &'static MethodInfo,
}

impl<S> Clone for Route<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Route<'_, S> {}

/// A second service of a name that is served already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DuplicateService {
    /// "package.Service".
    pub name: &'static str,
}

impl fmt::Display for DuplicateService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the service {} was added twice; a server has one implementation of a service", self.name)
    }
}

impl core::error::Error for DuplicateService {}

impl<S> Router<S> {
    /// Without services: every path is unknown.
    pub const fn new() -> Self {
        Router { entries: Vec::new(), methods: 0 }
    }

    /// Adds a service. Its name must be new.
    pub fn add(&mut self, info: &'static ServiceInfo, service: S) -> Result<(), DuplicateService> {
        if self.entries.iter().any(|e| e.info.name == info.name) {
            return Err(DuplicateService { name: info.name });
        }
        self.entries.push(Entry { info, base: self.methods, service });
        self.methods += info.methods.len();
        Ok(())
    }

    /// How many methods all services have.
    pub fn methods(&self) -> usize {
        self.methods
    }

    /// The services, in the order in which they were added.
    pub fn services(&self) -> impl Iterator<Item = (&'static ServiceInfo, &S)> {
        self.entries.iter().map(|e| (e.info, &e.service))
    }

    /// Finds what serves the path "/package.Service/Method". `Err` is UNIMPLEMENTED and says what is unknown (statuscodes.md);
    /// a path without a leading slash is never dispatched.
    pub fn find(&self, path: &[u8]) -> Result<Route<'_, S>, Status> {
        let Some((service, method)) = split(path) else { return Err(malformed(path)) };
        let Some(entry) = self.entries.iter().find(|e| e.info.name.as_bytes() == service) else {
            return Err(self.unknown_service(service, method));
        };
        let found = (entry.info.find)(method).and_then(|n| Some((n, entry.info.methods.get(usize::from(n))?)));
        let Some((number, info)) = found else { return Err(unknown_method(entry.info, method)) };
        let index = entry.base + usize::from(number);
        Ok(Route { service: &entry.service, number, index, method: info })
    }

    #[cold]
    fn unknown_service(&self, name: &[u8], method: &[u8]) -> Status {
        let last = |n: &[u8]| n.rsplit(|b| *b == b'.').next().unwrap_or_default().to_ascii_lowercase();
        let alike = self.entries.iter().find(|e| last(e.info.name.as_bytes()) == last(name));
        let mut message = format!("unknown service {} (of method {})", printable(name), printable(method));
        if let Some(entry) = alike {
            message += &format!("; there is {}", entry.info.name);
        }
        Status::unimplemented(message)
    }
}

impl Router<Arc<dyn AsyncService>> {
    /// With this service too: the services of a loop of one's own ([`Handlers`](super::driven::Handlers)).
    ///
    /// # Errors
    /// Its name is not new.
    pub fn with_service(mut self, service: impl AsyncService) -> Result<Self, DuplicateService> {
        self.add(service.info(), Arc::new(service))?;
        Ok(self)
    }
}

impl<S> Default for Router<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> fmt::Debug for Router<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.entries.iter().map(|e| e.info.name)).finish()
    }
}

/// "/package.Service/Method" into service and method.
fn split(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = path.strip_prefix(b"/")?;
    let slash = rest.iter().rposition(|b| *b == b'/')?;
    Some((&rest[..slash], &rest[slash + 1..]))
}

#[cold]
fn unknown_method(service: &ServiceInfo, name: &[u8]) -> Status {
    let mut message = format!("unknown method {} of service {}", printable(name), service.name);
    if let Some(alike) = service.methods.iter().find(|m| m.name.as_bytes().eq_ignore_ascii_case(name)) {
        message += &format!(" (there is {})", alike.name);
    }
    Status::unimplemented(message)
}

#[cold]
fn malformed(path: &[u8]) -> Status {
    Status::unimplemented(format!("{} is not a path of gRPC: expected /package.Service/Method", printable(path)))
}

/// The peer's bytes, quoted, escaped and cut, for a message that goes back to it.
fn printable(bytes: &[u8]) -> String {
    const MOST: usize = 128;
    let cut = &bytes[..bytes.len().min(MOST)];
    let dots = if bytes.len() > MOST { "..." } else { "" };
    format!("\"{}\"{dots}", cut.escape_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Kind;
    use crate::grpc::Code;
    use alloc::string::ToString;

    static HELLO: ServiceInfo = ServiceInfo {
        name: "hello.v1.HelloService",
        methods: &[
            MethodInfo { name: "SayHello", path: "/hello.v1.HelloService/SayHello", kind: Kind::UNARY },
            MethodInfo { name: "BidiHello", path: "/hello.v1.HelloService/BidiHello", kind: Kind::BIDI },
        ],
        find: |name| match name {
            b"SayHello" => Some(0),
            b"BidiHello" => Some(1),
            _ => None,
        },
    };
    static BARE: ServiceInfo = ServiceInfo {
        name: "HelloService",
        methods: &[MethodInfo { name: "SayHello", path: "/HelloService/SayHello", kind: Kind::UNARY }],
        find: |name| if name == b"SayHello" { Some(0) } else { None },
    };

    fn router() -> Router<char> {
        let mut router = Router::new();
        router.add(&HELLO, 'h').unwrap();
        router.add(&BARE, 'b').unwrap();
        router
    }

    #[test]
    fn a_path_is_found_with_its_numbers() {
        let router = router();
        assert_eq!(router.methods(), 3);
        for (path, service, number, index) in [
            ("/hello.v1.HelloService/SayHello", 'h', 0, 0),
            ("/hello.v1.HelloService/BidiHello", 'h', 1, 1),
            ("/HelloService/SayHello", 'b', 0, 2),
        ] {
            let route = router.find(path.as_bytes()).unwrap();
            assert_eq!((*route.service, route.number, route.index, route.method.path), (service, number, index, path));
        }
    }

    #[test]
    fn what_is_unknown_is_named_with_what_there_is_instead() {
        let text = |path: &str| {
            let status = router().find(path.as_bytes()).unwrap_err();
            assert_eq!(status.code(), Code::Unimplemented);
            status.message().to_string()
        };
        assert_eq!(text("/a.B/C"), r#"unknown service "a.B" (of method "C")"#);
        assert_eq!(
            text("/x.helloservice/C"),
            r#"unknown service "x.helloservice" (of method "C"); there is hello.v1.HelloService"#
        );
        assert_eq!(
            text("/HelloService/sayHello"),
            r#"unknown method "sayHello" of service HelloService (there is SayHello)"#
        );
        assert_eq!(text("/HelloService/"), r#"unknown method "" of service HelloService"#);
    }

    #[test]
    fn a_path_that_is_none_is_never_dispatched() {
        for path in ["", "/", "HelloService/SayHello", "/SayHello", "*"] {
            let status = router().find(path.as_bytes()).unwrap_err();
            assert!(status.message().contains("is not a path of gRPC"), "{path}: {status}");
        }
        let status = router().find(b"//HelloService/SayHello").unwrap_err();
        assert!(status.message().contains("unknown service"), "{status}");
    }

    #[test]
    fn the_peers_bytes_are_escaped_and_cut() {
        let status = router().find(&[b'\n'; 1000]).unwrap_err();
        assert!(status.message().starts_with("\"\\n\\n"), "{status}");
        assert!(status.message().len() < 400, "{status}");
    }

    #[test]
    fn a_service_is_added_once() {
        let error = router().add(&BARE, 'c').unwrap_err();
        assert_eq!(
            error.to_string(),
            "the service HelloService was added twice; a server has one implementation of a service"
        );
    }
}
