//! The soak cases: the large unary call again and again, on one channel (`rpc_soak`) or on a channel of its own each time
//! (`channel_soak`). What is too slow counts as failed.

use crate::args::{Args, ArgsError};
use crate::cases::{Outcome, Peer};
use crate::runtime::Runtime;
use std::time::{Duration, Instant};

/// The flags, without their dashes.
pub const FLAGS: [&str; 7] = [
    "soak_iterations",
    "soak_max_failures",
    "soak_per_iteration_max_acceptable_latency_ms",
    "soak_overall_timeout_seconds",
    "soak_min_time_ms_between_rpcs",
    "soak_request_size",
    "soak_response_size",
];

/// How long and how hard.
#[derive(Clone, Debug)]
pub struct Soak {
    iterations: usize,
    max_failures: usize,
    latency: Duration,
    overall: Duration,
    pause: Duration,
    request_size: usize,
    response_size: i32,
}

impl Soak {
    /// The official flags, with the official defaults.
    ///
    /// # Errors
    /// A value that is none.
    pub fn from_args(args: &Args) -> Result<Self, ArgsError> {
        Ok(Soak {
            iterations: args.get_or(FLAGS[0], 10)?,
            max_failures: args.get_or(FLAGS[1], 0)?,
            latency: Duration::from_millis(args.get_or(FLAGS[2], 1_000)?),
            overall: Duration::from_secs(args.get_or(FLAGS[3], 10)?),
            pause: Duration::from_millis(args.get_or(FLAGS[4], 0)?),
            request_size: args.get_or(FLAGS[5], 271_828)?,
            response_size: args.get_or(FLAGS[6], 314_159)?,
        })
    }

    /// Runs it on what `connect` gives for each call.
    ///
    /// # Errors
    /// More failures than are allowed, or too little time for all calls.
    pub async fn run<F: Runtime>(
        &self,
        connect: impl AsyncFn() -> Result<Peer<F>, Box<dyn std::error::Error>>,
    ) -> Outcome {
        let begin = Instant::now();
        let mut failures = 0;
        for done in 0..self.iterations {
            if begin.elapsed() > self.overall {
                return Err(format!("{done} of {} calls in {:?}", self.iterations, self.overall).into());
            }
            let peer = connect().await?;
            let start = Instant::now();
            let result = peer.large(self.request_size, self.response_size).await;
            let took = start.elapsed();
            if let Err(error) = result {
                failures += 1;
                println!("call {done}: {error}");
            } else if took > self.latency {
                failures += 1;
                println!("call {done}: took {took:?}");
            }
            drop(peer);
            if !self.pause.is_zero() {
                F::sleep(self.pause.saturating_sub(took)).await;
            }
        }
        if failures > self.max_failures {
            return Err(format!("{failures} of {} calls failed", self.iterations).into());
        }
        Ok(())
    }
}
