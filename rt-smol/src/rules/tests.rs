//! Mutants in processes of their own: this program again, with one test and without one rule, must fail.

use super::{HeldBy, Rule, WITHOUT};
use std::process::Command;

/// Runs a test of this program without a rule: what it said, if it failed.
fn without(rule: Rule, test: &str) -> Result<String, String> {
    let program = std::env::current_exe().expect("this program");
    let mut command = Command::new(program);
    command.args(["--exact", test, "--nocapture"]).env(WITHOUT, format!("{rule:?}")).env("RUST_BACKTRACE", "0");
    let run = command.output().expect("it can be started again");
    let said = [run.stdout, run.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    let ran = said.contains("running 1 test\n");
    if ran && !run.status.success() { Ok(said) } else { Err(said) }
}

/// Runs what holds rules, each time without one.
fn all_missed(test: impl Fn(HeldBy) -> Option<&'static str>) -> Vec<&'static str> {
    let (mut ran, mut unheld) = (Vec::new(), Vec::new());
    for rule in Rule::ALL {
        for test in rule.held_by().iter().copied().filter_map(&test) {
            match without(*rule, test) {
                Ok(said) if said.contains("deadlock") => println!("{test}: a deadlock without {:?}", rule.name()),
                Ok(_) => println!("{test}: a failed assertion without {:?}", rule.name()),
                Err(said) => unheld.push(format!("{test} does not notice that {:?} is missing: {said}", rule.name())),
            }
            ran.push(test);
        }
    }
    assert!(unheld.is_empty(), "{}", unheld.join("\n"));
    ran
}

// (Under the checker no connection can be driven step by step.)
#[cfg(not(loom_models))]
#[test]
fn rules_that_scripts_hold_are_missed_by_them() {
    let ran = all_missed(|held| match held {
        HeldBy::Script(test) => Some(test),
        _ => None,
    });
    assert!(!ran.is_empty());
}

/// A rule that no test holds is none.
#[test]
fn each_rule_is_held_and_has_a_name_of_its_own() {
    for (n, rule) in Rule::ALL.iter().enumerate() {
        assert!(!rule.held_by().is_empty(), "{}", rule.name());
        assert!(Rule::ALL[..n].iter().all(|other| other.name() != rule.name()), "{}", rule.name());
    }
}

#[cfg(loom_models)]
#[test]
fn rules_that_models_hold_are_missed_by_them_and_each_model_holds_one() {
    let ran = all_missed(|held| match held {
        HeldBy::Model(test) => Some(test),
        _ => None,
    });
    let program = std::env::current_exe().expect("this program");
    let all = Command::new(program).args(["--list", "--format", "terse"]).output().expect("it can be started again");
    let all = String::from_utf8_lossy(&all.stdout).into_owned();
    let models: Vec<_> =
        all.lines().filter_map(|line| line.strip_suffix(": test")).filter(|test| test.contains("::models::")).collect();
    assert!(!models.is_empty());
    for model in models {
        assert!(ran.contains(&model), "{model} holds no rule");
    }
}
