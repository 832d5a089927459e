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

/// A peer that has answered all there is, and takes nothing from its second write on.
struct Gone {
    writes: usize,
    said: Vec<u8>,
}

impl AsyncRead for Gone {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut io::ReadBuf<'_>) -> Poll<io::Result<()>> {
        // What it says is there when it has gone: the next read finds it, and then the end.
        if self.writes < 2 {
            return Poll::Pending;
        }
        buf.put_slice(&std::mem::take(&mut self.said));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Gone {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.writes += 1;
        Poll::Ready(if self.writes < 2 { Ok(bytes.len()) } else { Err(io::ErrorKind::BrokenPipe.into()) })
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn an_answer_that_came_before_a_write_failed_is_heard() {
    // SETTINGS; the head of a response to stream 1 that is its end: `:status: 200`, `content-type`, `grpc-status: 5`.
    let mut said = b"\0\0\0\x04\0\0\0\0\0\0\0\x2d\x01\x05\0\0\0\x01\x88".to_vec();
    said.extend_from_slice(b"\0\x0ccontent-type\x10application/grpc\0\x0bgrpc-status\x015");
    said[11] = u8::try_from(said.len() - 18).expect("it is short");
    let shared = Shared::new("example.com".into());
    let driver = tokio::spawn(drive(shared.clone(), Gone { writes: 0, said }));
    let hello = HelloServiceClient::new(Caller(shared.clone()));
    let answered = tokio::spawn(hello.say_hello(HelloRequest { greeting: "Ada".into() }).reply());
    while shared.lock().0.driver.is_none() {
        tokio::task::yield_now().await;
    }
    let cut = hello.say_hello(HelloRequest { greeting: "Bob".into() }).reply().await.expect_err("it is cut");
    let answered = answered.await.expect("nothing panics").expect_err("an error is an answer");
    driver.await.expect("nothing panics");
    assert!(answered.to_string().starts_with("NOT_FOUND"), "{answered}");
    assert!(cut.to_string().contains("broken pipe"), "{cut}");
}
