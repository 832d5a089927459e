//! Wrong use does not compile, and the compiler's words say what to write.
//!
//! Each file of `wrong-use/` is a program with lines `// expect: TEXT`, which the error must have; the one without such
//! lines must compile, which shows that the others fail for their own reasons. Texts are looked for, not whole messages
//! compared, so that another version of the compiler may word the rest differently.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn wrong_use_is_a_compile_error_that_says_what_to_write() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let project = project(here);
    let mut cases = 0;
    let mut wrong = Vec::new();
    for entry in fs::read_dir(here.join("wrong-use")).expect("the cases are there") {
        let case = entry.expect("readable").path();
        let source = fs::read_to_string(&case).expect("readable");
        let expected: Vec<_> = source.lines().filter_map(|line| line.strip_prefix("// expect: ")).collect();
        let (compiles, words) = check(&project, &case);
        if compiles != expected.is_empty() {
            wrong.push(format!("{}: compiles is {compiles}\n{words}", case.display()));
        }
        for text in expected.iter().filter(|text| !words.contains(**text)) {
            wrong.push(format!("{}: {text:?} is not in\n{words}", case.display()));
        }
        cases += 1;
    }
    assert!(cases >= 15, "{cases} cases");
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// A crate outside of the workspace that depends on this one, with the workspace's lock file: nothing is fetched.
fn project(here: &Path) -> PathBuf {
    let project = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wrong-use");
    let _ = fs::remove_dir_all(project.join("src/bin"));
    fs::create_dir_all(project.join("src/bin")).expect("the target folder can be written");
    let root = here.join("../..");
    let manifest = format!(
        "[package]\nname = \"wrong-use\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n\
         proto-build-testing = {{ path = {here:?} }}\nproto-core = {{ path = {core:?} }}\nrt-std = {{ path = {std:?} }}\n",
        core = root.join("proto-core"),
        std = root.join("rt-std"),
    );
    fs::write(project.join("Cargo.toml"), manifest).expect("the target folder can be written");
    fs::copy(root.join("Cargo.lock"), project.join("Cargo.lock")).expect("the workspace has a lock file");
    project
}

/// Does the case compile, and what does the compiler say?
fn check(project: &Path, case: &Path) -> (bool, String) {
    let name = case.file_stem().and_then(|name| name.to_str()).expect("cases have plain names");
    fs::copy(case, project.join("src/bin").join(format!("{name}.rs"))).expect("the target folder can be written");
    let output = Command::new(env!("CARGO"))
        .args(["check", "--quiet", "--offline", "--color=never", "--bin", name, "--target-dir"])
        .arg(project.join("target"))
        .current_dir(project)
        .env_remove("RUSTFLAGS")
        // This package's own.
        .env_remove("OUT_DIR")
        .output()
        .expect("cargo runs");
    // The compiler wraps and indents its notes as it likes.
    let words = String::from_utf8_lossy(&output.stderr).split_whitespace().collect::<Vec<_>>().join(" ");
    (output.status.success(), words)
}
