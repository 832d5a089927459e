//! The Rust names of what is generated for services: keywords are escaped, and clashes get a trailing underscore.
//!
//! A clash is: two methods of one name after the change of case, a method of a name that generated code needs itself,
//! a generated type or module of the name of a message or of a package below.

use heck::{ToShoutySnakeCase, ToSnakeCase, ToUpperCamelCase};
use proc_macro2::{Ident, Span};
use prost_build::Module;
use prost_types::{DescriptorProto, FileDescriptorProto, ServiceDescriptorProto};
use std::collections::{HashMap, HashSet};

/// Of all packages.
pub(crate) type Names = HashMap<Module, PackageNames>;

/// Of one package's module.
pub(crate) struct PackageNames {
    /// The module of the traits for blocking servers.
    pub(crate) blocking: Ident,
    /// The module of the method descriptors.
    pub(crate) methods: Ident,
    /// By the services' names in the `.proto` file.
    pub(crate) services: HashMap<String, ServiceNames>,
}

/// Of one service.
pub(crate) struct ServiceNames {
    /// `HelloServiceClient`.
    pub(crate) client: Ident,
    /// `HelloServiceServer`.
    pub(crate) server: Ident,
    /// `HelloService` in the module `blocking`: the trait of handlers that block.
    pub(crate) service: Ident,
    /// `HelloService` in the package's own module: the trait of handlers that are futures.
    pub(crate) async_service: Ident,
    /// `hello_service`, in the module of the method descriptors.
    pub(crate) module: Ident,
    /// `INFO`, in `module`.
    pub(crate) info: Ident,
    /// In the order of the `.proto` file.
    pub(crate) methods: Vec<MethodNames>,
}

/// Of one method.
#[derive(Debug)]
pub(crate) struct MethodNames {
    /// `say_hello`.
    pub(crate) function: Ident,
    /// `say_hello_with`, for methods whose client streams.
    pub(crate) with_options: Ident,
    /// `SAY_HELLO`.
    pub(crate) constant: Ident,
}

/// Functions that generated types have beside the methods of the service.
const OWN_FUNCTIONS: [&str; 3] = ["new", "clone", "on_call"];

/// The names of all services in these files.
pub(crate) fn of(files: &[FileDescriptorProto]) -> Names {
    let mut packages: HashMap<Module, Vec<&FileDescriptorProto>> = HashMap::new();
    for file in files {
        packages.entry(module(file)).or_default().push(file);
    }
    let all: Vec<Module> = packages.keys().cloned().collect();
    packages.into_iter().map(|(module, files)| (module.clone(), package(&module, &files, &all))).collect()
}

/// The module of a file's package.
pub(crate) fn module(file: &FileDescriptorProto) -> Module {
    Module::from_protobuf_package_name(file.package())
}

fn package(module: &Module, files: &[&FileDescriptorProto], all: &[Module]) -> PackageNames {
    let messages = || files.iter().flat_map(|f| &f.message_type);
    let enums = || files.iter().flat_map(|f| &f.enum_type);
    let mut types = Taken::new(messages().map(|m| m.name().to_upper_camel_case()));
    types.take(enums().map(|e| e.name().to_upper_camel_case()));
    let mut modules = Taken::new(messages().filter(|m| has_module(m)).map(|m| m.name().to_snake_case()));
    modules.take(all.iter().filter_map(|other| below(module, other)));

    let (mut traits, mut inner) = (Taken::default(), Taken::default());
    let descriptors = || files.iter().flat_map(|f| &f.service);
    let rust_name = |service: &ServiceDescriptorProto| service.name().to_upper_camel_case();
    // The trait of a service `FooClient` gives way to the client of a service `Foo`, wherever they stand.
    let structs: Vec<_> =
        descriptors().map(|s| ["Client", "Server"].map(|kind| types.give(format!("{}{kind}", rust_name(s))))).collect();
    let mut services = HashMap::new();
    for (descriptor, [client, server]) in descriptors().zip(structs) {
        let name = rust_name(descriptor);
        let (functions, info) = methods(descriptor);
        let names = ServiceNames {
            client,
            server,
            service: traits.give(name.clone()),
            async_service: types.give(name.clone()),
            module: inner.give(name.to_snake_case()),
            info,
            methods: functions,
        };
        services.insert(descriptor.name().to_owned(), names);
    }
    let (blocking, methods) = (modules.give("blocking".into()), modules.give("methods".into()));
    PackageNames { blocking, methods, services }
}

/// Does prost-build make a module for what is nested in the message? (Entries of maps and what stands for `optional` are not.)
fn has_module(message: &DescriptorProto) -> bool {
    let map_entry = |m: &DescriptorProto| m.options.as_ref().is_some_and(|o| o.map_entry());
    let optional = message.field.iter().filter(|f| f.proto3_optional()).count();
    message.nested_type.iter().any(|m| !map_entry(m))
        || !message.enum_type.is_empty()
        || message.oneof_decl.len() > optional
}

/// The module that `other` needs inside `module`, where it is of a package below.
fn below(module: &Module, other: &Module) -> Option<String> {
    let mut parts = other.parts();
    module.parts().all(|part| parts.next() == Some(part)).then(|| parts.next().map(str::to_owned)).flatten()
}

fn methods(service: &ServiceDescriptorProto) -> (Vec<MethodNames>, Ident) {
    let mut functions = Taken::new(OWN_FUNCTIONS.map(str::to_owned));
    let mut constants = Taken::default();
    let own: Vec<_> = service.method.iter().map(|m| functions.give(m.name().to_snake_case())).collect();
    let names = service.method.iter().zip(own).map(|(method, function)| {
        let with = format!("{}_with", method.name().to_snake_case());
        let constant = constants.give(method.name().to_shouty_snake_case());
        // A name that nobody asks for must not push another one aside.
        let with_options = if method.client_streaming() { functions.give(with) } else { function.clone() };
        MethodNames { function, with_options, constant }
    });
    let names = names.collect();
    (names, constants.give("INFO".into()))
}

/// The names of one scope that are in use, without `r#`.
#[derive(Default)]
struct Taken(HashSet<String>);

impl Taken {
    fn new(names: impl IntoIterator<Item = String>) -> Self {
        Taken(names.into_iter().collect())
    }

    fn take(&mut self, names: impl IntoIterator<Item = String>) {
        self.0.extend(names);
    }

    /// This name, or the next one that is free, as an identifier.
    fn give(&mut self, mut name: String) -> Ident {
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            name.insert(0, '_');
        }
        if name == "_" {
            name = "__".to_owned();
        }
        while NEVER_RAW.contains(&name.as_str()) || !self.0.insert(name.clone()) {
            name.push('_');
        }
        ident(&name)
    }
}

/// Keywords that cannot be written as raw identifiers.
const NEVER_RAW: [&str; 5] = ["self", "Self", "super", "crate", "extern"];

/// An identifier, raw where it is a keyword.
fn ident(name: &str) -> Ident {
    match syn::parse_str::<Ident>(name) {
        // A keyword since edition 2024, which syn takes for a name.
        Ok(ident) if name != "gen" => ident,
        _ => Ident::new_raw(name, Span::call_site()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost_types::MethodDescriptorProto;

    fn service(name: &str, methods: &[&str]) -> ServiceDescriptorProto {
        let method = |name: &&str| MethodDescriptorProto {
            name: Some((*name).into()),
            client_streaming: Some(name.starts_with("Stream")),
            ..Default::default()
        };
        let method = methods.iter().map(method).collect();
        ServiceDescriptorProto { name: Some(name.into()), method, options: None }
    }

    fn functions(methods: &[&str]) -> Vec<String> {
        let names = super::methods(&service("S", methods)).0;
        names.iter().map(|n| n.function.to_string()).collect()
    }

    #[test]
    fn keywords_are_escaped() {
        assert_eq!(
            functions(&["Type", "Self", "Async", "gen", "Super", "SayHello"]),
            ["r#type", "self_", "r#async", "r#gen", "super_", "say_hello"]
        );
    }

    #[test]
    fn methods_that_clash_are_told_apart() {
        assert_eq!(
            functions(&["GetFoo", "getFoo", "Get_Foo", "GETFoo"]),
            ["get_foo", "get_foo_", "get_foo__", "get_foo___"]
        );
        assert_eq!(functions(&["New", "Clone", "OnCall", "_"]), ["new_", "clone_", "on_call_", "__"]);
    }

    #[test]
    fn constants_and_options_variants_give_way_to_methods() {
        let (names, info) = super::methods(&service("S", &["StreamIn", "StreamInWith", "Info"]));
        let with: Vec<_> = names.iter().map(|n| n.with_options.to_string()).collect();
        assert_eq!(with, ["stream_in_with_", "stream_in_with_with", "info"]);
        let constants: Vec<_> = names.iter().map(|n| n.constant.to_string()).collect();
        assert_eq!(
            (constants, info.to_string()),
            (vec!["STREAM_IN".into(), "STREAM_IN_WITH".into(), "INFO".into()], "INFO_".into())
        );
    }

    #[test]
    fn generated_types_and_modules_give_way_to_messages_and_packages() {
        let message = |name: &str| DescriptorProto { name: Some(name.into()), ..Default::default() };
        let outer = |name: &str| DescriptorProto { nested_type: vec![message("Inner")], ..message(name) };
        let files = [
            FileDescriptorProto {
                package: Some("a.b".into()),
                message_type: vec![message("HelloClient"), outer("Blocking"), message("Hello")],
                service: vec![service("Hello", &[])],
                ..Default::default()
            },
            FileDescriptorProto { package: Some("a.b.methods.x".into()), ..Default::default() },
            FileDescriptorProto {
                package: Some("c".into()),
                message_type: vec![message("Blocking"), message("Methods")],
                ..Default::default()
            },
        ];
        let names = of(&files);
        let package = &names[&module(&files[0])];
        let hello = &package.services["Hello"];
        assert_eq!(
            (package.blocking.to_string(), package.methods.to_string()),
            ("blocking_".into(), "methods_".into())
        );
        let flat = &names[&module(&files[2])];
        assert_eq!((flat.blocking.to_string(), flat.methods.to_string()), ("blocking".into(), "methods".into()));
        assert_eq!(hello.client, "HelloClient_");
        assert_eq!((hello.server.to_string(), hello.service.to_string()), ("HelloServer".into(), "Hello".into()));
        assert_eq!(hello.async_service, "Hello_");
    }

    #[test]
    fn a_trait_gives_way_to_the_clients_and_servers_of_the_package() {
        let file = FileDescriptorProto {
            service: vec![service("FooServer", &[]), service("Foo", &[]), service("FooClient", &[])],
            ..Default::default()
        };
        let names = of(std::slice::from_ref(&file));
        let services = &names[&module(&file)].services;
        assert_eq!(
            (services["Foo"].client.to_string(), services["Foo"].server.to_string()),
            ("FooClient".into(), "FooServer".into())
        );
        let traits = ["Foo", "FooClient", "FooServer"].map(|name| services[name].async_service.to_string());
        assert_eq!(traits, ["Foo", "FooClient_", "FooServer_"]);
        assert_eq!(services["FooClient"].service, "FooClient");
    }
}
