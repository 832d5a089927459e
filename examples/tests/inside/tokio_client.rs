//! The client's loop on a socket that counts.

use super::*;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// A peer that takes everything and says nothing; how often it was asked.
struct Silent(Arc<AtomicUsize>);

impl AsyncRead for Silent {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut io::ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.0.fetch_add(1, Relaxed);
        Poll::Pending
    }
}

impl AsyncWrite for Silent {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn a_call_that_waits_keeps_nobody_busy() {
    let (shared, turns) = (Shared::new("example.com".into()), Arc::new(AtomicUsize::new(0)));
    tokio::spawn(drive(shared.clone(), Silent(turns.clone())));
    let hello = HelloServiceClient::new(Caller(shared.clone()));
    let call = tokio::spawn(hello.say_hello(HelloRequest { greeting: "Ada".into() }).reply());
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    assert!(!call.is_finished());
    let turns = turns.load(Relaxed);
    assert!(turns < 10, "the loop has turned {turns} times, and nothing has happened");
    assert_eq!(shared.lock().0.callers.len(), 1);
}
