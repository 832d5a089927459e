//! The macros that bring generated code into a crate. They name files that `proto_build` writes in a build script.

/// Includes the code that `proto_build` generated for one package; without an argument, for the files that have no package.
///
/// ```ignore
/// pub mod hello {
///     proto_core::include_proto!("hello.v1");
/// }
/// ```
///
/// Types of other packages are named relative to the packages' modules (`super::super::other::v1::Type`): where
/// packages use each other, [`include_protos!`](crate::include_protos) nests the modules as that needs.
#[macro_export]
macro_rules! include_proto {
    () => {
        $crate::include_proto!("_");
    };
    ($package:literal) => {
        include!(concat!(
            env!("OUT_DIR", "no build script: write a build.rs that calls `proto_build::compile`"),
            "/",
            $package,
            ".rs"
        ));
    };
}

/// Includes the code of all packages, as nested modules: package `hello.v1` is `hello::v1`. Beside them stands
/// `FILE_DESCRIPTOR_SET`, the bytes of [`include_file_descriptor_set!`](crate::include_file_descriptor_set).
///
/// ```ignore
/// proto_core::include_protos!();
/// use hello::v1::HelloServiceClient;
/// ```
#[macro_export]
macro_rules! include_protos {
    () => {
        include!(concat!(
            env!("OUT_DIR", "no build script: write a build.rs that calls `proto_build::compile`"),
            "/all-packages.rs"
        ));
    };
}

/// The compiled `.proto` files and everything that they import, as the bytes of a `google.protobuf.FileDescriptorSet`:
/// what server reflection and tools ask for.
///
/// ```ignore
/// const DESCRIPTORS: &[u8] = proto_core::include_file_descriptor_set!();
/// ```
#[macro_export]
macro_rules! include_file_descriptor_set {
    () => {
        include_bytes!(concat!(
            env!("OUT_DIR", "no build script: write a build.rs that calls `proto_build::compile`"),
            "/file-descriptor-set.binpb"
        ))
    };
}
