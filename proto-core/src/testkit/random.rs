//! Random numbers on a seed, so that every failure can be had again; or choices that are read from bytes, as a fuzzer
//! gives them.

use alloc::vec::Vec;

/// A small generator (SplitMix64: Steele, Lea, Flood, 2014). Not for secrets.
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
    /// Choices to be made before any random one, the next one last.
    script: Vec<u8>,
}

impl Random {
    /// The sequence of this seed.
    pub fn seed(seed: u64) -> Self {
        Random { state: seed, script: Vec::new() }
    }

    /// The choices that these bytes stand for, and then the sequence of seed 0. A choice among up to 256 takes one byte,
    /// so that a fuzzer can change one choice and leave the others.
    pub fn scripted(script: &[u8]) -> Self {
        Random { state: 0, script: script.iter().rev().copied().collect() }
    }

    /// The script is used up, if there was one.
    pub fn is_used_up(&self) -> bool {
        self.script.is_empty()
    }

    /// Any number.
    pub fn next_u64(&mut self) -> u64 {
        if !self.script.is_empty() {
            return self.scripted_number(8);
        }
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// The number in so many bytes of the script (where it ends, zeros).
    fn scripted_number(&mut self, bytes: usize) -> u64 {
        (0..bytes).fold(0, |number, _| number << 8 | u64::from(self.script.pop().unwrap_or(0)))
    }

    /// A number below `n`; 0 when `n` is 0.
    pub fn below(&mut self, n: usize) -> usize {
        let number = match n {
            0 | 1 if !self.script.is_empty() => 0,
            2..=256 if !self.script.is_empty() => self.scripted_number(1),
            257..=65_536 if !self.script.is_empty() => self.scripted_number(2),
            _ => self.next_u64(),
        };
        if n == 0 { 0 } else { (number % n as u64) as usize }
    }

    /// True once in `n` times, on average.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// One of these. Panics when there is none.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// Fills `into`.
    pub fn fill(&mut self, into: &mut [u8]) {
        for byte in into {
            *byte = self.next_u64() as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_come_from_the_script_and_then_from_the_seed() {
        let mut random = Random::scripted(&[7, 1, 2, 200]);
        assert_eq!((random.below(10), random.below(1_000), random.below(1)), (7, 0x0102, 0));
        assert!(!random.is_used_up());
        assert_eq!(random.below(256), 200);
        assert!(random.is_used_up());
        assert_eq!(random.next_u64(), Random::seed(0).next_u64());
    }
}
