//! The services of a server: a path to a method, a method to its service.

use super::job::Found;
use proto_core::grpc::Status;
use proto_core::rpc::{BlockingService, DuplicateService, Router};
use std::sync::Arc;

/// All services.
#[derive(Default)]
pub(super) struct Services {
    router: Router<usize>,
    services: Vec<Arc<dyn BlockingService>>,
}

impl std::fmt::Debug for Services {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.router.fmt(f)
    }
}

impl Services {
    pub(super) fn add(&mut self, service: Arc<dyn BlockingService>) -> Result<(), DuplicateService> {
        self.router.add(service.info(), self.services.len())?;
        self.services.push(service);
        Ok(())
    }

    /// No service was added.
    pub(super) fn is_empty(&self) -> bool {
        self.services.is_empty()
    }

    /// How many methods there are in all.
    pub(super) fn methods(&self) -> usize {
        self.router.methods()
    }

    /// The method of this path, or the status that says what is unknown.
    pub(super) fn find(&self, path: &str) -> Result<Found, Status> {
        let route = self.router.find(path.as_bytes())?;
        let (kind, path) = (route.method.kind, route.method.path);
        Ok(Found { service: *route.service, method: route.number, index: route.index, kind, path })
    }

    /// The service of a method that `find` has found.
    pub(super) fn service(&self, found: &Found) -> &dyn BlockingService {
        // `find` gives the index at which `add` pushed it; services are never removed.
        &*self.services[found.service]
    }
}
