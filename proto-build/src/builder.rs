//! [`Builder`]: every choice, and the files that come of it. Its options have the names that users of tonic-build and
//! prost-build know.

use crate::error::{Error, Result};
use crate::generate::{self, Generated};
use crate::options::Options;
use crate::parse;
use prost_build::Config;
use prost_types::FileDescriptorSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The file beside the packages that nests them as modules.
const ALL_PACKAGES: &str = "all-packages.rs";
/// The file with the descriptors.
const DESCRIPTORS: &str = "file-descriptor-set.binpb";

/// How to compile. Made by [`configure`], ends with [`compile`](Self::compile).
#[must_use = "nothing is generated until `compile` is called"]
pub struct Builder {
    pub(crate) config: Config,
    pub(crate) options: Options,
    bytes: Vec<String>,
    btree_map: Vec<String>,
    skip_debug: Vec<String>,
    out_dir: Option<PathBuf>,
    include_file: Option<PathBuf>,
    descriptors: Option<PathBuf>,
    rerun: Option<bool>,
}

/// The defaults, to be changed.
///
/// ```no_run
/// fn main() -> proto_build::Result {
///     proto_build::configure()
///         .build_server(false)
///         .type_attribute(".", "#[derive(Eq)]")
///         .compile(&["proto/hello.proto"], &["proto"])
/// }
/// ```
pub fn configure() -> Builder {
    Builder {
        config: Config::new(),
        options: Options::default(),
        bytes: Vec::new(),
        btree_map: Vec::new(),
        skip_debug: Vec::new(),
        out_dir: None,
        include_file: None,
        descriptors: None,
        rerun: None,
    }
}

/// Where files go.
impl Builder {
    /// Writes into this directory, which must exist, instead of `OUT_DIR`: one file a package and nothing else, unless
    /// [`include_file`](Self::include_file) and [`file_descriptor_set_path`](Self::file_descriptor_set_path) ask for it.
    pub fn out_dir(mut self, path: impl AsRef<Path>) -> Self {
        self.out_dir = Some(path.as_ref().to_owned());
        self
    }

    /// Writes the file that nests all packages as modules under this name, relative to the output directory. It includes the
    /// packages' files by their names, so it must lie beside them.
    pub fn include_file(mut self, name: impl AsRef<Path>) -> Self {
        self.include_file = Some(name.as_ref().to_owned());
        self
    }

    /// Writes the descriptors of the files and their imports (a serialized `google.protobuf.FileDescriptorSet`) to this path.
    pub fn file_descriptor_set_path(mut self, path: impl AsRef<Path>) -> Self {
        self.descriptors = Some(path.as_ref().to_owned());
        self
    }

    /// Tells cargo which files to watch. By default: when cargo runs it as a build script.
    pub fn emit_rerun_if_changed(mut self, enable: bool) -> Self {
        self.rerun = Some(enable);
        self
    }
}

/// What is generated for services.
impl Builder {
    /// Clients (default: yes).
    pub fn build_client(mut self, enable: bool) -> Self {
        self.options.build_client = enable;
        self
    }

    /// Server traits and servers (default: yes), of both forms unless one is turned off:
    /// [`build_async_server`](Self::build_async_server), [`build_blocking_server`](Self::build_blocking_server).
    pub fn build_server(mut self, enable: bool) -> Self {
        self.options.build_server = enable;
        self
    }

    /// The form of servers whose handlers are `async fn`s: the trait `HelloService` and `HelloServiceServer::new` (default:
    /// yes). What is not used costs nothing but the time to compile it.
    pub fn build_async_server(mut self, enable: bool) -> Self {
        self.options.async_server = enable;
        self
    }

    /// The form of servers whose handlers block: the trait `blocking::HelloService` and `HelloServiceServer::blocking`
    /// (default: yes).
    pub fn build_blocking_server(mut self, enable: bool) -> Self {
        self.options.blocking_server = enable;
        self
    }

    /// Handlers, of both forms, get a default that answers UNIMPLEMENTED, so that a method added to the `.proto` breaks no implementation.
    pub fn generate_default_stubs(mut self, enable: bool) -> Self {
        self.options.default_stubs = enable;
        self
    }

    /// The type that reads and writes the messages of all methods, instead of `proto_core::rpc::Prost`: it implements
    /// `Encode` and `Decode` of `proto_core::rpc` for them.
    pub fn codec_path(mut self, path: impl Into<String>) -> Self {
        self.options.codec = Some(path.into());
        self
    }

    /// The same for some methods. `methods` is a pattern like those of [`type_attribute`](Self::type_attribute):
    /// `.hello.v1.HelloService.SayHello`, a service, a package, or `.`; the last that matches counts.
    pub fn method_codec_path(mut self, methods: impl Into<String>, path: impl Into<String>) -> Self {
        self.options.codecs.push((methods.into(), path.into()));
        self
    }

    /// Calls go to `/Service/Method`, without the package, for peers that do so.
    pub fn disable_package_emission(mut self) -> Self {
        self.options.omit_package = true;
        self
    }

    /// How generated code names proto-core, where it is not `::proto_core` (a re-export, a renamed dependency).
    pub fn proto_core_path(mut self, path: impl Into<String>) -> Self {
        self.options.core = path.into();
        self
    }
}

/// What is generated for messages. Patterns: `.` is everything, `.a.b` that name and all below it, `C.d` every name that ends so.
impl Builder {
    /// Adds an attribute to messages, enums and oneofs.
    pub fn type_attribute(mut self, path: impl AsRef<str>, attribute: impl AsRef<str>) -> Self {
        self.config.type_attribute(path, attribute);
        self
    }

    /// Adds an attribute to messages.
    pub fn message_attribute(mut self, path: impl AsRef<str>, attribute: impl AsRef<str>) -> Self {
        self.config.message_attribute(path, attribute);
        self
    }

    /// Adds an attribute to enums and oneofs.
    pub fn enum_attribute(mut self, path: impl AsRef<str>, attribute: impl AsRef<str>) -> Self {
        self.config.enum_attribute(path, attribute);
        self
    }

    /// Adds an attribute to fields.
    pub fn field_attribute(mut self, path: impl AsRef<str>, attribute: impl AsRef<str>) -> Self {
        self.config.field_attribute(path, attribute);
        self
    }

    /// Boxes fields.
    pub fn boxed(mut self, path: impl AsRef<str>) -> Self {
        self.config.boxed(path);
        self
    }

    /// `bytes` fields become `Bytes` instead of `Vec<u8>`.
    pub fn bytes(mut self, path: impl AsRef<str>) -> Self {
        self.bytes.push(path.as_ref().to_owned());
        self
    }

    /// `map` fields become `BTreeMap` instead of `HashMap`.
    pub fn btree_map(mut self, path: impl AsRef<str>) -> Self {
        self.btree_map.push(path.as_ref().to_owned());
        self
    }

    /// No derived `Debug`.
    pub fn skip_debug(mut self, path: impl AsRef<str>) -> Self {
        self.skip_debug.push(path.as_ref().to_owned());
        self
    }

    /// Types of this Protobuf path exist already, at this path of Rust: they are used and not generated.
    pub fn extern_path(mut self, proto_path: impl Into<String>, rust_path: impl Into<String>) -> Self {
        self.config.extern_path(proto_path, rust_path);
        self
    }

    /// Generates `google.protobuf` like any package, instead of using `proto_core::prost_types`.
    pub fn compile_well_known_types(mut self, enable: bool) -> Self {
        if enable {
            self.config.compile_well_known_types();
        }
        self
    }

    /// Comments of these messages, fields, services or methods do not become documentation.
    pub fn disable_comments(mut self, path: impl AsRef<str>) -> Self {
        self.options.no_comments.push(path.as_ref().to_owned());
        self
    }

    /// Variants of enums keep the enum's name in front, as in the `.proto`.
    pub fn retain_enum_prefix(mut self) -> Self {
        self.config.retain_enum_prefix();
        self
    }

    /// Whatever else prost-build can do. (Its options about files, services, formatting and the paths of prost have no effect.)
    pub fn prost_config(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.config);
        self
    }
}

impl Builder {
    /// Compiles, as [`proto_build::compile`](crate::compile) does.
    #[doc(alias = "compile_protos")]
    pub fn compile(mut self, protos: &[impl AsRef<Path>], includes: &[impl AsRef<Path>]) -> Result {
        let protos: Vec<PathBuf> = protos.iter().map(|p| p.as_ref().to_owned()).collect();
        let includes: Vec<PathBuf> = includes.iter().map(|p| p.as_ref().to_owned()).collect();
        let rerun = self.rerun.unwrap_or_else(in_build_script);
        watch(rerun, &protos);
        let parsed = parse::parse(&protos, &includes)?;
        watch(rerun, &parsed.read);
        self.write(parsed.descriptors, &parsed.encoded)
    }

    /// The same from descriptors that something else has made (with their imports, and with source info where comments matter).
    pub fn compile_fds(mut self, descriptors: FileDescriptorSet) -> Result {
        let encoded = prost::Message::encode_to_vec(&descriptors);
        self.write(descriptors, &encoded)
    }

    /// Generates without writing.
    pub(crate) fn generate(&mut self, descriptors: FileDescriptorSet) -> Result<Vec<Generated>> {
        self.config.bytes(&self.bytes).btree_map(&self.btree_map).skip_debug(&self.skip_debug);
        self.config.disable_comments(&self.options.no_comments);
        generate::generate(&mut self.config, &self.options, descriptors.file)
    }

    fn write(&mut self, descriptors: FileDescriptorSet, encoded: &[u8]) -> Result {
        let (directory, own) = match &self.out_dir {
            Some(directory) => (directory.clone(), true),
            None => (out_dir()?, false),
        };
        let files = self.generate(descriptors)?;
        for file in &files {
            put(&directory.join(file.file_name()), file.code.as_bytes())?;
        }
        if let Some(path) = &self.descriptors {
            put(path, encoded)?;
        }
        if !own {
            put(&directory.join(DESCRIPTORS), encoded)?;
            put(&directory.join(ALL_PACKAGES), generate::include_file(&files, Some(DESCRIPTORS)).as_bytes())?;
        }
        if let Some(name) = &self.include_file {
            put(&directory.join(name), generate::include_file(&files, None).as_bytes())?;
        }
        Ok(())
    }
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder").field("config", &self.config).field("out_dir", &self.out_dir).finish_non_exhaustive()
    }
}

fn in_build_script() -> bool {
    std::env::var_os("CARGO").is_some() && std::env::var_os("OUT_DIR").is_some()
}

fn watch(enable: bool, files: &[PathBuf]) {
    for file in files.iter().filter(|_| enable) {
        println!("cargo:rerun-if-changed={}", file.display());
    }
}

fn out_dir() -> Result<PathBuf> {
    let set = std::env::var_os("OUT_DIR").map(PathBuf::from);
    set.ok_or_else(|| {
        Error::other("OUT_DIR is not set: call this from a build script, or set `configure().out_dir(..)`")
    })
}

/// Writes a file, unless it is there with this content: its time of change would make cargo build what includes it.
fn put(path: &Path, content: &[u8]) -> Result {
    if fs::read(path).is_ok_and(|old| old == content) {
        return Ok(());
    }
    fs::write(path, content).map_err(|e| Error::io("writing", path, e))
}
