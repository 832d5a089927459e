//! Everything once with the defaults, and `plain.proto` with most options.

use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let protos = ["hello", "bare", "names", "shop/orders", "shop/stock", "shop/below", "old", "known", "docs"];
    let protos = protos.map(|name| format!("proto/{name}.proto"));
    proto_build::compile(&protos, &["proto"])?;

    let other = PathBuf::from(std::env::var("OUT_DIR")?).join("other");
    std::fs::create_dir_all(&other)?;
    proto_build::configure()
        .out_dir(&other)
        .include_file("mod.rs")
        .file_descriptor_set_path(other.join("plain.binpb"))
        .proto_core_path("crate::core_by_another_name")
        .extern_path(".plain.Note", "crate::plain::Note")
        .method_codec_path(".plain.Notes.Echo", "crate::plain::Lines")
        .generate_default_stubs(true)
        .disable_package_emission()
        .disable_comments("plain.Notes.Count")
        .bytes(".plain")
        .btree_map(".")
        .type_attribute("Counted", "#[derive(Eq, PartialOrd)]")
        .field_attribute("Counted.data", "#[doc = \"Any bytes.\"]")
        .compile(&["proto/plain.proto"], &["proto"])?;
    Ok(())
}
