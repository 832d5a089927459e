//! From a call's number and bytes to its handler and back: one match; where handlers are futures, one box a call.

use super::form::Form;
use super::{MethodView, ServiceView, Template};
use proc_macro2::{Literal, TokenStream};
use quote::quote;

/// The `call` of a form's erased service.
pub(super) fn call(template: &Template<'_>, service: &ServiceView<'_>, form: Form) -> TokenStream {
    let core = &template.core;
    let arms = (0u16..).map(Literal::u16_unsuffixed).zip(&service.methods).map(|(number, method)| {
        let (package, module, constant) = (&template.package.methods, &service.names.module, &method.names.constant);
        let (path, function) = (form.path(template, service), &method.names.function);
        let handler = quote!(<T as self::#path>::#function);
        let body = match form {
            Form::Blocking => blocking(method, &handler),
            Form::Async => future(template, method, &handler),
        };
        quote! {
            #number => {
                let descriptor = &self::#package::#module::#constant;
                #body
            }
        }
    });
    let body = |unknown: TokenStream| match service.methods.is_empty() {
        true => unknown,
        false => quote!(match method { #(#arms)* _ => #unknown }),
    };
    match form {
        Form::Blocking => {
            let body = body(quote!(Err(call.no_such_method(method))));
            quote! {
                fn call(
                    &self,
                    method: u16,
                    call: &mut #core::rpc::ServerCall,
                ) -> ::core::result::Result<(), #core::Status> {
                    #body
                }
            }
        }
        Form::Async => {
            let body = body(quote!(call.no_such_method_async(method)));
            // The futures use what they capture where it is: what is moved inside of a future is in it twice.
            let service = (!service.methods.is_empty()).then(|| {
                quote! {
                    let service = #core::rpc::codegen::Arc::clone(&self.0.0);
                    let mut call = call;
                }
            });
            quote! {
                fn call(&self, method: u16, call: #core::rpc::ServerCall) -> #core::rpc::CallFuture {
                    #service
                    #body
                }
            }
        }
    }
}

fn blocking(method: &MethodView<'_>, handler: &TokenStream) -> TokenStream {
    let input = match method.client_streams {
        false => quote!(call.request(descriptor.decode_request)?),
        true => quote!(&mut call.receiver(descriptor.decode_request)),
    };
    match method.server_streams {
        false => quote! {
            let reply = #handler(&self.0.0, #input)?;
            call.reply(reply, descriptor.encode_reply)
        },
        true => quote!(#handler(&self.0.0, #input, &mut call.sender(descriptor.encode_reply))),
    }
}

fn future(template: &Template<'_>, method: &MethodView<'_>, handler: &TokenStream) -> TokenStream {
    let core = &template.core;
    let (input, argument) = match method.client_streams {
        // A request that does not parse is an outcome like any other.
        false => (
            quote! {
                let request = match call.request(descriptor.decode_request) {
                    Ok(request) => request,
                    Err(status) => return (call, Err(status)),
                };
            },
            quote!(request),
        ),
        true => (quote!(let mut requests = call.async_receiver(descriptor.decode_request);), quote!(&mut requests)),
    };
    let run = match method.server_streams {
        false => quote! {
            let reply = #handler(&service, #argument).await;
            call.answered(reply, descriptor.encode_reply)
        },
        true => quote! {
            let mut replies = call.async_sender(descriptor.encode_reply);
            let outcome = #handler(&service, #argument, &mut replies).await;
            (call, outcome)
        },
    };
    quote! {
        #core::rpc::codegen::Box::pin(async move {
            #input
            #run
        })
    }
}
