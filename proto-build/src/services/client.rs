//! The client: one struct for every runtime, generic over its channel.

use super::{MethodView, ServiceView, Template, doc};
use proc_macro2::TokenStream;
use quote::quote;

pub(super) fn client(template: &Template<'_>, service: &ServiceView<'_>) -> TokenStream {
    let (allow, core) = (template.allow(), &template.core);
    let client = &service.names.client;
    let summary = doc(&format!("Calls `{}` over a channel `F` of any runtime.", service.full_name));
    let (space, docs) = match service.docs.is_empty() {
        true => (TokenStream::new(), TokenStream::new()),
        false => (doc(""), service.docs.clone()),
    };
    let deprecated = if service.deprecated { quote!(#[deprecated]) } else { TokenStream::new() };
    let methods = service.methods.iter().map(|method| one(template, service, method));
    quote! {
        #summary
        #space
        #docs
        #deprecated
        #allow
        #[derive(Clone, Debug)]
        pub struct #client<F> {
            front: F,
        }

        #allow
        impl<F: #core::rpc::Front> #client<F> {
            /// A client of the service over this channel.
            pub const fn new(front: F) -> Self {
                Self { front }
            }
            #(#methods)*
        }
    }
}

fn one(template: &Template<'_>, service: &ServiceView<'_>, method: &MethodView<'_>) -> TokenStream {
    let core = &template.core;
    let (package, module) = (&template.package.methods, &service.names.module);
    let (function, constant) = (&method.names.function, &method.names.constant);
    let descriptor = quote!(&self::#package::#module::#constant);
    let (request, reply) = (method.request(0), method.reply(0));
    let docs = method.docs(&format!("Calls `{}.{}`.", service.full_name, method.name));
    let deprecated = method.deprecated();
    if !method.client_streams {
        let (front, returns) = match method.server_streams {
            false => (quote!(unary), quote!(F::Unary<#reply>)),
            true => (quote!(streaming), quote!(F::Streaming<#reply>)),
        };
        return quote! {
            #docs
            #deprecated
            pub fn #function(&self, request: impl #core::rpc::IntoRequest<#request>) -> #returns {
                self.front.#front(#descriptor, request.into_request())
            }
        };
    }
    let (front, returns) = match method.server_streams {
        false => (quote!(client_streaming), quote!(F::ClientStreaming<#request, #reply>)),
        true => (quote!(bidi), quote!(F::Bidi<#request, #reply>)),
    };
    let with = &method.names.with_options;
    let plain = function.to_string().replace("r#", "");
    let with_docs = doc(&format!("Like [`{plain}`](Self::{plain}), with a timeout, metadata and other options."));
    quote! {
        #docs
        #deprecated
        pub fn #function(&self) -> #returns {
            self.front.#front(#descriptor, #core::rpc::RequestOptions::new())
        }

        #with_docs
        #deprecated
        pub fn #with(&self, options: #core::rpc::RequestOptions) -> #returns {
            self.front.#front(#descriptor, options)
        }
    }
}
