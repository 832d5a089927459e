//! Every interleaving of a few operations, up to a depth, each state once.

use alloc::collections::BTreeSet;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt::{self, Debug, Write};

/// Plays every sequence of `depth` operations at most on a new world, and hands each state that it reaches for the first time to `check`, with
/// the history that led there; says how many states there were.
///
/// Two worlds with the same `Debug` text count as one state, so that `Debug` must show whatever the future depends on. From a state that was
/// seen before nothing is tried again, which is what makes depths possible that enumerating sequences would not reach. Worlds need not be
/// cloned: each state is played from the start.
pub fn explore<W: Debug, S: Copy>(
    depth: usize,
    operations: &[S],
    new: impl Fn() -> W,
    operate: impl Fn(&mut W, S),
    mut check: impl FnMut(W, &[S]),
) -> usize {
    let mut seen = BTreeSet::from([fingerprint(&new())]);
    check(new(), &[]);
    // States whose successors have not been visited, as the histories that lead there.
    let mut frontier: Vec<Vec<S>> = vec![Vec::new()];
    for _ in 0..depth {
        for history in core::mem::take(&mut frontier) {
            for &operation in operations {
                let mut world = new();
                for &earlier in &history {
                    operate(&mut world, earlier);
                }
                operate(&mut world, operation);
                if seen.insert(fingerprint(&world)) {
                    let mut history = history.clone();
                    history.push(operation);
                    check(world, &history);
                    frontier.push(history);
                }
            }
        }
    }
    seen.len()
}

/// FNV-1a, 64 bits wide, twice with different starts: among a few million states no two share it by accident.
struct Fingerprint([u64; 2]);

impl Write for Fingerprint {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            for half in &mut self.0 {
                *half = (*half ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
            }
        }
        Ok(())
    }
}

fn fingerprint(world: &impl Debug) -> [u64; 2] {
    let mut fingerprint = Fingerprint([0xcbf2_9ce4_8422_2325, 0x9e37_79b9_7f4a_7c15]);
    // Writing into it does not fail.
    let _ = write!(fingerprint, "{world:?}");
    fingerprint.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_is_visited_once_by_its_shortest_way() {
        let mut longest = 0;
        // A counter up to 3, and steps that lead back.
        let visited = explore(
            10,
            &[1_i32, -1, 0],
            || 0_i32,
            |n, by| *n = (*n + by).clamp(0, 3),
            |n, history| {
                assert_eq!(history.len(), n as usize);
                longest = longest.max(history.len());
            },
        );
        assert_eq!((visited, longest), (4, 3));
    }
}
