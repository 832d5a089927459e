//! To and from `http::HeaderMap`, for code that speaks the vocabulary of the `http` crate. Binary values are base64
//! there.

use super::{Metadata, MetadataError, names, wire};
use alloc::string::String;
use alloc::vec::Vec;
use http::header::{HeaderMap, HeaderName, HeaderValue};

impl TryFrom<&HeaderMap> for Metadata {
    type Error = MetadataError;

    /// Order within a name is kept. A `-bin` value is decoded; one that is not base64 is an error, as is a name that
    /// an application cannot set.
    fn try_from(map: &HeaderMap) -> Result<Metadata, MetadataError> {
        let mut metadata = Metadata::new();
        for (name, value) in map {
            names::check(name.as_str())?;
            metadata
                .append_received(name.as_str().as_bytes(), value.as_bytes(), value.is_sensitive())
                .map_err(|_| MetadataError::value(name.as_str(), value.as_bytes()))?;
        }
        Ok(metadata)
    }
}

impl From<&Metadata> for HeaderMap {
    /// Entries whose name or value `http` does not take are left out; there are none but what a peer sent against the
    /// rules.
    fn from(metadata: &Metadata) -> HeaderMap {
        let mut map = HeaderMap::with_capacity(metadata.len());
        let mut scratch = Vec::new();
        metadata.for_each_field(&mut scratch, |name, value, sensitive| {
            if let (Ok(name), Ok(mut value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
                value.set_sensitive(sensitive);
                map.append(name, value);
            }
        });
        map
    }
}

impl Metadata {
    /// The base64 form of a binary value, as it travels.
    pub fn base64(value: &[u8]) -> String {
        let mut encoded = Vec::new();
        wire::encode_bin(value, &mut encoded);
        encoded.into_iter().map(char::from).collect()
    }
}
