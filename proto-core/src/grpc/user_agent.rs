//! `user-agent`: `grpc-<language>-<variant>/<version>` (PROTOCOL-HTTP2.md, "User Agents"), with the application's own
//! in front.

use alloc::string::String;

/// Our own product token.
const TOKEN: &str = concat!("grpc-rust-proto/", env!("CARGO_PKG_VERSION"));

/// The value to send: `prefix`, where there is one, and our own token. Characters that a header cannot carry are left
/// out of the prefix.
pub(crate) fn value(prefix: &str) -> String {
    let mut value: String = prefix.chars().filter(|c| matches!(c, ' '..='~')).collect();
    value.truncate(value.trim_end().len());
    value.drain(..value.len() - value.trim_start().len());
    if !value.is_empty() {
        value.push(' ');
    }
    value.push_str(TOKEN);
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_agent_names_language_variant_and_version() {
        assert_eq!(value(""), concat!("grpc-rust-proto/", env!("CARGO_PKG_VERSION")));
    }

    #[test]
    fn the_applications_own_stands_in_front_and_cannot_break_the_header() {
        assert!(value("shop/1.2").starts_with("shop/1.2 grpc-rust-proto/"));
        assert!(value(" shop\r\nx: y\u{e9} ").starts_with("shopx: y grpc-rust-proto/"));
    }
}
