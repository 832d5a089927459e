//! Running examples as programs.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// An example that takes longer has hung.
const LIMIT: Duration = Duration::from_secs(120);

/// The program of an example; `cargo test` builds them all into a folder beside that of this test.
pub(crate) fn program(name: &str) -> Command {
    let test = std::env::current_exe().expect("a running test has a path");
    let folder: PathBuf = test.ancestors().nth(2).expect("deps/ has a parent").join("examples");
    let file = folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(file.exists(), "{} is missing: `cargo build -p examples --examples` builds it", file.display());
    Command::new(file)
}

/// A child that does not survive the test.
pub(crate) struct Guard(pub(crate) Child);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Reads a stream to its end on a thread of its own, so that the child never waits for us.
fn read(mut from: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut text = String::new();
        from.read_to_string(&mut text).expect("examples print UTF-8");
        text
    })
}

/// Runs a program to its end and returns what it printed.
pub(crate) fn run(mut command: Command) -> String {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = Guard(command.spawn().expect("an example can be started"));
    let out = read(child.0.stdout.take().expect("stdout is piped"));
    let err = read(child.0.stderr.take().expect("stderr is piped"));
    let start = Instant::now();
    let status = loop {
        match child.0.try_wait().expect("a child can be waited for") {
            Some(status) => break Some(status),
            None if start.elapsed() > LIMIT => break None,
            None => thread::sleep(Duration::from_millis(10)),
        }
    };
    drop(child);
    let (out, err) = (out.join().expect("the reader ends"), err.join().expect("the reader ends"));
    match status {
        Some(status) if status.success() => out,
        Some(status) => panic!("{command:?} ended with {status}\n--- stdout\n{out}\n--- stderr\n{err}"),
        None => panic!("{command:?} hangs\n--- stdout\n{out}\n--- stderr\n{err}"),
    }
}

/// These must be printed in this order, with anything between them.
pub(crate) fn prints(name: &str, lines: &[&str]) {
    let out = run(program(name));
    let mut rest = out.lines();
    for wanted in lines {
        assert!(rest.any(|line| line.contains(wanted)), "{name} does not print {wanted:?} (in this order):\n{out}");
    }
}

/// A server among the examples, as a child whose standard input is open; it stops when that ends.
pub(crate) fn serve(name: &str, args: &[&str]) -> (Guard, String) {
    let mut server = program(name);
    server.args(args).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut server = Guard(server.spawn().expect("an example can be started"));
    let mut line = String::new();
    let out = server.0.stdout.take().expect("stdout is piped");
    BufReader::new(out).read_line(&mut line).expect("the server prints UTF-8");
    let address = line.trim().strip_prefix("listening on ").expect("the server says where it listens").to_owned();
    (server, address)
}

/// Ends its standard input, and waits for its end.
pub(crate) fn stop(mut server: Guard) {
    drop(server.0.stdin.take());
    let start = Instant::now();
    loop {
        match server.0.try_wait().expect("a child can be waited for") {
            Some(status) => return assert!(status.success(), "{status}"),
            None => assert!(start.elapsed() < LIMIT, "the server does not stop"),
        }
        thread::sleep(Duration::from_millis(10));
    }
}
