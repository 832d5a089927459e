//! The loop of the example `tokio-client`, looked at from inside.

#[allow(dead_code, reason = "its `main` is run as a program, by `loops`")]
#[path = "../tokio-client.rs"]
mod tokio_client;
