//! What is promised about how little code a loop of one's own takes. Neither comments nor empty lines count.

use std::fs;
use std::path::Path;

/// The lines of an example that are code.
fn code(name: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    // Its own tests are not among them.
    let lines = text.lines().take_while(|line| *line != "#[cfg(test)]").map(str::trim_end);
    lines.filter(|line| !line.is_empty() && !line.trim_start().starts_with("//")).map(str::to_owned).collect()
}

#[test]
fn a_loop_of_ones_own_takes_less_than_a_hundred_lines() {
    let loops =
        ["epoll-server", "tokio-server", "tokio-client", "completion", "game-loop", "in-memory", "tls-loop", "sdk"];
    for name in loops {
        let lines = code(&format!("{name}.rs"));
        assert!(lines.len() < 100, "{name}: {} lines", lines.len());
        // rustfmt makes them as long as they need be; nobody hides two in one.
        let long = lines.iter().find(|line| line.chars().count() > 120);
        assert!(long.is_none(), "{name}: {long:?}");
    }
}

#[test]
fn a_front_of_ones_own_takes_less_than_forty_lines() {
    let lines = code("sdk.rs");
    let at = |what: &str| lines.iter().position(|line| line.starts_with(what)).expect(what);
    let last = at("impl AnyFront for Game");
    let end = last + lines[last..].iter().position(|line| line == "}").expect("it ends") + 1;
    let front = end - at("#[derive(Clone)]");
    assert!(front < 40, "{front} lines");
    // It is all there is of it.
    assert!(lines[at("#[derive(Clone)]") + 1].starts_with("struct Game"), "the front begins there");
}
