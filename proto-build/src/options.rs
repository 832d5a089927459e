//! What a user may choose about the generated code of services, shared by the build library and the plugin.

use crate::error::{Error, Result};
use proc_macro2::TokenStream;
use std::str::FromStr;

/// The choices. (Those about messages go to prost-build's configuration.)
pub(crate) struct Options {
    pub(crate) build_client: bool,
    pub(crate) build_server: bool,
    /// Servers whose handlers are futures.
    pub(crate) async_server: bool,
    /// Servers whose handlers block.
    pub(crate) blocking_server: bool,
    /// Handlers that a server does not implement answer UNIMPLEMENTED.
    pub(crate) default_stubs: bool,
    /// Paths are `/Service/Method` even in a package.
    pub(crate) omit_package: bool,
    /// How generated code names proto-core.
    pub(crate) core: String,
    /// The codec of methods without one of their own.
    pub(crate) codec: Option<String>,
    /// (which methods, codec): the last that matches counts.
    pub(crate) codecs: Vec<(String, String)>,
    /// Of which services and methods the comments stay out.
    pub(crate) no_comments: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            build_client: true,
            build_server: true,
            async_server: true,
            blocking_server: true,
            default_stubs: false,
            omit_package: false,
            core: "::proto_core".to_owned(),
            codec: None,
            codecs: Vec::new(),
            no_comments: Vec::new(),
        }
    }
}

impl Options {
    /// The path of proto-core, as tokens.
    pub(crate) fn core(&self) -> Result<TokenStream> {
        path(&self.core, "proto_core_path")
    }

    /// The codec of the method of this full name (`.hello.v1.HelloService.SayHello`).
    pub(crate) fn codec(&self, method: &str) -> Result<TokenStream> {
        let own = self.codecs.iter().rev().find(|(pattern, _)| matches(pattern, method));
        match own.map(|(_, codec)| codec).or(self.codec.as_ref()) {
            Some(codec) => path(codec, "codec_path"),
            None => {
                let core = self.core()?;
                Ok(quote::quote!(#core::rpc::Prost))
            }
        }
    }

    /// Do comments of this full name become documentation?
    pub(crate) fn keeps_comments(&self, name: &str) -> bool {
        !self.no_comments.iter().any(|pattern| matches(pattern, name))
    }
}

/// A user's path, checked here where the setting can be named.
fn path(text: &str, setting: &str) -> Result<TokenStream> {
    let parsed: std::result::Result<syn::Path, _> = syn::parse_str(text);
    match parsed.ok().and_then(|_| TokenStream::from_str(text).ok()) {
        Some(tokens) => Ok(tokens),
        None => {
            Err(Error::other(format!("{setting}: {text:?} is not a path of Rust (expected e.g. `crate::MyCodec`)")))
        }
    }
}

/// Patterns as prost-build has them: `.` is everything, `.a.b` is that name and all below it, `C.d` every name that ends so.
fn matches(pattern: &str, name: &str) -> bool {
    if let Some(rest) = pattern.strip_prefix('.') {
        let name = name.strip_prefix('.').unwrap_or(name);
        return rest.is_empty() || name == rest || name.strip_prefix(rest).is_some_and(|n| n.starts_with('.'));
    }
    name == pattern || name.strip_suffix(pattern).is_some_and(|n| n.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_everything_a_subtree_or_an_ending() {
        let name = ".a.b.Service.Method";
        for pattern in
            [".", ".a", ".a.b.Service", ".a.b.Service.Method", "Method", "Service.Method", "b.Service.Method"]
        {
            assert!(matches(pattern, name), "{pattern}");
        }
        for pattern in [".a.b.Serv", ".b", "ethod", "Service", ".a.b.Service.Method.x", "a.b"] {
            assert!(!matches(pattern, name), "{pattern}");
        }
    }

    #[test]
    fn the_last_codec_that_matches_counts() {
        let mut options = Options { codec: Some("crate::All".into()), ..Options::default() };
        options.codecs.push((".a.B".into(), "crate::B".into()));
        options.codecs.push(("Raw".into(), "crate::Raw".into()));
        let codec = |name: &str| options.codec(name).unwrap().to_string().replace(' ', "");
        assert_eq!(
            (codec(".a.A.X"), codec(".a.B.X"), codec(".a.B.Raw")),
            ("crate::All".into(), "crate::B".into(), "crate::Raw".into())
        );
    }

    #[test]
    fn a_setting_that_is_no_path_is_named() {
        let options = Options { codec: Some("not a path".into()), ..Options::default() };
        let error = options.codec(".a.B.C").unwrap_err().to_string();
        assert!(error.contains("codec_path") && error.contains("not a path"), "{error}");
    }
}
