//! What is wrong with a `.proto` file is said with path, line and column.

mod common;

use common::folder;
use proto_build::{Error, Problem, configure};
use std::path::Path;

/// Compiles `file` of a folder with these files; the error.
fn error(name: &str, files: &[(&str, &str)], file: &str) -> (Error, String) {
    let folder = folder(name, files);
    let error = configure()
        .out_dir(folder.join("out"))
        .emit_rerun_if_changed(false)
        .compile(&[folder.join(file)], &[&folder])
        .expect_err("it must not compile");
    // Debug is what a build script's `main` shows.
    assert_eq!(format!("{error:?}"), error.to_string());
    let text = error.to_string().replace(&format!("{}/", folder.display()), "");
    (error, text)
}

fn first(error: &Error) -> &Problem {
    error.problems().first().expect("a problem of the file")
}

#[test]
fn a_syntax_error_is_shown_where_it_stands() {
    let source = "syntax = \"proto3\";\npackage a;\n\nmessage M {\n  string text 1;\n}\n";
    let (error, text) = error("syntax", &[("a/b.proto", source)], "a/b.proto");
    assert_eq!(first(&error).position, Some((5, 15)));
    assert!(text.starts_with("a/b.proto:5:15: expected '='"), "{text}");
    assert!(text.contains("\n5 |   string text 1;\n  |               ^"), "{text}");
}

#[test]
fn an_unknown_type_is_named_in_the_file_that_uses_it() {
    let good = "syntax = \"proto3\";\npackage a;\nimport \"bad.proto\";\n";
    let bad = "syntax = \"proto3\";\nservice S {\n\trpc Call(Missing) returns (Missing);\n}\n";
    let (error, text) = error("unknown", &[("good.proto", good), ("bad.proto", bad)], "good.proto");
    assert_eq!(first(&error).position, Some((3, 11)));
    assert!(text.starts_with("bad.proto:3:11: name 'Missing' is not defined"), "{text}");
    assert!(text.contains("^^^^^^^"), "{text}");
}

#[test]
fn every_problem_is_shown() {
    let source = "syntax = \"proto3\";\nmessage M {\n  A a = 1;\n  B b = 2;\n}\n";
    let (error, text) = error("several", &[("m.proto", source)], "m.proto");
    let positions: Vec<_> = error.problems().iter().map(|p| p.position).collect();
    assert_eq!(positions, [Some((3, 3)), Some((4, 3))], "{text}");
    assert!(text.contains("m.proto:3:3:") && text.contains("m.proto:4:3:"), "{text}");
}

#[test]
fn columns_count_characters() {
    for (what, wrong) in [("unknown type", "A a = 1;"), ("syntax", "= a;")] {
        let source = format!("syntax = \"proto3\";\nmessage M {{ /* \u{fc}\u{1f980} */ {wrong} }}\n");
        let (error, text) = error("columns", &[("m.proto", &source)], "m.proto");
        assert_eq!(first(&error).position, Some((2, 22)), "{what}: {text}");
    }
}

#[test]
fn a_missing_import_says_where_it_was_looked_for() {
    let source = "syntax = \"proto3\";\nimport \"not/there.proto\";\n";
    let (error, text) = error("import", &[("m.proto", source)], "m.proto");
    assert_eq!(first(&error).position, Some((2, 1)), "{text}");
    assert!(text.contains("import 'not/there.proto' not found"), "{text}");
    assert!(text.contains("help: looked for it in the include directories: "), "{text}");
}

#[test]
fn a_cycle_of_imports_is_named() {
    let a = "syntax = \"proto3\";\nimport \"b.proto\";\n";
    let b = "syntax = \"proto3\";\nimport \"a.proto\";\n";
    let (_, text) = error("cycle", &[("a.proto", a), ("b.proto", b)], "a.proto");
    assert!(text.contains("cycle") && text.contains("a.proto -> b.proto"), "{text}");
}

#[test]
fn a_missing_file_a_missing_directory_and_no_file_are_told_apart() {
    let text = |protos: &[&str], includes: &[&str]| {
        let result = configure().emit_rerun_if_changed(false).out_dir("nowhere").compile(protos, includes);
        result.expect_err("it must not compile").to_string()
    };
    assert!(text(&["no/such.proto"], &[]).starts_with("no/such.proto: there is no such file"));
    assert!(text(&["x.proto"], &["no/such"]).starts_with("no/such: there is no such include directory"));
    assert!(text(&["x.proto"], &["src"]).starts_with("x.proto: there is no such file"));
    assert!(text(&["x.proto"], &["src"]).contains("relative paths start at"));
    assert_eq!(text(&[], &["src"]), "no .proto file was given to compile");
}

#[test]
fn a_file_outside_of_the_include_directories_says_so() {
    let folder = folder("outside", &[("in/a.proto", "syntax = \"proto3\";"), ("b.proto", "syntax = \"proto3\";")]);
    let result = configure().out_dir(folder.join("out")).compile(&[folder.join("b.proto")], &[folder.join("in")]);
    let text = result.expect_err("it must not compile").to_string();
    assert!(text.contains("is not in any include path"), "{text}");
    assert!(text.contains("help: it must lie below one of the include directories"), "{text}");
}

#[test]
fn settings_that_cannot_be_are_named() {
    let source = "syntax = \"proto3\"; package p; message M {} service S { rpc C(M) returns (M); }";
    let folder = folder("settings", &[("m.proto", source)]);
    let compile = |builder: proto_build::Builder| {
        let result = builder.compile(&[folder.join("m.proto")], &[&folder]);
        result.expect_err("it must not compile").to_string()
    };
    let builder = || configure().out_dir(folder.join("out")).emit_rerun_if_changed(false);
    let text = compile(builder().codec_path("my codec"));
    assert!(text.contains("codec_path: \"my codec\" is not a path of Rust"), "{text}");
    let text = compile(builder().type_attribute(".", "#[derive("));
    assert!(text.contains("package p is not Rust") && text.contains("attribute"), "{text}");
    let text = compile(configure().emit_rerun_if_changed(false).out_dir(folder.join("not/there")));
    assert!(text.starts_with("writing ") && text.contains("not/there"), "{text}");
}

#[test]
fn without_a_directory_to_write_to_the_remedy_is_named() {
    // Tests run without OUT_DIR, as programs do.
    if std::env::var_os("OUT_DIR").is_some() {
        return;
    }
    let folder = folder("nowhere", &[("m.proto", "syntax = \"proto3\";")]);
    let text = proto_build::compile(&[folder.join("m.proto")], &[&folder]).expect_err("nowhere to write").to_string();
    assert!(text.contains("OUT_DIR is not set") && text.contains("out_dir"), "{text}");
    assert!(!Path::new("p.rs").exists());
}

#[test]
fn of_two_that_contradict_each_other_both_are_shown() {
    for (name, body, message, position, also) in [
        (
            "number",
            "string one = 1;\n  string two = 1;",
            "field number '1' is already used",
            (4, 16),
            (3, "first defined here"),
        ),
        (
            "oneof",
            "oneof k { int32 a = 1; }\n  int32 b = 1;",
            "field number '1' is already used",
            (4, 13),
            (3, "first defined here"),
        ),
        ("reserved", "reserved 5;\n  string five = 5;", "conflicts with reserved range", (3, 12), (4, "defined here")),
        ("name", "string one = 1;\n  string one = 2;", "", (4, 10), (3, "first defined here")),
    ] {
        let source = format!("syntax = \"proto3\";\nmessage A {{\n  {body}\n}}\n");
        let (error, text) = error(&format!("both-{name}"), &[("m.proto", &source)], "m.proto");
        let problem = first(&error);
        assert_eq!((problem.position, problem.also.len()), (Some(position), 1), "{name}: {text}");
        assert_eq!((problem.also[0].line, &problem.also[0].label[..]), also, "{name}: {text}");
        assert!(text.starts_with(&format!("m.proto:{}:", position.0)) && text.contains(message), "{name}: {text}");
    }
    let source = "syntax = \"proto3\";\nmessage A {\n  string one = 1;\n  string two = 1;\n}\n";
    let (_, text) = error("both", &[("m.proto", source)], "m.proto");
    let expected = "m.proto:4:16: field number '1' is already used\n  \
                    |\n4 |   string two = 1;\n  |                ^\n  \
                    |\n3 |   string one = 1;\n  |                - first defined here";
    assert_eq!(text, expected);
}
