use super::*;
use crate::testkit::Random;
use alloc::vec;
use alloc::vec::Vec;
use bytes::{Buf, Bytes};

#[test]
fn spare_room_is_at_least_16_kib_whatever_waits() {
    let mut incoming = Incoming::new();
    for n in [1, 60_000, 16_000, 30_000, 100_000] {
        assert!(incoming.spare().len() >= 16 * 1024);
        incoming.extend_from_slice(&vec![7; n]);
    }
    assert!(incoming.spare().len() >= 16 * 1024);
    assert_eq!(incoming.as_slice().len(), 206_001);
    assert!(incoming.as_slice().iter().all(|b| *b == 7));
}

#[test]
fn filling_more_than_there_is_room_for_counts_as_all_of_it() {
    let mut incoming = Incoming::new();
    incoming.filled(10);
    assert_eq!(incoming.as_slice().len(), 0);
    let room = incoming.spare().len();
    incoming.filled(usize::MAX);
    assert_eq!(incoming.as_slice().len(), room);
}

#[test]
fn consuming_more_than_there_is_counts_as_all_of_it() {
    let mut incoming = Incoming::new();
    incoming.extend_from_slice(b"0123456789");
    incoming.consume(3);
    incoming.consume(usize::MAX);
    assert_eq!(incoming.as_slice(), b"");
}

#[test]
fn a_shared_part_survives_what_is_read_later() {
    let mut incoming = Incoming::new();
    incoming.extend_from_slice(b"0123456789");
    let part = incoming.share(1, 2..5);
    incoming.consume(6);
    incoming.spare()[..3].copy_from_slice(b"abc");
    incoming.filled(3);
    assert_eq!(&part[..], b"234");
    assert_eq!(incoming.as_slice(), b"6789abc");
}

#[test]
fn the_memory_of_a_shared_chunk_comes_back_once_its_parts_are_gone() {
    let mut incoming = Incoming::new();
    let mut addresses = Vec::new();
    for _ in 0..20 {
        let spare = incoming.spare();
        addresses.push(spare.as_ptr() as usize);
        let n = spare.len();
        incoming.filled(n);
        drop(incoming.share(1, 0..n));
        incoming.consume(n);
    }
    addresses.sort_unstable();
    addresses.dedup();
    assert!(addresses.len() <= 2, "{} chunks for one reader", addresses.len());
}

#[test]
fn only_a_quarter_of_the_chunk_is_worth_sharing() {
    let mut incoming = Incoming::new();
    incoming.spare();
    assert!(incoming.is_worth_sharing(16 * 1024));
    assert!(!incoming.is_worth_sharing(16 * 1024 - 1));
    assert_eq!(incoming.chunk_len(), 64 * 1024 + 64);
}

#[test]
fn a_frame_longer_than_a_chunk_grows_by_doubling() {
    let mut incoming = Incoming::new();
    let (mut sizes, mut read) = (Vec::new(), 0);
    while read < 4_000_000 {
        let n = incoming.spare().len().min(10_000);
        incoming.filled(n);
        read += n;
        sizes.push(incoming.chunk_len());
    }
    assert_eq!(incoming.as_slice().len(), read);
    sizes.dedup();
    assert!(sizes.len() < 10 && incoming.chunk_len() < 3 * read, "{sizes:?}");
}

#[test]
fn what_is_shared_is_counted_by_owner_and_chunk() {
    let mut incoming = Incoming::new();
    incoming.extend_from_slice(&[0; 100]);
    let _parts = [incoming.share(1, 0..10), incoming.share(1, 10..40)];
    assert_eq!((incoming.shared_with(1), incoming.shared_with(3)), (40, 0));
    let _part = incoming.share(3, 40..50);
    assert_eq!((incoming.shared_with(1), incoming.shared_with(3)), (0, 10));
    incoming.spare();
    assert_eq!(incoming.shared_with(3), 0);
}

#[test]
fn releasing_memory_never_loses_bytes() {
    let mut incoming = Incoming::new();
    incoming.extend_from_slice(b"half a frame");
    incoming.release_memory();
    assert_eq!(incoming.as_slice(), b"half a frame");
    incoming.consume(12);
    incoming.release_memory();
    assert_eq!(incoming.as_slice(), b"");
}

/// Any sequence of writes comes out in order, through any sizes of `segments` and `advance`, and is counted.
#[test]
fn outgoing_behaves_like_a_plain_queue_of_bytes() {
    for seed in 0..200 {
        let mut random = Random::seed(seed);
        let mut filling = Outgoing::new();
        let mut draining = Outgoing::new();
        let (mut expected, mut got) = (Vec::new(), Vec::new());
        for _ in 0..100 {
            match random.below(4) {
                0 => {
                    let mut bytes = vec![0; random.below(30)];
                    random.fill(&mut bytes);
                    expected.extend_from_slice(&bytes);
                    filling.buf_mut().extend_from_slice(&bytes);
                }
                1 => {
                    let mut bytes = vec![0; random.below(30)];
                    random.fill(&mut bytes);
                    expected.extend_from_slice(&bytes);
                    filling.push_shared(Bytes::from(bytes));
                }
                2 if draining.is_empty() => draining.swap_content(&mut filling),
                _ => drain(&mut draining, &mut random, &mut got),
            }
            assert_eq!(got.len() as u64, draining.written());
        }
        while !draining.is_empty() {
            drain(&mut draining, &mut random, &mut got);
        }
        draining.swap_content(&mut filling);
        while !draining.is_empty() {
            drain(&mut draining, &mut random, &mut got);
        }
        assert_eq!(got, expected, "seed {seed}");
        assert_eq!(draining.len(), 0);
    }
}

fn drain(from: &mut Outgoing, random: &mut Random, got: &mut Vec<u8>) {
    let mut segments = [&[][..]; 4];
    let used = from.segments(&mut segments[..random.below(5)]);
    let bytes = segments[..used].concat();
    assert!(segments[..used].iter().all(|s| !s.is_empty()));
    if used > 0 {
        assert_eq!(from.chunk(), segments[0]);
    }
    assert_eq!(from.chunk().is_empty(), from.is_empty());
    assert!(bytes.len() <= from.len());
    let n = random.below(bytes.len() + 1);
    got.extend_from_slice(&bytes[..n]);
    from.advance(n);
}

#[test]
fn advancing_too_far_counts_what_there_was() {
    let mut out = Outgoing::new();
    out.buf_mut().extend_from_slice(b"abc");
    out.push_shared(Bytes::from_static(b"de"));
    out.advance(usize::MAX);
    assert_eq!((out.written(), out.is_empty(), out.len()), (5, true, 0));
}

#[test]
fn a_message_of_mixed_parts_reads_in_order() {
    for seed in 0..200 {
        let mut random = Random::seed(seed);
        let mut message = MessageBuf::new();
        for _ in 0..2 {
            let mut expected = Vec::new();
            for _ in 0..random.below(8) {
                let mut bytes = vec![0; random.below(9)];
                random.fill(&mut bytes);
                expected.extend_from_slice(&bytes);
                if random.one_in(2) { message.push(Bytes::from(bytes)) } else { message.extend_from_slice(&bytes) }
            }
            let mut got = Vec::new();
            while message.has_remaining() {
                let n = 1 + random.below(message.chunk().len());
                got.extend_from_slice(&message.chunk()[..n]);
                message.advance(n);
            }
            assert_eq!(got, expected, "seed {seed}");
            message.clear();
        }
    }
}

#[test]
fn a_byte_queue_gives_back_what_it_got_in_order() {
    for seed in 0..300 {
        let mut random = Random::seed(seed);
        let mut queue = ByteQueue::default();
        let (mut expected, mut got) = (Vec::new(), Vec::new());
        for _ in 0..60 {
            let mut bytes = vec![0; if random.one_in(4) { random.below(9_000) } else { random.below(50) }];
            random.fill(&mut bytes);
            match random.below(3) {
                0 => {
                    expected.extend_from_slice(&bytes);
                    queue.push_copy(&bytes);
                }
                1 => {
                    expected.extend_from_slice(&bytes);
                    queue.push_shared(Bytes::from(bytes));
                }
                _ => take(&mut queue, bytes.len(), &mut got, &expected),
            }
            assert_eq!(queue.len(), expected.len() - got.len());
        }
        take(&mut queue, usize::MAX, &mut got, &expected);
        assert!(queue.is_empty());
        assert_eq!(got, expected, "seed {seed}");
    }
}

fn take(queue: &mut ByteQueue, n: usize, got: &mut Vec<u8>, expected: &[u8]) {
    let mut seen = [0; 40];
    let peeked = queue.peek(0, &mut seen);
    assert_eq!(seen[..peeked], expected[got.len()..][..peeked]);
    assert_eq!(peeked, queue.len().min(40));
    let before = got.len();
    let taken = queue.take(n, |piece| match piece {
        Piece::Copied(bytes) => got.extend_from_slice(bytes),
        Piece::Shared(bytes) => got.extend_from_slice(&bytes),
    });
    assert_eq!(taken, got.len() - before);
}

#[test]
fn a_byte_queue_keeps_its_small_buffer_and_gives_back_a_large_one() {
    let mut queue = ByteQueue::default();
    queue.push_copy(&[1; 1_000]);
    queue.reset();
    assert!(queue.capacity() >= 1_000, "the next stream allocates again");
    queue.push_copy(&[2; 100_000]);
    queue.push_shared(Bytes::from(vec![3; 16_000]));
    queue.push_copy(&[4; 16_000]);
    queue.reset();
    assert!(queue.capacity() <= 16 * 1024, "{} bytes kept", queue.capacity());
    assert!(queue.is_empty());
}

#[test]
fn bytes_taken_out_of_a_message_share_its_memory_where_they_can() {
    let large = Bytes::from(vec![7; 1_000]);
    let mut message = MessageBuf::new();
    message.extend_from_slice(&[1, 2, 3]);
    message.push(large.clone());
    message.extend_from_slice(&[4, 5]);
    message.push(large.clone());
    assert_eq!(message.copy_to_bytes(2), &[1, 2][..]);
    // Across the boundary it is a copy, inside of one part it is not.
    assert_eq!(message.copy_to_bytes(2), &[3, 7][..]);
    let part = message.copy_to_bytes(999);
    assert_eq!(part.as_ptr(), large[1..].as_ptr());
    assert_eq!(message.copy_to_bytes(2), &[4, 5][..]);
    assert_eq!(message.copy_to_bytes(5_000).as_ptr(), large.as_ptr());
    assert_eq!((message.remaining(), message.copy_to_bytes(1).len()), (0, 0));
}
