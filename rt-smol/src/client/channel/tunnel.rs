//! A tunnel through an HTTP proxy: asked for before anything else uses the pipe.
//!
//! What it does not do: choose the proxy, bound the time (the pure channel does both), TLS (which goes inside the tunnel).

use crate::os::Pipe;
use crate::sync::Lock;
use bytes::{Buf, Bytes};
use proto_core::h1::Connect;
use proto_core::rpc::Peer;
use std::future::poll_fn;
use std::io::{self, ErrorKind, IoSlice};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll};

/// Read at once while the proxy answers: an answer is short.
const CHUNK: usize = 4 * 1024;

/// Asks the proxy at the other end of `pipe`; the pipe through it.
pub(super) async fn through(pipe: Arc<dyn Pipe>, mut connect: Connect) -> io::Result<Arc<dyn Pipe>> {
    let left = poll_fn(|cx| ask(cx, &*pipe, &mut connect)).await?;
    if left.is_empty() {
        return Ok(pipe);
    }
    Ok(Arc::new(TunnelPipe { inner: pipe, left: Lock::new(left), is_drained: AtomicBool::new(false) }))
}

/// Writes and reads; in the end what came behind the proxy's answer.
fn ask(cx: &mut Context<'_>, pipe: &dyn Pipe, connect: &mut Connect) -> Poll<io::Result<Bytes>> {
    while !connect.transmit().is_empty() {
        match pipe.poll_write(cx, &[IoSlice::new(connect.transmit())]) {
            Poll::Ready(Ok(n @ 1..)) => connect.advance(n),
            Poll::Ready(Err(error)) if error.kind() == ErrorKind::Interrupted => {}
            // What the proxy said before it closed lies in the socket still.
            Poll::Ready(_) | Poll::Pending => break,
        }
    }
    let mut chunk = [0; CHUNK];
    loop {
        match std::task::ready!(pipe.poll_read(cx, &mut chunk)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Poll::Ready(Err(error)),
            Ok(0) => return Poll::Ready(Err(io::Error::other(connect.receive_eof()))),
            Ok(n) => {
                if let Some(eaten) = connect.receive(&chunk[..n]).map_err(io::Error::other)? {
                    return Poll::Ready(Ok(Bytes::copy_from_slice(&chunk[eaten..n])));
                }
            }
        }
    }
}

/// A tunnel of which something was read already.
#[derive(Debug)]
struct TunnelPipe {
    inner: Arc<dyn Pipe>,
    left: Lock<Bytes>,
    is_drained: AtomicBool,
}

impl Pipe for TunnelPipe {
    fn poll_read(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        if self.is_drained.load(Relaxed) {
            return self.inner.poll_read(cx, buf);
        }
        // One task reads.
        let mut left = self.left.lock();
        let n = left.len().min(buf.len());
        left.copy_to_slice(&mut buf[..n]);
        self.is_drained.store(left.is_empty(), Relaxed);
        Poll::Ready(Ok(n))
    }

    fn poll_write(&self, cx: &mut Context<'_>, segments: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        self.inner.poll_write(cx, segments)
    }

    fn try_write(&self, segments: &[IoSlice<'_>]) -> io::Result<usize> {
        self.inner.try_write(segments)
    }

    fn poll_close(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner.poll_close(cx)
    }

    fn peer(&self) -> Peer {
        self.inner.peer()
    }

    fn certificates(&self) -> &[Bytes] {
        self.inner.certificates()
    }
}
