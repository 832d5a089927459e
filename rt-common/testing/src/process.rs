//! Tests of what belongs to a whole process: its memory, its limits.

use std::process::Command;

/// In the process that runs one test alone.
const ALONE: &str = "RT_COMMON_TEST_ALONE";

/// Runs the calling test in a process of its own, where it calls `test`; the test's name is its thread's.
pub fn alone(test: impl FnOnce()) {
    if std::env::var_os(ALONE).is_some() {
        return test();
    }
    let name = std::thread::current().name().expect("a test's thread has its name").to_owned();
    let mut alone = Command::new(std::env::current_exe().expect("a test has a file"));
    let output = alone.args([&name, "--exact", "--nocapture"]).env(ALONE, "1").output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}");
    assert!(output.status.success() && said.contains("1 passed"), "{}", String::from_utf8_lossy(&output.stderr));
}
