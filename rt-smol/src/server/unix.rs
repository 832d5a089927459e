//! A Unix listener whose file goes with it.

use crate::os::{Listener, Pipe, SocketListener};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::task::{Context, Poll};

/// Listens at a path; removes the file when dropped, unless somebody else has put another one there.
#[derive(Debug)]
pub(super) struct PathListener {
    listener: SocketListener,
    path: PathBuf,
    file: Option<(u64, u64)>,
}

/// What tells a file from another one at the same path.
fn identity(path: &Path) -> Option<(u64, u64)> {
    std::fs::symlink_metadata(path).ok().map(|m| (m.dev(), m.ino()))
}

impl PathListener {
    pub(super) fn bind(path: &Path) -> io::Result<Self> {
        let listener = SocketListener::unix(UnixListener::bind(path)?)?;
        // A relative path would mean another file once the working directory has changed.
        let path = std::path::absolute(path)?;
        let file = identity(&path);
        Ok(PathListener { listener, path, file })
    }
}

impl Listener for PathListener {
    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Arc<dyn Pipe>>> {
        self.listener.poll_accept(cx)
    }
}

impl Drop for PathListener {
    fn drop(&mut self) {
        if self.file.is_some() && identity(&self.path) == self.file {
            // Gone already, or not ours to remove any more: nothing to be done about it here.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
