//! Code for services: a client that is generic over the runtime, method descriptors, and for each form of server a
//! trait and the way from a call to its methods.
//!
//! prost-build resolves the types and hands each service over (its `ServiceGenerator`); what is made of them is kept
//! here by module and put behind the messages by `generate`.

mod client;
mod dispatch;
mod form;
mod methods;
mod server;

use crate::error::Result;
use crate::names::{MethodNames, Names, PackageNames, ServiceNames};
use crate::options::Options;
use form::Form;
use proc_macro2::TokenStream;
use prost_build::{Comments, Module, Service, ServiceGenerator};
use quote::quote;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::str::FromStr;

/// The services of all packages, as prost-build hands them over.
pub(crate) type Collected = Rc<RefCell<HashMap<Module, Vec<Service>>>>;

/// Collects services.
pub(crate) struct Collector(pub(crate) Collected);

impl ServiceGenerator for Collector {
    fn generate(&mut self, service: Service, buf: &mut String) {
        // prost-build forgets a module whose text is empty, and then misses it.
        buf.push_str("// Services.\n");
        let module = Module::from_protobuf_package_name(&service.package);
        self.0.borrow_mut().entry(module).or_default().push(service);
    }
}

/// The code for the services of one package.
pub(crate) fn package(services: &[Service], names: &PackageNames, options: &Options) -> Result<TokenStream> {
    let template = Template { options, core: options.core()?, package: names, forms: Form::all(options) };
    let mut out = TokenStream::new();
    let mut tables = TokenStream::new();
    let mut blocking = TokenStream::new();
    for service in services {
        let Some(names) = names.services.get(&service.proto_name) else { continue };
        let service = ServiceView::new(service, names, &template)?;
        if options.build_client {
            out.extend(client::client(&template, &service));
        }
        if !template.forms.is_empty() {
            out.extend(server::server(&template, &service, &mut blocking));
        }
        tables.extend(methods::table(&template, &service));
    }
    if template.forms.contains(&Form::Blocking) {
        out.extend(server::blocking_module(&template, blocking));
    }
    out.extend(methods::module(&template, tables));
    Ok(out)
}

/// The services of a module, in order.
pub(crate) fn all(
    collected: &HashMap<Module, Vec<Service>>,
    names: &Names,
    options: &Options,
) -> Result<HashMap<Module, TokenStream>> {
    let mut out = HashMap::new();
    for (module, services) in collected {
        if let Some(names) = names.get(module) {
            out.insert(module.clone(), package(services, names, options)?);
        }
    }
    Ok(out)
}

/// What all templates need.
struct Template<'a> {
    options: &'a Options,
    /// The path of proto-core.
    core: TokenStream,
    package: &'a PackageNames,
    /// Of servers.
    forms: Vec<Form>,
}

impl Template<'_> {
    /// Lints that generated items may offend without harm: a program need not use all of them, and reaches them where it likes.
    fn allow(&self) -> TokenStream {
        quote!(#[allow(dead_code, deprecated, unreachable_pub, unused_qualifications)])
    }
}

/// A service with everything resolved.
struct ServiceView<'a> {
    names: &'a ServiceNames,
    /// "hello.v1.HelloService".
    full_name: String,
    docs: TokenStream,
    deprecated: bool,
    methods: Vec<MethodView<'a>>,
}

struct MethodView<'a> {
    names: &'a MethodNames,
    /// "SayHello".
    name: &'a str,
    /// "/hello.v1.HelloService/SayHello".
    path: String,
    codec: TokenStream,
    docs: TokenStream,
    deprecated: bool,
    client_streams: bool,
    server_streams: bool,
    request: String,
    reply: String,
}

impl<'a> ServiceView<'a> {
    fn new(service: &'a Service, names: &'a ServiceNames, template: &Template<'_>) -> Result<Self> {
        let options = template.options;
        let dotted = match service.package.as_str() {
            "" => format!(".{}", service.proto_name),
            package => format!(".{package}.{}", service.proto_name),
        };
        let full_name = if options.omit_package { service.proto_name.clone() } else { dotted[1..].to_owned() };
        let mut methods = Vec::new();
        for (method, names) in service.methods.iter().zip(&names.methods) {
            methods.push(MethodView {
                names,
                name: &method.proto_name,
                path: format!("/{full_name}/{}", method.proto_name),
                codec: options.codec(&format!("{dotted}.{}", method.proto_name))?,
                docs: docs(&method.comments, options.keeps_comments(&format!("{dotted}.{}", method.proto_name))),
                deprecated: method.options.deprecated(),
                client_streams: method.client_streaming,
                server_streams: method.server_streaming,
                request: type_path(&method.input_type, &method.input_proto_type),
                reply: type_path(&method.output_type, &method.output_proto_type),
            });
        }
        let docs = docs(&service.comments, options.keeps_comments(&dotted));
        Ok(ServiceView { names, full_name, docs, deprecated: service.options.deprecated(), methods })
    }
}

impl MethodView<'_> {
    fn request(&self, depth: usize) -> TokenStream {
        at_depth(&self.request, depth)
    }

    fn reply(&self, depth: usize) -> TokenStream {
        at_depth(&self.reply, depth)
    }

    fn deprecated(&self) -> TokenStream {
        if self.deprecated { quote!(#[deprecated]) } else { TokenStream::new() }
    }

    /// Its documentation, or a line that names it.
    fn docs(&self, otherwise: &str) -> TokenStream {
        if self.docs.is_empty() { doc(otherwise) } else { self.docs.clone() }
    }
}

/// A type as prost-build names it: relative to the package's module, marked with a leading `self::`, or absolute.
fn type_path(rust: &str, proto: &str) -> String {
    // Wrapper messages of google.protobuf are plain types.
    let plain = proto.starts_with(".google.protobuf.") && !rust.contains("::");
    if plain && (rust == "()" || rust.starts_with(char::is_lowercase)) {
        return rust.to_owned();
    }
    if rust.starts_with("::") || rust.starts_with("crate::") { rust.to_owned() } else { format!("self::{rust}") }
}

/// The type seen from this many modules below the package's.
fn at_depth(path: &str, depth: usize) -> TokenStream {
    let text = match path.strip_prefix("self::") {
        Some(rest) if depth > 0 => format!("{}{rest}", "super::".repeat(depth)),
        _ => path.to_owned(),
    };
    // prost-build wrote it into its own code in the same way; a user's extern_path that is none is reported with that.
    TokenStream::from_str(&text).unwrap_or_default()
}

/// Comments as documentation.
fn docs(comments: &Comments, keep: bool) -> TokenStream {
    if !keep || (comments.leading.is_empty() && comments.trailing.is_empty()) {
        return TokenStream::new();
    }
    let mut text = String::new();
    comments.append_with_indent(0, &mut text);
    TokenStream::from_str(&text).unwrap_or_default()
}

/// One line of documentation.
fn doc(line: &str) -> TokenStream {
    let line = format!(" {line}");
    quote!(#[doc = #line])
}
