//! What the simulation itself promises.

use super::*;
use proto_core::time::Instant;
use std::future::poll_fn;
use std::io::{ErrorKind, IoSlice};
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

async fn read(pipe: &dyn crate::os::Pipe) -> std::io::Result<Vec<u8>> {
    let mut buf = [0; 64];
    let n = poll_fn(|cx| pipe.poll_read(cx, &mut buf)).await?;
    Ok(buf[..n].to_vec())
}

#[test]
fn the_same_seed_is_the_same_run_poll_by_poll_and_another_one_is_not() {
    let run = |seed| {
        Sim::seed(seed)
            .try_run(async |sim| {
                let (near, far) = sim.pair();
                let reading = sim.spawn(async move {
                    let mut all = Vec::new();
                    while all.len() < 1000 {
                        all.append(&mut read(&*far).await.expect("it stands"));
                    }
                    all
                });
                let mut sent = 0;
                while sent < 1000 {
                    let bytes = [sent as u8; 100];
                    sent += near.try_write(&[IoSlice::new(&bytes[..100.min(1000 - sent)])]).expect("there is room");
                    sim.sleep(MS).await;
                }
                reading.await
            })
            .expect("nothing goes wrong")
    };
    let (first, again, other) = (run(3), run(3), run(4));
    assert_eq!(first, again);
    assert_ne!(first.1.trace, other.1.trace);
}

#[test]
fn time_passes_only_when_nobody_can_run() {
    Sim::seed(1).run(async |sim| {
        let order = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let tasks: Vec<_> = [3, 1, 2]
            .into_iter()
            .map(|n| {
                let (inner, order) = (sim.clone(), order.clone());
                sim.spawn(async move {
                    inner.sleep(MS * n).await;
                    order.lock().expect("nobody panics").push(n);
                    inner.now()
                })
            })
            .collect();
        let start = sim.now();
        for (task, n) in tasks.into_iter().zip([3, 1, 2]) {
            assert_eq!(task.await, start + MS * n);
        }
        assert_eq!(*order.lock().expect("nobody panics"), [1, 2, 3]);
    });
}

#[test]
fn a_deadlock_a_panic_and_a_livelock_are_failures_that_name_the_seed() {
    let stuck = Sim::seed(5).try_run(async |_| std::future::pending::<()>().await).expect_err("a deadlock");
    assert!(stuck.seed == 5 && stuck.what.contains("deadlock"), "{stuck}");
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let bad = Sim::seed(6).try_run(async |sim| sim.spawn(async { panic!("by plan") }).await);
    std::panic::set_hook(hook);
    assert!(bad.expect_err("a panic").to_string().contains("by plan"));
    let spin = Sim::seed(7).with_max_polls(1000).try_run(async |_| {
        poll_fn(|cx| {
            cx.waker().wake_by_ref();
            std::task::Poll::<()>::Pending
        })
        .await
    });
    assert!(spin.expect_err("a livelock").what.contains("livelock"));
}

#[test]
fn links_are_cut_held_and_refused() {
    Sim::seed(8).run(async |sim| {
        let (near, far) = sim.pair();
        sim.hold_links(true);
        near.try_write(&[IoSlice::new(b"x")]).expect("there is room");
        sim.sleep(5 * MS).await;
        let held: Instant = sim.now();
        sim.hold_links(false);
        assert_eq!(read(&*far).await.expect("it came"), b"x");
        assert!(sim.now() > held);
        sim.cut_link_after(3 * MS);
        assert_eq!(read(&*far).await.expect_err("it was cut").kind(), ErrorKind::ConnectionReset);
        assert!(near.try_write(&[IoSlice::new(b"x")]).is_err());
        let nobody = crate::os::Address::Tcp("10.9.9.9:1".parse().expect("an address"));
        assert_eq!(sim.os().connect(&nobody).await.expect_err("nobody listens").kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn an_end_comes_behind_what_was_written() {
    Sim::seed(9).run(async |sim| {
        let (near, far) = sim.pair();
        let n = near.try_write(&[IoSlice::new(b"last words")]).expect("there is room");
        drop(near);
        let mut all = Vec::new();
        loop {
            match read(&*far).await.expect("it ends well") {
                bytes if bytes.is_empty() => break,
                mut bytes => all.append(&mut bytes),
            }
        }
        assert_eq!(all, b"last words"[..n]);
    });
}
