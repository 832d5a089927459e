//! In what the forms of servers differ: handlers that block, and handlers that are futures.

use super::{ServiceView, Template};
use crate::options::Options;
use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

/// A kind of handlers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Plain functions that may block; their traits stand in a module of the package.
    Blocking,
    /// Futures; their traits stand in the package itself.
    Async,
}

impl Form {
    /// Those that are generated.
    pub(super) fn all(options: &Options) -> Vec<Form> {
        let wanted = [(Form::Async, options.async_server), (Form::Blocking, options.blocking_server)];
        wanted.into_iter().filter_map(|(form, wanted)| (wanted && options.build_server).then_some(form)).collect()
    }

    /// What kind of handlers, in documentation and diagnostics.
    pub(super) fn handlers(self) -> &'static str {
        match self {
            Form::Blocking => "plain `fn`s that may block",
            Form::Async => "`async fn`s",
        }
    }

    /// The constructor of the generated server: `HelloServiceServer::blocking(t)`.
    pub(super) fn constructor(self) -> Ident {
        ident(match self {
            Form::Blocking => "blocking",
            Form::Async => "new",
        })
    }

    /// The wrapper that marks the form (`rpc::Blocking`).
    pub(super) fn marker(self) -> Ident {
        ident(match self {
            Form::Blocking => "Blocking",
            Form::Async => "Async",
        })
    }

    /// The erased service (`rpc::BlockingService`).
    pub(super) fn erased(self) -> Ident {
        ident(match self {
            Form::Blocking => "BlockingService",
            Form::Async => "AsyncService",
        })
    }

    /// The trait.
    pub(super) fn service<'a>(self, service: &ServiceView<'a>) -> &'a Ident {
        match self {
            Form::Blocking => &service.names.service,
            Form::Async => &service.names.async_service,
        }
    }

    /// The trait as the package's module names it: `blocking::HelloService`.
    pub(super) fn path(self, template: &Template<'_>, service: &ServiceView<'_>) -> TokenStream {
        let (module, name) = (&template.package.blocking, self.service(service));
        match self {
            Form::Blocking => quote!(#module::#name),
            Form::Async => quote!(#name),
        }
    }

    /// The same for documentation and diagnostics.
    pub(super) fn path_text(self, template: &Template<'_>, service: &ServiceView<'_>) -> String {
        self.path(template, service).to_string().replace(' ', "")
    }

    /// How many modules below the package the trait stands.
    pub(super) fn depth(self) -> usize {
        match self {
            Form::Blocking => 1,
            Form::Async => 0,
        }
    }

    /// Where `Sender` and `Receiver` of these handlers are.
    pub(super) fn streams(self, template: &Template<'_>) -> TokenStream {
        let core = &template.core;
        match self {
            Form::Blocking => quote!(#core::rpc),
            Form::Async => quote!(#core::rpc::asynchronous),
        }
    }

    /// What a handler with this outcome returns.
    pub(super) fn returns(self, outcome: &TokenStream) -> TokenStream {
        match self {
            Form::Blocking => outcome.clone(),
            Form::Async => quote!(impl ::core::future::Future<Output = #outcome> + ::core::marker::Send),
        }
    }

    /// An outcome that stands already, as it is returned.
    pub(super) fn ready(self, outcome: TokenStream) -> TokenStream {
        match self {
            Form::Blocking => outcome,
            Form::Async => quote!(::core::future::ready(#outcome)),
        }
    }

    /// The pointers to an implementation that are implementations too, and what their targets may be beside sized. (A
    /// trait whose handlers are futures cannot be `dyn`.)
    pub(super) fn pointers(self) -> Vec<(Ident, TokenStream)> {
        match self {
            Form::Blocking => ["Arc", "Box"].map(|pointer| (ident(pointer), quote!(+ ?Sized))).into(),
            Form::Async => vec![(ident("Arc"), TokenStream::new())],
        }
    }

    /// What to write in order to have it.
    pub(super) fn advice(self, template: &Template<'_>, service: &ServiceView<'_>) -> String {
        let (path, constructor) = (self.path_text(template, service), self.constructor());
        let server = match self {
            Form::Blocking => "a blocking server",
            Form::Async => "the server of an async runtime",
        };
        format!(
            "`impl {path} for YourType`, with handlers that are {}; pass `{}::{constructor}(your_value)` to {server}",
            self.handlers(),
            service.names.server,
        )
    }
}

fn ident(name: &str) -> Ident {
    Ident::new(name, Span::call_site())
}
