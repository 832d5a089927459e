//! Callers on threads of their own: they leave their wakers with the loop, which wakes them after what happened.

use crate::world::{Far, SAY, TALK, Talk, carry};
use bytes::Bytes;
use proto_core::connection::Client;
use proto_core::rpc::driven::{Driven, Handlers, Lend, open, start};
use proto_core::rpc::{Peer, Request, RequestOptions, Router};
use proto_core::{Config, Instant};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

/// The client's end, for many threads.
#[derive(Clone)]
struct Near(Arc<Mutex<(Driven<Client>, Vec<Waker>)>>, Thread);

impl Lend<Driven<Client>> for Near {
    fn lend<O>(&self, act: impl FnOnce(&mut Driven<Client>) -> O) -> O {
        let value = act(&mut self.0.lock().unwrap().0);
        self.1.unpark();
        value
    }

    fn waiting(&self, cx: &mut Context<'_>) {
        self.0.lock().unwrap().1.push(cx.waker().clone());
    }
}

struct Parked(Thread);

impl Wake for Parked {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Polls when it is woken, and not before: whoever forgets to wake it hangs it.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let (mut future, woken) = (pin!(future), Arc::new((AtomicBool::new(true), thread::current())));
    struct Woken(Arc<(AtomicBool, Thread)>);
    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.0.store(true, SeqCst);
            self.0.1.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Woken(woken.clone())));
    loop {
        while !woken.0.swap(false, SeqCst) {
            thread::park();
        }
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return value;
        }
    }
}

/// The loop of both ends, on this thread, until `stop`. It sleeps while nothing happens.
fn drive(near: &Near, far: &Far, stop: &AtomicBool) {
    let services = Router::new().with_service(Talk(Arc::default())).unwrap();
    let mut handlers = Handlers::new(far.clone(), Arc::new(services), Peer::Unknown);
    let waker = Waker::from(Arc::new(Parked(thread::current())));
    let (mut there, mut back) = Default::default();
    let now = Instant::from_nanos(1);
    while !stop.load(SeqCst) {
        let mut moved = carry(
            &mut there,
            usize::MAX,
            |out| near.0.lock().unwrap().0.poll_transmit(now, out),
            |input| {
                let _ = far.lend(|far| far.receive(now, input));
            },
        );
        handlers.poll(&mut Context::from_waker(&waker));
        moved |= carry(
            &mut back,
            usize::MAX,
            |out| far.lend(|far| far.poll_transmit(now, out)),
            |input| {
                let _ = near.0.lock().unwrap().0.receive(now, input);
            },
        );
        if moved {
            let callers = std::mem::take(&mut near.0.lock().unwrap().1);
            callers.into_iter().for_each(Waker::wake);
        } else {
            thread::park();
        }
    }
}

#[test]
fn callers_of_many_threads_are_woken() {
    let now = Instant::from_nanos(1);
    let near = Near(Arc::new(Mutex::new((Driven::client(Config::default(), now), Vec::new()))), thread::current());
    let far = Far(Arc::new(Mutex::new(Driven::server(Config::default(), now))));
    let stop = AtomicBool::new(false);
    thread::scope(|s| {
        let callers: Vec<_> = (0..8)
            .map(|caller| {
                let near = near.clone();
                s.spawn(move || {
                    for i in 0..50 {
                        let name = Bytes::from(format!("{caller}/{i}"));
                        let reply = block_on(start(&near, &SAY, Request::new(name.clone())).reply()).unwrap();
                        assert_eq!(*reply, [b"Hello, ", &name[..]].concat());
                    }
                    let (mut requests, mut replies) = open(&near, &TALK, RequestOptions::new());
                    for _ in 0..50 {
                        let message = Bytes::from(vec![caller; 5000]);
                        block_on(requests.send(message.clone())).unwrap();
                        assert_eq!(block_on(replies.next()).unwrap().unwrap(), message);
                    }
                    requests.finish();
                    assert!(block_on(replies.next()).is_none());
                })
            })
            .collect();
        let (stop, driver) = (&stop, thread::current());
        s.spawn(move || {
            let ended: Vec<_> = callers.into_iter().map(|caller| caller.join()).collect();
            stop.store(true, SeqCst);
            driver.unpark();
            ended.into_iter().for_each(|end| end.expect("every caller is answered"));
        });
        drive(&near, &far, stop);
    });
}
