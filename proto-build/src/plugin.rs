//! The plugin for protoc and buf: a `CodeGeneratorRequest` in, a `CodeGeneratorResponse` out. The binary
//! `protoc-gen-proto-core` runs [`answer`] between its standard input and output.
//!
//! ```text
//! protoc --proto-core_out=src/gen --proto-core_opt=include_file=mod.rs -I proto proto/hello.proto
//! ```
//!
//! Options, separated by commas (a comma inside a value is written `\,`); a flag without a value means `true`:
//!
//! | option | as in [`Builder`] |
//! |---|---|
//! | `build_client`, `build_server`, `build_async_server`, `build_blocking_server`, `default_stubs`, `disable_package_emission`, `compile_well_known_types`, `retain_enum_prefix` | flags |
//! | `include_file=mod.rs` | `include_file` |
//! | `extern_path=.google.type=::google_types` | `extern_path` |
//! | `type_attribute=.a.B=#[derive(Eq)]`, `message_attribute`, `enum_attribute`, `field_attribute` | the same |
//! | `bytes=.a`, `btree_map=.a`, `boxed=.a.B.c`, `skip_debug=.a`, `disable_comments=.a` | the same |
//! | `codec_path=crate::Codec`, `method_codec_path=.a.B.C=crate::Codec`, `proto_core_path=crate::core` | the same |

use crate::builder::{Builder, configure};
use crate::error::{Error, Result};
use crate::generate;
use prost::Message;
use prost_build::Module;
use prost_types::FileDescriptorSet;
use prost_types::compiler::code_generator_response::{Feature, File};
use prost_types::compiler::{CodeGeneratorRequest, CodeGeneratorResponse};
use std::collections::HashSet;

/// Answers one request of protoc or buf: the serialized request in, the serialized response out. What is wrong with the
/// files or options stands in the response; `Err` is a request that is none.
pub fn answer(request: &[u8]) -> Result<Vec<u8>> {
    let request = CodeGeneratorRequest::decode(request)
        .map_err(|e| Error::other(format!("standard input is not a request of protoc: {e}")))?;
    let mut response = CodeGeneratorResponse {
        supported_features: Some(Feature::Proto3Optional as u64),
        ..CodeGeneratorResponse::default()
    };
    match files(request) {
        Ok(files) => response.file = files,
        Err(error) => response.error = Some(error.to_string()),
    }
    Ok(response.encode_to_vec())
}

/// One file for each package that has a file to generate, with everything of that package that the request holds.
fn files(request: CodeGeneratorRequest) -> Result<Vec<File>> {
    let (mut builder, include_file) = options(request.parameter())?;
    let wanted: HashSet<&str> = request.file_to_generate.iter().map(String::as_str).collect();
    let asked = request.proto_file.iter().filter(|f| wanted.contains(f.name()));
    let modules: HashSet<Module> = asked.map(|f| Module::from_protobuf_package_name(f.package())).collect();
    let mut generated = builder.generate(FileDescriptorSet { file: request.proto_file })?;
    generated.retain(|file| modules.contains(&file.module));

    let file = |name: String, content: String| File { name: Some(name), content: Some(content), ..File::default() };
    let mut files: Vec<File> = generated.iter().map(|g| file(g.file_name(), g.code.clone())).collect();
    if let Some(name) = include_file {
        files.push(file(name, generate::include_file(&generated, None)));
    }
    Ok(files)
}

fn options(parameter: &str) -> Result<(Builder, Option<String>)> {
    let (mut builder, mut include_file) = (configure(), None);
    for option in split(parameter) {
        let (name, value) = option.split_once('=').unwrap_or((&option, "true"));
        match name {
            "include_file" => include_file = Some(value.to_owned()),
            _ => builder = set(builder, name, value)?,
        }
    }
    Ok((builder, include_file))
}

fn set(builder: Builder, name: &str, value: &str) -> Result<Builder> {
    let flag = || match value {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Error::other(format!("option {name}={value}: expected true or false"))),
    };
    let pair = || {
        let expected = || Error::other(format!("option {name}={value}: expected {name}=path=value"));
        value.split_once('=').ok_or_else(expected)
    };
    Ok(match name {
        "build_client" => builder.build_client(flag()?),
        "build_server" => builder.build_server(flag()?),
        "build_async_server" => builder.build_async_server(flag()?),
        "build_blocking_server" => builder.build_blocking_server(flag()?),
        "default_stubs" => builder.generate_default_stubs(flag()?),
        "compile_well_known_types" => builder.compile_well_known_types(flag()?),
        "disable_package_emission" if flag()? => builder.disable_package_emission(),
        "retain_enum_prefix" if flag()? => builder.retain_enum_prefix(),
        "disable_package_emission" | "retain_enum_prefix" => builder,
        "codec_path" => builder.codec_path(value),
        "proto_core_path" => builder.proto_core_path(value),
        "bytes" => builder.bytes(value),
        "btree_map" => builder.btree_map(value),
        "boxed" => builder.boxed(value),
        "skip_debug" => builder.skip_debug(value),
        "disable_comments" => builder.disable_comments(value),
        "extern_path" => pair().map(|(path, rust)| builder.extern_path(path, rust))?,
        "method_codec_path" => pair().map(|(path, codec)| builder.method_codec_path(path, codec))?,
        "type_attribute" => pair().map(|(path, attribute)| builder.type_attribute(path, attribute))?,
        "message_attribute" => pair().map(|(path, attribute)| builder.message_attribute(path, attribute))?,
        "enum_attribute" => pair().map(|(path, attribute)| builder.enum_attribute(path, attribute))?,
        "field_attribute" => pair().map(|(path, attribute)| builder.field_attribute(path, attribute))?,
        _ => return Err(Error::other(format!("unknown option {name:?} of protoc-gen-proto-core"))),
    })
}

/// At commas, but not at `\\,`.
fn split(parameter: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut option = String::new();
    for piece in parameter.split(',') {
        match piece.strip_suffix('\\') {
            Some(piece) => option = option + piece + ",",
            None => out.push(std::mem::take(&mut option) + piece),
        }
    }
    out.push(option);
    out.retain(|option| !option.is_empty());
    out
}
