//! How a simulated network behaves, and one link of it: bytes on their way, each with the time of its arrival, in two
//! directions of limited capacity. Simulations of runtimes build their pipes on it; who waits for what is theirs.

use crate::time::Instant;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;

/// How the simulated network behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// Bytes that a direction of a link holds before a writer blocks (default 64 KiB).
    pub capacity: usize,
    /// From a write to the other end's read (default 50 us); a connect takes as long.
    pub delay: Duration,
    /// Up to so much is added to each delay, as the seed will have it; order is kept (default none).
    pub jitter: Duration,
    /// Reads and writes are cut short now and then (default true).
    pub chop: bool,
    /// One write in so many breaks its link; 0 is never (default).
    pub loss: u32,
    /// How long a host name takes to resolve (default 1 ms).
    pub resolve_delay: Duration,
    /// `accept` fails now and then, as with EMFILE (default false).
    pub accept_errors: bool,
    /// The system has no thread to give now and then (default false). Of no account where there are no threads.
    pub spawn_errors: bool,
}

impl Default for Network {
    fn default() -> Self {
        Network {
            capacity: 64 * 1024,
            delay: Duration::from_micros(50),
            jitter: Duration::ZERO,
            chop: true,
            loss: 0,
            resolve_delay: Duration::from_millis(1),
            accept_errors: false,
            spawn_errors: false,
        }
    }
}

impl Network {
    /// When something that is sent now arrives. `random` chooses within the jitter.
    pub fn arrival(&self, now: Instant, random: u64) -> Instant {
        let nanos = u64::try_from(self.jitter.as_nanos()).unwrap_or(u64::MAX);
        now + self.delay + Duration::from_nanos(random.checked_rem(nanos).unwrap_or(0))
    }
}

/// One direction: what a side has to read.
#[derive(Debug, Default)]
struct Half {
    chunks: VecDeque<(Instant, Vec<u8>)>,
    used: usize,
    /// The end can be read from then on.
    closed_at: Option<Instant>,
}

impl Half {
    fn readable_at(&self) -> Option<Instant> {
        let chunk = self.chunks.front().map(|c| c.0);
        match (chunk, self.closed_at) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }
}

/// Why nothing moved on a [`Link`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stuck {
    /// Nothing is there to be read, or there is no room to write, yet.
    NotYet,
    /// The link is cut, or was never accepted.
    Reset,
    /// The other side has closed, or this one has.
    Closed,
}

/// A link between two sides, 0 (who connected) and 1 (who accepted).
#[derive(Debug)]
pub struct Link {
    halves: [Half; 2],
    stands_at: Option<Instant>,
    refused: bool,
    cut_at: Option<Instant>,
    /// Made of what each side has said.
    said: [u64; 2],
}

impl Link {
    /// Never arrives, as long as the network is held ([`release`](Self::release)).
    pub const HELD: Instant = Instant::from_nanos(u64::MAX);

    /// Stands, or turns out to be refused, at this time; `None`: never.
    pub fn new(stands_at: Option<Instant>) -> Self {
        Link { halves: Default::default(), stands_at, refused: false, cut_at: None, said: [0; 2] }
    }

    /// Nobody accepts it.
    pub fn refuse(&mut self) {
        self.refused = true;
    }

    /// Nobody accepts it?
    pub fn is_refused(&self) -> bool {
        self.refused
    }

    /// When it stands, or turns out to be refused.
    pub fn stands_at(&self) -> Option<Instant> {
        self.stands_at
    }

    /// It neither stands nor fails.
    pub fn never_stands(&mut self) {
        self.stands_at = None;
    }

    /// Breaks it at `at`, unless it breaks sooner.
    pub fn cut(&mut self, at: Instant) {
        self.cut_at = Some(self.cut_at.map_or(at, |t| t.min(at)));
    }

    /// When it breaks.
    pub fn cut_at(&self) -> Option<Instant> {
        self.cut_at
    }

    /// Is it broken?
    pub fn is_cut(&self, now: Instant) -> bool {
        self.cut_at.is_some_and(|at| at <= now)
    }

    /// What was held back arrives at `at`.
    pub fn release(&mut self, at: Instant) {
        for half in &mut self.halves {
            for chunk in half.chunks.iter_mut().filter(|chunk| chunk.0 == Self::HELD) {
                chunk.0 = at;
            }
            if half.closed_at == Some(Self::HELD) {
                half.closed_at = Some(at);
            }
        }
    }

    /// May `side` write, or has it to notice that it cannot any more?
    pub fn is_writable(&self, side: usize, capacity: usize, now: Instant) -> bool {
        let half = &self.halves[1 - side];
        self.refused || half.used < capacity || half.closed_at.is_some() || self.is_cut(now)
    }

    /// Is there something for `side` to read, or an end, now; and if not, when.
    pub fn readable(&self, side: usize, now: Instant) -> (bool, Option<Instant>) {
        let at = self.halves[side].readable_at();
        let at = [at, self.cut_at].into_iter().flatten().min();
        (self.refused || at.is_some_and(|at| at <= now), at)
    }

    /// Bytes, or the end, have arrived for `side`; a broken link counts for nothing.
    pub fn has_arrived(&self, side: usize, now: Instant) -> bool {
        self.halves[side].readable_at().is_some_and(|at| at <= now)
    }

    /// The end has come for what `side` reads.
    pub fn has_ended(&self, side: usize, now: Instant) -> bool {
        self.halves[side].closed_at.is_some_and(|at| at <= now) || self.is_cut(now)
    }

    /// Reads what has arrived, at most `most` bytes. `Ok(0)`: the end, or no room in `buf`.
    pub fn read(&mut self, side: usize, now: Instant, buf: &mut [u8], most: usize) -> Result<usize, Stuck> {
        if self.is_cut(now) || self.refused {
            return Err(Stuck::Reset);
        }
        let half = &mut self.halves[side];
        let room = buf.len().min(most);
        let mut n = 0;
        while let Some((at, chunk)) = half.chunks.front_mut() {
            if *at > now || n == room {
                break;
            }
            let take = chunk.len().min(room - n);
            buf[n..n + take].copy_from_slice(&chunk[..take]);
            chunk.drain(..take);
            n += take;
            if chunk.is_empty() {
                half.chunks.pop_front();
            }
        }
        half.used -= n;
        let ended = half.chunks.is_empty() && half.closed_at.is_some_and(|at| at <= now);
        if n == 0 && !ended { Err(Stuck::NotYet) } else { Ok(n) }
    }

    /// Writes what there is room for within `capacity`, at most `most` bytes of it; it arrives at `arrival`, or behind what
    /// was written before.
    pub fn write<'a>(
        &mut self,
        side: usize,
        now: Instant,
        arrival: Instant,
        segments: impl IntoIterator<Item = &'a [u8]>,
        capacity: usize,
        most: usize,
    ) -> Result<usize, Stuck> {
        if self.is_cut(now) || self.refused {
            return Err(Stuck::Reset);
        }
        let half = &mut self.halves[1 - side];
        if half.closed_at.is_some() {
            return Err(Stuck::Closed);
        }
        let (most, mut any) = (capacity.saturating_sub(half.used).min(most), false);
        let mut bytes = Vec::new();
        for segment in segments {
            any |= !segment.is_empty();
            bytes.extend_from_slice(&segment[..segment.len().min(most - bytes.len())]);
        }
        if bytes.is_empty() {
            return if any { Err(Stuck::NotYet) } else { Ok(0) };
        }
        let n = bytes.len();
        half.used += n;
        self.said[side] = mix(mix_bytes(self.said[side], &bytes), now.as_nanos());
        let arrival = half.chunks.back().map_or(arrival, |last| arrival.max(last.0));
        half.chunks.push_back((arrival, bytes));
        Ok(n)
    }

    /// A number made of all the bytes that went over these links, in both directions, and of when they were written: two runs
    /// of one number have said the same, byte for byte.
    pub fn digest<'a>(links: impl IntoIterator<Item = &'a Link>) -> u64 {
        links.into_iter().flat_map(|link| link.said).fold(0, mix)
    }

    /// How many bytes `side` can write now.
    pub fn room(&self, side: usize, capacity: usize) -> usize {
        capacity.saturating_sub(self.halves[1 - side].used)
    }

    /// When what `side` wrote last arrives, if it is still under way.
    pub fn last_arrival(&self, side: usize) -> Option<Instant> {
        self.halves[1 - side].chunks.back().map(|last| last.0)
    }

    /// Ends what `reader` reads. With `behind`, after what is under way. False: it was ended already.
    pub fn close(&mut self, reader: usize, at: Instant, behind: bool) -> bool {
        let half = &mut self.halves[reader];
        if half.closed_at.is_some() {
            return false;
        }
        let at = half.chunks.back().map_or(at, |last| if behind { at.max(last.0) } else { at });
        half.closed_at = Some(at);
        true
    }

    /// When what `reader` reads ends, if that is decided.
    pub fn closed_at(&self, reader: usize) -> Option<Instant> {
        self.halves[reader].closed_at
    }
}

/// FNV's step, on words.
fn mix(digest: u64, word: u64) -> u64 {
    (digest ^ word).wrapping_mul(0x0100_0000_01b3).rotate_left(23)
}

/// Its length included, so that it matters where one write ends and the next begins.
fn mix_bytes(digest: u64, bytes: &[u8]) -> u64 {
    let word = |word: &[u8]| word.iter().fold(0, |all, &byte| all << 8 | u64::from(byte));
    bytes.chunks(8).map(word).fold(mix(digest, bytes.len() as u64), mix)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(n: u64) -> Instant {
        Instant::from_nanos(n)
    }

    #[test]
    fn bytes_arrive_in_order_at_their_time_and_the_end_behind_them() {
        let mut link = Link::new(Some(at(0)));
        assert_eq!(link.write(0, at(1), at(9), [&b"ab"[..], b"cd"], 100, 3), Ok(3));
        assert_eq!(link.write(0, at(2), at(5), [&b"d"[..]], 100, 100), Ok(1));
        assert!(link.close(1, at(3), true));
        assert_eq!(link.write(0, at(3), at(5), [&b"e"[..]], 100, 100), Err(Stuck::Closed));
        let mut buf = [0; 8];
        assert_eq!(
            (link.readable(1, at(8)), link.read(1, at(8), &mut buf, 8)),
            ((false, Some(at(9))), Err(Stuck::NotYet))
        );
        assert_eq!(link.read(1, at(9), &mut buf, 3), Ok(3));
        assert_eq!(&buf[..3], b"abc");
        assert_eq!((link.read(1, at(9), &mut buf, 8), link.read(1, at(9), &mut buf, 8)), (Ok(1), Ok(0)));
    }

    #[test]
    fn a_direction_has_a_capacity_and_a_cut_is_for_both() {
        let mut link = Link::new(Some(at(0)));
        assert_eq!(link.write(1, at(0), at(0), [&b"abcdef"[..]], 4, 100), Ok(4));
        assert!(!link.is_writable(1, 4, at(0)) && link.is_writable(0, 4, at(0)));
        assert_eq!(link.write(1, at(0), at(0), [&b"ef"[..]], 4, 100), Err(Stuck::NotYet));
        link.cut(at(2));
        link.cut(at(7));
        assert_eq!(link.read(0, at(1), &mut [0; 2], 2), Ok(2));
        assert_eq!((link.read(0, at(2), &mut [0; 2], 2), link.is_writable(1, 4, at(2))), (Err(Stuck::Reset), true));
    }

    #[test]
    fn the_digest_tells_runs_apart_by_every_byte_its_direction_and_its_time() {
        let run = |said: &[(usize, u64, &[u8])]| {
            let mut link = Link::new(Some(at(0)));
            for &(side, time, bytes) in said {
                assert_eq!(link.write(side, at(time), at(9), [bytes], 100, 100), Ok(bytes.len()));
            }
            Link::digest([&link])
        };
        let first = run(&[(0, 1, b"abcdefghi"), (1, 2, b"x")]);
        assert_eq!(first, run(&[(0, 1, b"abcdefghi"), (1, 2, b"x")]));
        let others: [&[(usize, u64, &[u8])]; 5] = [
            &[(0, 1, b"abcdefghj"), (1, 2, b"x")],
            &[(0, 1, b"abcdefghi"), (0, 2, b"x")],
            &[(0, 1, b"abcdefghi"), (1, 3, b"x")],
            &[(0, 1, b"abcd"), (0, 1, b"efghi"), (1, 2, b"x")],
            &[(0, 1, b"abcdefghi"), (1, 2, b"x\0")],
        ];
        assert!(others.iter().all(|other| run(other) != first));
    }

    #[test]
    fn what_is_held_arrives_when_it_is_released() {
        let mut link = Link::new(Some(at(0)));
        assert_eq!(link.write(0, at(0), Link::HELD, [&b"a"[..]], 4, 4), Ok(1));
        assert_eq!(link.read(1, at(5), &mut [0; 2], 2), Err(Stuck::NotYet));
        link.release(at(6));
        assert_eq!(link.read(1, at(6), &mut [0; 2], 2), Ok(1));
    }
}
