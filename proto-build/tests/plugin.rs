//! The plugin for protoc and buf, fed as they feed it.

mod common;

use common::folder;
use prost::Message;
use prost_types::compiler::code_generator_response::Feature;
use prost_types::compiler::{CodeGeneratorRequest, CodeGeneratorResponse};
use std::io::Write;
use std::process::{Command, Output, Stdio};

const HELLO: &str = "syntax = \"proto3\";\npackage hello.v1;\nimport \"types.proto\";\n// Says hello.\nservice Hello { rpc Say(types.M) returns (stream types.M); }\nmessage Own { bytes data = 1; map<string, string> map = 2; }\n";
const TYPES: &str = "syntax = \"proto3\";\npackage types;\nmessage M { optional string text = 1; }\n";

fn run(input: &[u8]) -> Output {
    let mut plugin = Command::new(env!("CARGO_BIN_EXE_protoc-gen-proto-core"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("cargo has built it");
    plugin.stdin.take().expect("piped").write_all(input).expect("it reads everything");
    plugin.wait_with_output().expect("it ends")
}

fn ask(test: &str, generate: &[&str], parameter: &str) -> CodeGeneratorResponse {
    let folder = folder(test, &[("hello.proto", HELLO), ("types.proto", TYPES)]);
    let set = protox::compile(["hello.proto"], [&folder]).expect("it is good");
    let request = CodeGeneratorRequest {
        file_to_generate: generate.iter().map(|f| (*f).to_owned()).collect(),
        parameter: Some(parameter.to_owned()),
        proto_file: set.file,
        compiler_version: None,
    };
    let output = run(&request.encode_to_vec());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    CodeGeneratorResponse::decode(&output.stdout[..]).expect("a response")
}

fn names(response: &CodeGeneratorResponse) -> Vec<&str> {
    response.file.iter().map(|f| f.name()).collect()
}

#[test]
fn it_generates_the_packages_of_the_files_asked_for() {
    let response = ask("plugin-one", &["hello.proto"], "");
    assert_eq!(response.error, None);
    assert_eq!(response.supported_features(), Feature::Proto3Optional as u64);
    assert_eq!(names(&response), ["hello.v1.rs"]);
    let code = response.file[0].content();
    assert!(
        code.contains("pub struct HelloClient<F>") && code.contains("F::Streaming<self::super::super::types::M>"),
        "{code}"
    );
    assert!(code.contains("/// Says hello."));

    let response = ask("plugin-all", &["hello.proto", "types.proto"], "include_file=mod.rs");
    assert_eq!(names(&response), ["hello.v1.rs", "types.rs", "mod.rs"]);
    assert!(response.file[2].content().contains("include!(\"types.rs\");"));
}

#[test]
fn options_have_their_effect() {
    let parameter = "build_server=false,bytes=.,btree_map=.,extern_path=.types=::other,type_attribute=.=#[derive(Eq\\,PartialOrd)],\
        codec_path=crate::Codec,proto_core_path=::core_again,disable_package_emission,disable_comments=.";
    let response = ask("plugin-options", &["hello.proto"], parameter);
    assert_eq!(response.error, None);
    let code = response.file[0].content();
    for part in [
        "::core_again::prost::bytes::Bytes",
        "BTreeMap<",
        "::other::M",
        "#[derive(Eq, PartialOrd)]",
        "crate::Codec",
        "\"/Hello/Say\"",
    ] {
        assert!(code.contains(part), "{part} in {code}");
    }
    for part in ["HelloServer", "Says hello", "::proto_core"] {
        assert!(!code.contains(part), "{part} in {code}");
    }
}

#[test]
fn forms_of_servers_can_be_left_out() {
    let response = ask("plugin-forms", &["hello.proto"], "build_async_server=false");
    let code = response.file[0].content();
    assert!(code.contains("fn blocking(service") && !code.contains("AsyncService"), "{code}");
    let response = ask("plugin-forms-2", &["hello.proto"], "build_blocking_server=false");
    let code = response.file[0].content();
    assert!(code.contains("AsyncService") && !code.contains("fn blocking(service"), "{code}");
}

#[test]
fn what_is_wrong_stands_in_the_response() {
    for (parameter, part) in [
        ("no_such=1", "unknown option \"no_such\""),
        ("build_client=perhaps", "build_client=perhaps: expected true or false"),
        ("extern_path=.a", "expected extern_path=path=value"),
        ("codec_path=1 2", "is not a path of Rust"),
    ] {
        let response = ask("plugin-errors", &["hello.proto"], parameter);
        assert!(response.error().contains(part), "{:?}", response.error());
        assert!(response.file.is_empty());
    }
}

#[test]
fn what_is_no_request_ends_with_an_error() {
    let output = run(b"no request at all");
    assert!(!output.status.success());
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("standard input is not a request of protoc"), "{text}");
}
