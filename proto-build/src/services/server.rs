//! The server side: for each [`Form`] of handlers a trait, and the erased service that decodes, calls it and encodes.
//!
//! The templates ask the form for everything in which handlers that block and handlers that are futures differ.

use super::form::Form;
use super::{MethodView, ServiceView, Template, dispatch, doc};
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

/// The server of a service, in all its forms. The traits of the blocking form go to `blocking`, for its module.
pub(super) fn server(template: &Template<'_>, service: &ServiceView<'_>, blocking: &mut TokenStream) -> TokenStream {
    let mut out = TokenStream::new();
    for form in &template.forms {
        let handlers = service_trait(template, service, *form);
        match form {
            Form::Async => out.extend(handlers),
            Form::Blocking => blocking.extend(handlers),
        }
    }
    out.extend(server_struct(template, service));
    out.extend(template.forms.iter().map(|form| erased(template, service, *form)));
    out
}

/// The module around the traits of the blocking form, for a package.
pub(super) fn blocking_module(template: &Template<'_>, traits: TokenStream) -> TokenStream {
    let (allow, module) = (template.allow(), &template.package.blocking);
    let docs =
        doc(&format!("The services of this package, for servers whose handlers are {}.", Form::Blocking.handlers()));
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
fn service_trait(template: &Template<'_>, service: &ServiceView<'_>, form: Form) -> TokenStream {
    let (allow, core) = (template.allow(), &template.core);
    let name = form.service(service);
    let docs = match service.docs.is_empty() {
        true => doc(&format!("The handlers of `{}`.", service.full_name)),
        false => service.docs.clone(),
    };
    let message = format!("`{{Self}}` does not implement the service `{}`", form.path_text(template, service));
    let note = format!("write {}", form.advice(template, service));
    let others = template.forms.iter().filter(|other| **other != form);
    let others = others.map(|other| format!("or write {}", other.advice(template, service)));
    let handlers = service.methods.iter().map(|m| handler(template, service, m, form));
    let pointers = form.pointers().into_iter().map(|pointer| pointer_impl(template, service, form, &pointer));
    quote! {
        #docs
        #[diagnostic::on_unimplemented(
            message = #message,
            label = "expected handlers of this service",
            note = #note
            #(, note = #others)*
        )]
        #allow
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

/// A handler's signature behind `&self`.
struct Signature {
    names: Vec<Ident>,
    types: Vec<TokenStream>,
    returns: TokenStream,
}

fn signature(template: &Template<'_>, method: &MethodView<'_>, form: Form) -> Signature {
    let (core, streams) = (&template.core, form.streams(template));
    let (request, reply) = (method.request(form.depth()), method.reply(form.depth()));
    let (mut names, mut types) = (Vec::new(), Vec::new());
    if method.client_streams {
        names.push(format_ident!("requests"));
        types.push(quote!(&mut #streams::Receiver<#request>));
    } else {
        names.push(format_ident!("request"));
        types.push(quote!(#core::rpc::Request<#request>));
    }
    let mut ok = quote!(#core::rpc::Response<#reply>);
    if method.server_streams {
        names.push(format_ident!("replies"));
        types.push(quote!(&mut #streams::Sender<#reply>));
        ok = quote!(());
    }
    let returns = form.returns(&quote!(::core::result::Result<#ok, #core::Status>));
    Signature { names, types, returns }
}

fn handler(template: &Template<'_>, service: &ServiceView<'_>, method: &MethodView<'_>, form: Form) -> TokenStream {
    let core = &template.core;
    let function = &method.names.function;
    let Signature { names, types, returns } = signature(template, method, form);
    let docs = method.docs(&format!("Handles `{}.{}`.", service.full_name, method.name));
    if !template.options.default_stubs {
        return quote! {
            #docs
            fn #function(&self, #(#names: #types),*) -> #returns;
        };
    }
    let message = format!("{} is not implemented by this server", method.path);
    let error = form.ready(quote!(Err(#core::Status::unimplemented(#message))));
    quote! {
        #docs
        ///
        /// By default the call ends with UNIMPLEMENTED.
        fn #function(&self, #(#names: #types),*) -> #returns {
            #(let _ = #names;)*
            #error
        }
    }
}

/// `impl HelloService for Arc<T>`, so that handlers can be shared (and, where they block, can be `dyn`).
fn pointer_impl(
    template: &Template<'_>,
    service: &ServiceView<'_>,
    form: Form,
    (pointer, bound): &(Ident, TokenStream),
) -> TokenStream {
    let (allow, core) = (template.allow(), &template.core);
    let name = form.service(service);
    let handlers = service.methods.iter().map(|method| {
        let function = &method.names.function;
        let Signature { names, types, returns } = signature(template, method, form);
        quote! {
            fn #function(&self, #(#names: #types),*) -> #returns {
                <T as self::#name>::#function(&**self, #(#names),*)
            }
        }
    });
    quote! {
        #allow
        impl<T: self::#name #bound> self::#name for #core::rpc::codegen::#pointer<T> {
            #(#handlers)*

            fn on_call(&self, context: &mut #core::rpc::Context) -> ::core::result::Result<(), #core::Status> {
                <T as self::#name>::on_call(&**self, context)
            }
        }
    }
}

/// The server struct, the same for all forms.
fn server_struct(template: &Template<'_>, service: &ServiceView<'_>) -> TokenStream {
    let (allow, server) = (template.allow(), &service.names.server);
    let made = template.forms.iter().map(|form| {
        let (path, constructor) = (form.path_text(template, service), form.constructor());
        format!("of an implementation of [`{path}`] by [`{constructor}`](Self::{constructor})")
    });
    let made = made.collect::<Vec<_>>().join(", or ");
    let docs = doc(&format!("Serves `{}`: made {made}, given to a server.", service.full_name));
    quote! {
        #docs
        #allow
        #[derive(Clone, Debug)]
        pub struct #server<S>(S);
    }
}

/// A form's constructor of the server, and its erased service.
fn erased(template: &Template<'_>, service: &ServiceView<'_>, form: Form) -> TokenStream {
    let (allow, core) = (template.allow(), &template.core);
    let (server, info) = (&service.names.server, &service.names.info);
    let (package, module, path) = (&template.package.methods, &service.names.module, form.path(template, service));
    let (constructor, marker, erased) = (form.constructor(), form.marker(), form.erased());
    let docs = doc(&format!("For a server whose handlers are {}.", form.handlers()));
    let made = match form {
        Form::Blocking => quote! {
            pub const fn #constructor(service: T) -> Self {
                Self(#core::rpc::#marker(service))
            }
        },
        Form::Async => quote! {
            pub fn #constructor(service: T) -> Self {
                Self(#core::rpc::#marker(#core::rpc::codegen::Arc::new(service)))
            }
        },
    };
    let call = dispatch::call(template, service, form);
    quote! {
        #allow
        impl<T: self::#path> #server<#core::rpc::#marker<T>> {
            #docs
            #made
        }

        #allow
        impl<T: self::#path> #core::rpc::#erased for #server<#core::rpc::#marker<T>> {
            fn info(&self) -> &'static #core::rpc::ServiceInfo {
                &self::#package::#module::#info
            }

            fn on_call(&self, context: &mut #core::rpc::Context) -> ::core::result::Result<(), #core::Status> {
                <T as self::#path>::on_call(&self.0.0, context)
            }

            #call
        }
    }
}
