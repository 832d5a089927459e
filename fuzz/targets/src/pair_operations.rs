//! Sequences of operations over a client and a server that are wired together in memory, with small windows and a network that chops, delays,
//! stalls and breaks, under a clock that jumps.
//!
//! Asserted after every operation: timers progress (nothing is due after it was served), and what both ends hold stays within the documented
//! bound. In the end the network is whole and everybody finishes, where whoever waits does nothing before an event wakes it: every call ends at
//! both sides, what was sent arrived once and in order, everything is given back, the windows are whole, and a connection that still stands
//! carries one more call.

mod talk;
mod wind_up;
mod world;

use crate::input::Input;
use arbitrary::{Arbitrary, Unstructured};
use proto_core::testkit::Random;
use world::World;

/// Most operations of one input.
const MOST: usize = 1_000;

/// One operation: what, about which call, how much.
#[derive(Clone, Copy, Debug)]
struct Op {
    what: u8,
    which: u8,
    amount: u8,
}

impl<'a> Arbitrary<'a> for Op {
    fn arbitrary(u: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let [what, which, amount] = u.arbitrary()?;
        Ok(Op { what, which, amount })
    }
}

/// See the module.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let mut world = World::new(&mut input);
    for op in input.all::<Op>().take(MOST) {
        world.act(op);
        world.check();
    }
    world.wind_up();
}

/// Seeds: operations by chance on every kind of configuration, and some conversations.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = (0..40)
        .map(|seed| {
            let mut random = Random::seed(seed);
            let mut bytes = vec![0; world::OPTIONS + 3 * (10 + random.below(200))];
            random.fill(&mut bytes);
            if seed % 2 == 0 {
                // Nothing that breaks the connection.
                bytes[world::OPTIONS..].chunks_mut(3).for_each(|op| op[0] %= world::PEACEFUL);
            }
            bytes
        })
        .collect();
    // One call of each kind that is simply done, with any operation first.
    for what in 0..world::KINDS_OF_OPERATION {
        let mut bytes = vec![what; world::OPTIONS];
        for kind in 0..4 {
            bytes.extend([what, kind, 40, 0, kind, 1, 1, kind, 5, 9, 0, 0, 6, kind, 3]);
        }
        seeds.push(bytes);
    }
    seeds
}
