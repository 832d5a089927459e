//! `bench-stream [MESSAGES [BYTES [ROUNDS]]]`: streams so many messages of so many bytes over loopback, each way in turn, and
//! tells each as a ratio. `benches/README.md` says how to read it.

use benches::stream::{Failure, Load, ways};
use std::process::ExitCode;

fn run(numbers: &[usize]) -> Result<(), Failure> {
    let number = |at: usize, default: usize| numbers.get(at).copied().unwrap_or(default);
    let load = Load { count: u32::try_from(number(0, 2_000))?, size: number(1, 64 * 1024) };
    let mut ways = ways()?;
    let mut best = vec![f64::INFINITY; ways.len()];
    for _ in 0..number(2, 5) {
        for (way, best) in ways.iter_mut().zip(&mut best) {
            *best = best.min(way.time(load)?.as_secs_f64());
        }
    }
    let megabytes = f64::from(load.count) * load.size as f64 / 1e6;
    println!("{} messages of {} bytes, the best of {} rounds", load.count, load.size, number(2, 5));
    println!("{:<20} {:>8} {:>12} {:>14}", "", "MB/s", "of a socket", "of rustls'");
    for (way, time) in ways.iter().zip(&best) {
        println!("{:<20} {:>8.0} {:>12.2} {:>14.2}", way.name, megabytes / time, best[0] / time, best[1] / time);
    }
    Ok(())
}

fn main() -> ExitCode {
    let numbers: Result<Vec<usize>, _> = std::env::args().skip(1).map(|arg| arg.parse()).collect();
    match numbers.map_err(Failure::from).and_then(|numbers| run(&numbers)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}\nusage: bench-stream [MESSAGES [BYTES [ROUNDS]]]");
            ExitCode::FAILURE
        }
    }
}
