//! A reply with its metadata: [`Response`].

use crate::grpc::{Metadata, MetadataError, Status};
use alloc::boxed::Box;
use alloc::format;
use core::ops::{Deref, DerefMut};

/// A reply with its metadata. Dereferences to the message.
///
/// ```
/// # use proto_core::rpc::Response;
/// let response = Response::new("Hello, Ada!").with_metadata("x-server", "1").with_trailer("x-cost", "3");
/// assert_eq!(response.len(), 11);
/// assert_eq!(response.trailers().get("x-cost"), Some("3"));
/// ```
#[derive(Clone, Debug)]
pub struct Response<M> {
    message: M,
    metadata: Metadata,
    trailers: Metadata,
    all_sent: bool,
    /// The first metadata mistake; boxed, since it is rare and a response is moved about.
    mistake: Option<Box<MetadataError>>,
}

impl<M> Response<M> {
    /// A reply without metadata.
    pub fn new(message: M) -> Self {
        Self::from_parts(message, Metadata::new(), Metadata::new(), true)
    }

    /// Client: what a runtime makes of a reply. `all_sent`: false after an answer that came before all requests were sent.
    pub fn from_parts(message: M, metadata: Metadata, trailers: Metadata, all_sent: bool) -> Self {
        Response { message, metadata, trailers, all_sent, mistake: None }
    }

    /// The message, initial metadata, trailing metadata.
    pub fn into_parts(self) -> (M, Metadata, Metadata) {
        (self.message, self.metadata, self.trailers)
    }

    /// The message.
    pub fn into_inner(self) -> M {
        self.message
    }

    /// The same response with another message.
    pub fn map<N>(self, f: impl FnOnce(M) -> N) -> Response<N> {
        let Response { message, metadata, trailers, all_sent, mistake } = self;
        Response { message: f(message), metadata, trailers, all_sent, mistake }
    }

    /// Initial metadata.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Initial metadata, to be changed.
    pub fn metadata_mut(&mut self) -> &mut Metadata {
        &mut self.metadata
    }

    /// Trailing metadata.
    pub fn trailers(&self) -> &Metadata {
        &self.trailers
    }

    /// Trailing metadata, to be changed.
    pub fn trailers_mut(&mut self) -> &mut Metadata {
        &mut self.trailers
    }

    /// Client: false when the server answered before all requests were sent.
    pub fn all_sent(&self) -> bool {
        self.all_sent
    }

    /// Adds initial metadata. A key or value that a header cannot carry makes the call fail with INTERNAL and a message
    /// that names it; `metadata_mut().insert(..)` says so at once.
    #[must_use]
    pub fn with_metadata(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        let result = self.metadata.insert(name.as_ref(), value.as_ref());
        self.note(result)
    }

    /// Adds binary initial metadata; the name ends in `-bin`.
    #[must_use]
    pub fn with_metadata_bin(mut self, name: impl AsRef<str>, value: impl AsRef<[u8]>) -> Self {
        let result = self.metadata.insert_bin(name.as_ref(), value.as_ref());
        self.note(result)
    }

    /// Adds trailing metadata. Mistakes as with [`with_metadata`](Self::with_metadata).
    #[must_use]
    pub fn with_trailer(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        let result = self.trailers.insert(name.as_ref(), value.as_ref());
        self.note(result)
    }

    /// Adds binary trailing metadata; the name ends in `-bin`.
    #[must_use]
    pub fn with_trailer_bin(mut self, name: impl AsRef<str>, value: impl AsRef<[u8]>) -> Self {
        let result = self.trailers.insert_bin(name.as_ref(), value.as_ref());
        self.note(result)
    }

    /// For a runtime: what is wrong with the metadata, as the status that the call ends with.
    pub fn check(&self) -> Result<(), Status> {
        match &self.mistake {
            Some(mistake) => Err(Status::internal(format!("the handler's reply cannot be sent: {mistake}"))
                .with_source((**mistake).clone())),
            None => Ok(()),
        }
    }

    fn note(mut self, result: Result<(), MetadataError>) -> Self {
        if let Err(mistake) = result {
            self.mistake.get_or_insert_with(|| Box::new(mistake));
        }
        self
    }
}

impl<M> From<M> for Response<M> {
    fn from(message: M) -> Self {
        Response::new(message)
    }
}

impl<M> Deref for Response<M> {
    type Target = M;
    fn deref(&self) -> &M {
        &self.message
    }
}

impl<M> DerefMut for Response<M> {
    fn deref_mut(&mut self) -> &mut M {
        &mut self.message
    }
}
