//! The method descriptors and the method table of each service: statics, named by clients and servers alike.

use super::{ServiceView, Template, doc};
use proc_macro2::{Literal, TokenStream};
use quote::quote;

/// The module around the tables of a package.
pub(super) fn module(template: &Template<'_>, tables: TokenStream) -> TokenStream {
    let (allow, name) = (template.allow(), &template.package.methods);
    quote! {
        /// The methods of this package's services: path, kind, and how their messages are written and read.
        #allow
        #[allow(clippy::module_inception)]
        pub mod #name {
            #tables
        }
    }
}

/// The methods of one service.
pub(super) fn table(template: &Template<'_>, service: &ServiceView<'_>) -> TokenStream {
    let core = &template.core;
    let (module, info, full_name) = (&service.names.module, &service.names.info, &service.full_name);
    let summary = doc(&format!("Of `{full_name}`."));
    let mut statics = TokenStream::new();
    let mut rows = TokenStream::new();
    let mut arms = TokenStream::new();
    for (number, method) in (0u16..).map(Literal::u16_unsuffixed).zip(&service.methods) {
        let (constant, codec, name, path) = (&method.names.constant, &method.codec, method.name, &method.path);
        let (request, reply) = (method.request(2), method.reply(2));
        let kind = match (method.client_streams, method.server_streams) {
            (false, false) => quote!(UNARY),
            (false, true) => quote!(SERVER_STREAMING),
            (true, false) => quote!(CLIENT_STREAMING),
            (true, true) => quote!(BIDI),
        };
        let kind = quote!(#core::rpc::Kind::#kind);
        let docs = doc(&format!("`{path}`"));
        let bytes = Literal::byte_string(name.as_bytes());
        statics.extend(quote! {
            #docs
            pub static #constant: #core::rpc::Method<#request, #reply> = #core::rpc::Method::new::<#codec>(#path, #kind);
        });
        rows.extend(quote!(#core::rpc::MethodInfo { name: #name, path: #path, kind: #kind },));
        arms.extend(quote!(#bytes => Some(#number),));
    }
    let find = match service.methods.is_empty() {
        true => quote!(|_| None),
        false => quote!(|name| match name { #arms _ => None }),
    };
    quote! {
        #summary
        pub mod #module {
            #statics
            /// The service's table, by which servers find its methods.
            pub static #info: #core::rpc::ServiceInfo = #core::rpc::ServiceInfo {
                name: #full_name,
                methods: &[#rows],
                find: #find,
            };
        }
    }
}
