//! The examples of TLS run, end by themselves with success, and print what they are there to show.

#[allow(dead_code)]
mod support;

use support::prints;

#[test]
fn tls_is_spoken_blocking_and_awaited_and_mistakes_are_named() {
    prints(
        "tls",
        &[
            "blocking: Ada, over TLS",
            "awaited:  Bob, over TLS",
            "the server's certificate is not valid for \"127.0.0.1\", only for \"localhost\"",
            "the server's certificate is not signed by the authority of that name that we trust",
            "the server expects TLS",
            "the old connection goes on: Cleo, over TLS",
            "new ones get the new one:   Dora, over TLS",
        ],
    );
}

#[test]
fn mutual_tls_tells_the_handler_who_calls() {
    prints(
        "mutual-tls",
        &[
            "Ada: Ada asked for the time",
            "Bob: a good certificate, but nobody I know",
            "the server demands a client certificate, and we have none",
            "the server refused our certificate: nobody whom it trusts has issued it",
        ],
    );
}
