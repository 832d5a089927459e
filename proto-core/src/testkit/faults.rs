//! What a network does to bytes: how it chops, delays and breaks, on a seed.

use super::Random;
use core::time::Duration;

/// How one direction of a link is chopped into reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pieces {
    /// As it was written.
    Whole,
    /// Every read yields this many bytes at most.
    Size(usize),
    /// Every read yields between one and this many bytes.
    UpTo(usize),
}

/// How a link ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// Both directions end properly, after what was written (FIN).
    Eof,
    /// Both ends get an error at once; what is under way is lost (RST).
    Reset,
}

/// What a network does. Order within a direction is kept, as TCP keeps it; the two directions are delayed
/// independently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Faults {
    /// How each direction is chopped.
    pub pieces: Pieces,
    /// Every piece arrives between these two delays after it was written.
    pub delay: (Duration, Duration),
    /// The link ends after this many bytes in both directions together, like this.
    pub cut: Option<(u64, Break)>,
    /// For the network's random choices.
    pub seed: u64,
}

impl Faults {
    /// A network without any: what is written arrives at once and whole.
    pub const NONE: Faults =
        Faults { pieces: Pieces::Whole, delay: (Duration::ZERO, Duration::ZERO), cut: None, seed: 0 };

    /// Every byte is a read of its own.
    pub const BYTE_BY_BYTE: Faults = Faults { pieces: Pieces::Size(1), ..Faults::NONE };

    /// Random pieces and random delays up to 3 ms; nothing is lost.
    pub fn delays(seed: u64) -> Faults {
        let mut random = Random::seed(seed);
        let pieces = match random.below(4) {
            0 => Pieces::Whole,
            1 => Pieces::UpTo(5),
            2 => Pieces::UpTo(100),
            _ => Pieces::UpTo(20_000),
        };
        let most = Duration::from_micros(random.below(3_000) as u64);
        Faults { pieces, delay: (Duration::ZERO, most), cut: None, seed }
    }

    /// The same, and the link ends somewhere within the first `within` bytes.
    pub fn loss(seed: u64, within: u64) -> Faults {
        let mut random = Random::seed(seed ^ 0x1055);
        let after = random.next_u64() % within.max(1);
        let end = if random.one_in(2) { Break::Eof } else { Break::Reset };
        Faults { cut: Some((after, end)), ..Faults::delays(seed) }
    }
}
