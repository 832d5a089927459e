//! A task for each connection, over the seam of the async runtime: its listener, pipes, timers and default executor.

use crate::served::Served;
use crate::{LINGER, PAUSE};
use futures_lite::future::{self, poll_fn};
use proto_core::{Incoming, Instant, Outgoing};
use rt_smol::os::{Listener, Os, Pipe, RealOs, SocketListener, Timer};
use std::io::{self, IoSlice};
use std::net::TcpListener;
use std::sync::Arc;
use std::task::Poll;

/// Serves for ever.
pub(crate) fn serve(listener: TcpListener) -> io::Result<()> {
    let os = RealOs::shared();
    let listener = SocketListener::tcp(listener)?;
    let mut timer = os.timer();
    future::block_on(async {
        loop {
            match poll_fn(|cx| listener.poll_accept(cx)).await {
                Ok(pipe) => {
                    let mut connection = Loop::new(os.clone(), pipe);
                    os.spawn(Box::pin(async move {
                        // A connection that breaks costs itself only.
                        let _ = connection.run().await;
                    }));
                }
                // EMFILE and its kin pass.
                Err(_) => {
                    timer.set(Some(os.now() + PAUSE));
                    poll_fn(|cx| timer.poll(cx)).await;
                }
            }
        }
    })
}

struct Loop {
    os: Arc<dyn Os>,
    pipe: Arc<dyn Pipe>,
    timer: Box<dyn Timer>,
    served: Served,
    incoming: Incoming,
    outgoing: Outgoing,
}

impl Loop {
    fn new(os: Arc<dyn Os>, pipe: Arc<dyn Pipe>) -> Self {
        let (timer, served) = (os.timer(), Served::new(os.now()));
        Loop { os, pipe, timer, served, incoming: Incoming::new(), outgoing: Outgoing::new() }
    }

    /// The whole loop: write, wait for input or time, receive, answer.
    async fn run(&mut self) -> io::Result<()> {
        loop {
            self.write_all().await?;
            if self.served.connection.close_reason().is_some() {
                return self.say_goodbye().await;
            }
            let due = self.served.connection.poll_timeout();
            let read = self.read(due).await;
            let (now, connection) = (self.os.now(), &mut self.served.connection);
            match read {
                Some(Ok(0)) => connection.receive_eof(now),
                Some(Ok(n)) => {
                    self.incoming.filled(n);
                    // The reason of an error stands in `close_reason`; its GOAWAY is written above.
                    let _ = connection.receive(now, &mut self.incoming);
                }
                Some(Err(error)) => connection.lost(now, error.to_string(), None),
                None => {}
            }
            connection.handle_timeout(now);
            self.served.answer();
        }
    }

    /// Reads until something comes; `None`: the time has come.
    async fn read(&mut self, due: Option<Instant>) -> Option<io::Result<usize>> {
        let Loop { pipe, timer, incoming, .. } = self;
        timer.set(due);
        let buf = incoming.spare();
        poll_fn(|cx| match pipe.poll_read(cx, buf) {
            Poll::Ready(read) => Poll::Ready(Some(read)),
            Poll::Pending => timer.poll(cx).map(|()| None),
        })
        .await
    }

    async fn write_all(&mut self) -> io::Result<()> {
        while self.served.connection.poll_transmit(self.os.now(), &mut self.outgoing) {
            while !self.outgoing.is_empty() {
                let mut segments = [&[][..]; 32];
                let used = self.outgoing.segments(&mut segments);
                let slices = segments.map(IoSlice::new);
                let n = poll_fn(|cx| self.pipe.poll_write(cx, &slices[..used])).await?;
                self.outgoing.advance(n);
            }
        }
        Ok(())
    }

    /// Lets the peer take the GOAWAY: closing at once with input unread would destroy it.
    async fn say_goodbye(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.pipe.poll_close(cx)).await?;
        let until = Some(self.os.now() + LINGER);
        while let Some(Ok(1..)) = self.read(until).await {}
        Ok(())
    }
}
