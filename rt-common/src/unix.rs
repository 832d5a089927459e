//! The file of a Unix listener, which goes with it.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

/// A listener at a path, with the file's owner, to be kept as long as it listens.
///
/// # Errors
/// The system's.
pub fn listen(path: &Path) -> io::Result<(UnixListener, SocketFile)> {
    let listener = UnixListener::bind(path)?;
    // A relative path would mean another file once the working directory has changed.
    let path = std::path::absolute(path)?;
    let identity = identity(&path);
    Ok((listener, SocketFile { path, identity }))
}

/// Removes the file when dropped, unless somebody else has put another one there.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    identity: Option<(u64, u64)>,
}

/// What tells a file from another one at the same path.
fn identity(path: &Path) -> Option<(u64, u64)> {
    std::fs::symlink_metadata(path).ok().map(|m| (m.dev(), m.ino()))
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.identity.is_some() && identity(&self.path) == self.identity {
            // Gone already, or not ours to remove any more: nothing to be done about it here.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
