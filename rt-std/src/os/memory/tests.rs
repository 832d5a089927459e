//! Bytes through a pipe, on seeds.

use super::*;
use crate::testkit::Sim;
use std::time::Duration;

/// Copies everything from one end's input to its output, driven by a poller.
fn echo(os: &Arc<dyn Os>, pipe: &Arc<MemoryPipe>) {
    let poller = MemoryPoller::new(os.clone());
    poller.add(7, pipe.raw()).expect("a memory pipe can be watched");
    let (mut events, mut buf, mut out) = (Vec::new(), [0; 1000], VecDeque::new());
    loop {
        events.clear();
        poller.wait(&mut events, None);
        loop {
            while let Some(segment) = Some(out.as_slices().0).filter(|s| !s.is_empty()) {
                match pipe.try_write(&[segment]) {
                    Ok(n) => drop(out.drain(..n)),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(_) => return,
                }
            }
            match pipe.try_read(&mut buf) {
                Ok(0) => return,
                Ok(n) => out.extend(&buf[..n]),
                Err(_) => break,
            }
        }
    }
}

#[test]
fn bytes_come_back_whole_through_a_full_pipe_whatever_the_seed() {
    for seed in 0..30 {
        Sim::seed(seed).run(|sim| {
            let os = sim.os();
            let (near, far) = MemoryPipe::pair(&os);
            let server = sim.spawn("echo", move || echo(&os, &far));
            let writer = near.clone();
            let task = sim.spawn("writer", move || {
                let mut left: &[u8] = &vec![5; 300_000];
                while !left.is_empty() {
                    match writer.try_write(&[&left[..left.len().min(3)], &left[left.len().min(3)..]]) {
                        Ok(n) => left = &left[n..],
                        Err(_) => drop(writer.wait(false, true, None)),
                    }
                }
            });
            let (mut total, mut buf) = (0, [0; 7000]);
            while total < 300_000 {
                let n = near.read(&mut buf, None).expect("it comes");
                assert!(buf[..n].iter().all(|b| *b == 5));
                total += n;
            }
            task.join();
            near.close();
            server.join();
        });
    }
}

#[test]
fn a_read_ends_at_its_time_and_at_a_wake() {
    Sim::seed(1).run(|sim| {
        let (near, far) = MemoryPipe::pair(&sim.os());
        let until = Some(sim.now() + Duration::from_secs(1));
        assert_eq!(near.read(&mut [0], until).expect_err("nothing comes").kind(), ErrorKind::WouldBlock);
        let waker = near.clone();
        let task = sim.spawn("waker", move || waker.wake());
        assert!(near.wait(true, false, None).expect("it ends").woken);
        task.join();
        drop(far);
        assert_eq!(near.read(&mut [0], None).expect("the end"), 0);
        assert!(near.try_write(&[b"x"]).is_err());
    });
}

/// As a stream in non-blocking mode does on an idle connection, a hundred times a second.
#[test]
fn a_thread_that_waits_in_vain_again_and_again_leaves_nothing_behind() {
    Sim::seed(1).run(|sim| {
        let (near, _far) = MemoryPipe::pair(&sim.os());
        for _ in 0..50 {
            let soon = Some(sim.now() + Duration::from_millis(10));
            let ready = near.wait(true, false, soon).expect("it stands");
            assert!(!ready.read);
            let soon = Some(sim.now() + Duration::from_millis(10));
            near.read(&mut [0; 10], soon).expect_err("nothing comes");
        }
        assert_eq!(near.lock().waiters.len(), 0);
    });
}
