//! The server side: for each form of handlers a trait, and the erased service that decodes, calls it and encodes.
//!
//! There is one form so far, [`BLOCKING`]. Another one (handlers that are `async fn`) is another [`Form`]: the
//! templates ask it for everything in which forms differ.

use super::{MethodView, ServiceView, Template, doc};
use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::quote;

/// In what the forms of servers differ.
pub(super) struct Form {
    /// The constructor of the generated server: `HelloServiceServer::blocking(t)`.
    constructor: &'static str,
    /// The wrapper that marks the form (`rpc::Blocking`).
    marker: &'static str,
    /// The erased service (`rpc::BlockingService`).
    erased: &'static str,
    /// What kind of handlers, in documentation and diagnostics.
    handlers: &'static str,
}

/// Handlers that are plain functions and may block.
pub(super) const BLOCKING: Form = Form {
    constructor: "blocking",
    marker: "Blocking",
    erased: "BlockingService",
    handlers: "plain `fn`s that may block",
};

impl Form {
    fn ident(name: &str) -> Ident {
        Ident::new(name, Span::call_site())
    }

    /// The module of the form's traits.
    fn module<'a>(&self, template: &'a Template<'_>) -> &'a Ident {
        &template.package.blocking
    }
}

/// The module around the traits of a package.
pub(super) fn form_module(template: &Template<'_>, form: &Form, traits: TokenStream) -> TokenStream {
    let (allow, module) = (template.allow(), form.module(template));
    let docs = doc(&format!("The services of this package, for servers whose handlers are {}.", form.handlers));
    quote! {
        #docs
        #allow
        #[allow(clippy::module_inception)]
        pub mod #module {
            #traits
        }
    }
}

/// The trait that a user implements, and its implementations for pointers.
pub(super) fn service_trait(template: &Template<'_>, service: &ServiceView<'_>, form: &Form) -> TokenStream {
    let core = &template.core;
    let name = &service.names.service;
    let docs = match service.docs.is_empty() {
        true => doc(&format!("The handlers of `{}`.", service.full_name)),
        false => service.docs.clone(),
    };
    let path = format!("{}::{name}", form.module(template));
    let message = format!("`{{Self}}` does not implement the service `{path}`");
    let note = format!(
        "write `impl {path} for YourType`, with handlers that are {}; pass `{}::{}(your_value)` to the server",
        form.handlers, service.names.server, form.constructor
    );
    let handlers = service.methods.iter().map(|m| handler(template, service, m));
    let pointers = [quote!(Arc), quote!(Box)].map(|pointer| pointer_impl(template, service, &pointer));
    quote! {
        #docs
        #[diagnostic::on_unimplemented(message = #message, label = "expected handlers of this service", note = #note)]
        pub trait #name: ::core::marker::Send + ::core::marker::Sync + 'static {
            #(#handlers)*

            /// Runs at a call's headers, before any message: to look at the metadata, to keep something for the handler
            /// (`context.insert(user)`), or to end the call. Must be quick. By default every call goes on.
            fn on_call(&self, context: &mut #core::rpc::Context) -> ::core::result::Result<(), #core::Status> {
                let _ = context;
                Ok(())
            }
        }
        #(#pointers)*
    }
}

/// The parameters of a handler behind `&self`, by name and type, and what it returns in `Ok`.
fn signature(template: &Template<'_>, method: &MethodView<'_>) -> (Vec<Ident>, Vec<TokenStream>, TokenStream) {
    let core = &template.core;
    let (request, reply) = (method.request(1), method.reply(1));
    let (mut names, mut types) = (Vec::new(), Vec::new());
    if method.client_streams {
        names.push(Form::ident("requests"));
        types.push(quote!(&mut #core::rpc::Receiver<#request>));
    } else {
        names.push(Form::ident("request"));
        types.push(quote!(#core::rpc::Request<#request>));
    }
    if !method.server_streams {
        return (names, types, quote!(#core::rpc::Response<#reply>));
    }
    names.push(Form::ident("replies"));
    types.push(quote!(&mut #core::rpc::Sender<#reply>));
    (names, types, quote!(()))
}

fn handler(template: &Template<'_>, service: &ServiceView<'_>, method: &MethodView<'_>) -> TokenStream {
    let core = &template.core;
    let function = &method.names.function;
    let (names, types, ok) = signature(template, method);
    let docs = method.docs(&format!("Handles `{}.{}`.", service.full_name, method.name));
    let returns = quote!(::core::result::Result<#ok, #core::Status>);
    if !template.options.default_stubs {
        return quote! {
            #docs
            fn #function(&self, #(#names: #types),*) -> #returns;
        };
    }
    let message = format!("{} is not implemented by this server", method.path);
    quote! {
        #docs
        ///
        /// By default the call ends with UNIMPLEMENTED.
        fn #function(&self, #(#names: #types),*) -> #returns {
            #(let _ = #names;)*
            Err(#core::Status::unimplemented(#message))
        }
    }
}

/// `impl HelloService for Arc<T>`, so that handlers can be shared and can be `dyn`.
fn pointer_impl(template: &Template<'_>, service: &ServiceView<'_>, pointer: &TokenStream) -> TokenStream {
    let core = &template.core;
    let name = &service.names.service;
    let handlers = service.methods.iter().map(|method| {
        let function = &method.names.function;
        let (names, types, ok) = signature(template, method);
        quote! {
            fn #function(&self, #(#names: #types),*) -> ::core::result::Result<#ok, #core::Status> {
                <T as self::#name>::#function(&**self, #(#names),*)
            }
        }
    });
    quote! {
        impl<T: self::#name + ?Sized> self::#name for #core::rpc::codegen::#pointer<T> {
            #(#handlers)*

            fn on_call(&self, context: &mut #core::rpc::Context) -> ::core::result::Result<(), #core::Status> {
                <T as self::#name>::on_call(&**self, context)
            }
        }
    }
}

/// The server struct and its erased service.
pub(super) fn server(template: &Template<'_>, service: &ServiceView<'_>, form: &Form) -> TokenStream {
    let (allow, core) = (template.allow(), &template.core);
    let (server, name, info) = (&service.names.server, &service.names.service, &service.names.info);
    let (package, module, traits) = (&template.package.methods, &service.names.module, form.module(template));
    let (constructor, marker) = (Form::ident(form.constructor), Form::ident(form.marker));
    let erased = Form::ident(form.erased);
    let docs = doc(&format!(
        "Serves `{}`: made of an implementation of [`{traits}::{name}`] by [`{constructor}`](Self::{constructor}), given to a server.",
        service.full_name
    ));
    let constructor_docs = doc(&format!("For a server whose handlers are {}.", form.handlers));
    let arms = (0u16..).map(Literal::u16_unsuffixed).zip(&service.methods).map(|(number, method)| {
        let call = dispatch(template, service, method, form);
        quote!(#number => { #call })
    });
    let unknown = quote!(Err(call.no_such_method(method)));
    let body = match service.methods.is_empty() {
        true => unknown,
        false => quote!(match method { #(#arms)* _ => #unknown }),
    };
    quote! {
        #docs
        #allow
        #[derive(Clone, Debug)]
        pub struct #server<S>(S);

        #allow
        impl<T: self::#traits::#name> #server<#core::rpc::#marker<T>> {
            #constructor_docs
            pub const fn #constructor(service: T) -> Self {
                Self(#core::rpc::#marker(service))
            }
        }

        #allow
        impl<T: self::#traits::#name> #core::rpc::#erased for #server<#core::rpc::#marker<T>> {
            fn info(&self) -> &'static #core::rpc::ServiceInfo {
                &self::#package::#module::#info
            }

            fn on_call(&self, context: &mut #core::rpc::Context) -> ::core::result::Result<(), #core::Status> {
                <T as self::#traits::#name>::on_call(&self.0.0, context)
            }

            fn call(
                &self,
                method: u16,
                call: &mut #core::rpc::ServerCall,
            ) -> ::core::result::Result<(), #core::Status> {
                #body
            }
        }
    }
}

/// From the call's bytes to the handler and back.
fn dispatch(template: &Template<'_>, service: &ServiceView<'_>, method: &MethodView<'_>, form: &Form) -> TokenStream {
    let (package, module, traits) = (&template.package.methods, &service.names.module, form.module(template));
    let (name, function, constant) = (&service.names.service, &method.names.function, &method.names.constant);
    let handler = quote!(<T as self::#traits::#name>::#function);
    let (decode, encode) = (quote!(descriptor.decode_request), quote!(descriptor.encode_reply));
    let input = match method.client_streams {
        false => quote!(call.request(#decode)?),
        true => quote!(&mut call.receiver(#decode)),
    };
    let body = match method.server_streams {
        false => quote! {
            let reply = #handler(&self.0.0, #input)?;
            call.reply(reply, #encode)
        },
        true => quote!(#handler(&self.0.0, #input, &mut call.sender(#encode))),
    };
    quote! {
        let descriptor = &self::#package::#module::#constant;
        #body
    }
}
