//! A pipe in TLS around a pipe in plain text.
//!
//! The state of `proto-tls` decides everything; this moves its bytes. A client's handshake is over before anybody else sees the
//! pipe ([`TlsPipe::connect`]). A server's is driven by its reads: until it is over nothing is written (HTTP/2 has nothing
//! to say before the client has spoken), and what is written nevertheless, at the end of its time, fails.
//!
//! A peer that is refused hears why: our direction ends behind the alert, and what it still sends is read and dropped until it
//! ends as well, so that no reset overtakes the alert.
//!
//! What it does not do: bound the time of the handshake (the core's timers do), choose settings.

use crate::os::Pipe;
use crate::sync::Lock;
use bytes::Bytes;
use proto_core::rpc::Peer;
use proto_tls::{Duplex, Scratch, Stage, TlsError, Writing};
use std::fmt;
use std::future::poll_fn;
use std::io::{self, ErrorKind, IoSlice};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

/// Reads in a row that bring no plaintext; then others have a turn.
const READS: usize = 16;
/// What a peer that was refused may still send, bytes.
const LAST_BYTES: usize = 256 * 1024;

/// Hears why a handshake failed.
pub(crate) type OnFailure = Box<dyn Fn(&dyn Pipe, &TlsError) + Send + Sync>;

/// TLS over another pipe.
pub(crate) struct TlsPipe {
    inner: Arc<dyn Pipe>,
    /// The handshake is over, and everything of it has left.
    stands: AtomicBool,
    certificates: OnceLock<Vec<Bytes>>,
    state: Lock<Duplex>,
    /// A server's: why the client was refused, and who hears of it.
    refused: Lock<Option<Refused>>,
    on_failure: Option<OnFailure>,
}

/// A client that was refused.
struct Refused {
    error: TlsError,
    /// Our direction has ended.
    closed: bool,
    /// Bytes that came since.
    dropped: usize,
}

impl fmt::Debug for TlsPipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsPipe").field("inner", &self.inner).field("stands", &self.stands).finish_non_exhaustive()
    }
}

impl TlsPipe {
    fn new(inner: Arc<dyn Pipe>, stage: Stage, on_failure: Option<OnFailure>) -> Self {
        TlsPipe {
            inner,
            stands: AtomicBool::new(false),
            certificates: OnceLock::new(),
            state: Lock::new(Duplex::new(stage)),
            refused: Lock::new(None),
            on_failure,
        }
    }

    /// A client's, after its handshake.
    pub(crate) async fn connect(inner: Arc<dyn Pipe>, stage: Stage) -> io::Result<Arc<dyn Pipe>> {
        let pipe = TlsPipe::new(inner, stage, None);
        poll_fn(|cx| pipe.poll_handshake(cx)).await?;
        Ok(Arc::new(pipe))
    }

    /// A server's.
    pub(crate) fn accept(inner: Arc<dyn Pipe>, stage: Stage, on_failure: OnFailure) -> Arc<dyn Pipe> {
        Arc::new(TlsPipe::new(inner, stage, Some(on_failure)))
    }

    /// Writes what waits, and this plaintext behind it, until some of the plaintext has left: how much, counted from the
    /// beginning of `plaintext`; 0 when there was nothing to write, or nothing is taken any more. Without a task: `WouldBlock`
    /// when there is no room.
    fn flush(&self, mut cx: Option<&mut Context<'_>>, plaintext: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        loop {
            let writing = match plaintext {
                [] => self.state.lock().begin_own(),
                _ => self.state.lock().begin_write(plaintext.iter().map(|segment| &**segment)),
            };
            let outbox = match (writing, &mut cx) {
                (Writing::Nothing, _) => return Poll::Ready(Ok(0)),
                (Writing::This(outbox), _) => outbox,
                (Writing::Busy, None) => return Poll::Ready(Err(ErrorKind::WouldBlock.into())),
                (Writing::Busy, Some(cx)) => {
                    // An alert is on its way, for a moment.
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
            };
            let segments = [IoSlice::new(outbox.bytes())];
            let wrote = match &mut cx {
                None => Poll::Ready(self.inner.try_write(&segments)),
                Some(cx) => self.inner.poll_write(cx, &segments),
            };
            let written = if let Poll::Ready(Ok(n)) = &wrote { *n } else { 0 };
            let accepted = self.state.lock().end_write(outbox, written);
            if accepted > 0 {
                return Poll::Ready(Ok(accepted));
            }
            match ready!(wrote) {
                Ok(0) => return Poll::Ready(Err(ErrorKind::WriteZero.into())),
                Err(error) if error.kind() != ErrorKind::Interrupted => return Poll::Ready(Err(error)),
                _ => {}
            }
        }
    }

    /// Writes what TLS has to say by itself.
    fn drain(&self, cx: Option<&mut Context<'_>>) -> Poll<io::Result<()>> {
        self.flush(cx, &[]).map_ok(drop)
    }

    /// Reads below, once, takes in what came and gives what plaintext there is. `None` at the end.
    fn take_in(&self, cx: &mut Context<'_>, scratch: &mut Scratch, buf: &mut [u8]) -> Poll<io::Result<Option<usize>>> {
        let room = scratch.room_for(buf.len());
        let n = match ready!(self.inner.poll_read(cx, room)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Poll::Ready(Ok(Some(0))),
            read => read?,
        };
        let (plaintext, alert) = match n {
            0 => (0, self.state.lock().take_in(&[])),
            _ => self.state.lock().take_through(&room[..n], buf),
        };
        if alert {
            // At once or not at all.
            let _ = self.drain(None);
        }
        Poll::Ready(Ok((n > 0).then_some(plaintext)))
    }

    /// The handshake, to its end.
    fn poll_handshake(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut scratch = Scratch::take();
        loop {
            let wrote = self.drain(Some(&mut *cx));
            if self.progress()? {
                return Poll::Ready(Ok(()));
            }
            if ready!(self.take_in(cx, &mut scratch, &mut []))?.is_none() && !self.progress()? {
                // What the peer said before it closed has been read.
                let error = if let Poll::Ready(Err(error)) = wrote { error } else { ErrorKind::UnexpectedEof.into() };
                return Poll::Ready(Err(error));
            }
        }
    }

    /// Is the handshake over? An error once it has failed.
    fn progress(&self) -> Result<bool, TlsError> {
        let mut state = self.state.lock();
        let stands = state.stands()?;
        if stands {
            let _ = self.certificates.set(state.certificates().to_vec());
            self.stands.store(true, Relaxed);
        }
        Ok(stands)
    }

    /// A server's handshake; a client that is refused is heard to its end.
    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.refused.lock().is_none() {
            let Err(error) = ready!(self.poll_handshake(cx)) else { return Poll::Ready(Ok(())) };
            let Some(error) = error.get_ref().and_then(|error| error.downcast_ref::<TlsError>()).cloned() else {
                return Poll::Ready(Err(error));
            };
            if let Some(tell) = &self.on_failure {
                tell(&*self.inner, &error);
            }
            *self.refused.lock() = Some(Refused { error, closed: false, dropped: 0 });
        }
        // One task reads: nobody else is at it.
        let Some(mut refused) = self.refused.lock().take() else { return Poll::Ready(Ok(())) };
        let over = self.poll_goodbye(cx, &mut refused);
        let error = refused.error.clone();
        *self.refused.lock() = Some(refused);
        ready!(over);
        Poll::Ready(Err(error.into()))
    }

    fn poll_goodbye(&self, cx: &mut Context<'_>, refused: &mut Refused) -> Poll<()> {
        if !refused.closed {
            if ready!(self.inner.poll_close(cx)).is_err() {
                return Poll::Ready(());
            }
            refused.closed = true;
        }
        let mut scratch = Scratch::take();
        while refused.dropped <= LAST_BYTES {
            match ready!(self.inner.poll_read(cx, &mut scratch)) {
                Ok(n @ 1..) => refused.dropped += n,
                Ok(0) | Err(_) => break,
            }
        }
        Poll::Ready(())
    }

    /// Plaintext is written once the handshake is over.
    fn write(&self, cx: Option<&mut Context<'_>>, segments: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        if !self.stands.load(Relaxed) {
            let text = "the TLS handshake was not over";
            return Poll::Ready(Err(io::Error::new(ErrorKind::NotConnected, text)));
        }
        if segments.iter().all(|segment| segment.is_empty()) {
            return Poll::Ready(Ok(0));
        }
        match ready!(self.flush(cx, segments))? {
            0 => {
                let failure = self.state.lock().failure().cloned();
                Poll::Ready(Err(failure.map_or_else(|| ErrorKind::BrokenPipe.into(), io::Error::from)))
            }
            n => Poll::Ready(Ok(n)),
        }
    }
}

/// Whoever is dropped unclosed says goodbye if there is room.
impl Drop for TlsPipe {
    fn drop(&mut self) {
        self.state.lock().close();
        let _ = self.drain(None);
    }
}

impl Pipe for TlsPipe {
    fn poll_read(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        if !self.stands.load(Relaxed) {
            ready!(self.poll_accept(cx))?;
        }
        let mut scratch = Scratch::take();
        for _ in 0..READS {
            let out = self.state.lock().take_out(buf);
            if let Some(n) = out? {
                return Poll::Ready(Ok(n));
            }
            match ready!(self.take_in(cx, &mut scratch, buf))? {
                Some(0) => {}
                Some(n) => return Poll::Ready(Ok(n)),
                None => {
                    let out = self.state.lock().take_out(buf);
                    return Poll::Ready(Ok(out?.unwrap_or(0)));
                }
            }
        }
        Poll::Ready(Err(ErrorKind::Interrupted.into()))
    }

    fn poll_write(&self, cx: &mut Context<'_>, segments: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        self.write(Some(cx), segments)
    }

    fn try_write(&self, segments: &[IoSlice<'_>]) -> io::Result<usize> {
        match self.write(None, segments) {
            Poll::Ready(result) => result,
            Poll::Pending => Err(ErrorKind::WouldBlock.into()),
        }
    }

    fn poll_close(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.state.lock().close();
        // Whoever cannot write any more ends the direction all the same.
        let _ = ready!(self.drain(Some(&mut *cx)));
        self.inner.poll_close(cx)
    }

    fn peer(&self) -> Peer {
        self.inner.peer()
    }

    fn certificates(&self) -> &[Bytes] {
        self.certificates.get().map_or(&[], Vec::as_slice)
    }
}
