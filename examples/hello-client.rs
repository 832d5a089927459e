//! A client for `hello-server`.
//!
//!     cargo run --example hello-client -- --target 127.0.0.1:50051 --name Ada

use examples::hello::{HelloRequest, HelloServiceClient};
use rt_std::{Channel, Request};
use std::error::Error;
use std::time::Duration;

fn main() -> Result<(), Box<dyn Error>> {
    let mut target = "127.0.0.1:50051".to_owned();
    let mut name = "world".to_owned();
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match (arg.as_str(), args.next()) {
            ("--target", Some(value)) => target = value,
            ("--name", Some(value)) => name = value,
            _ => return Err("usage: hello-client [--target ADDRESS:PORT] [--name NAME]".into()),
        }
    }
    let hello = HelloServiceClient::new(Channel::new(&target)?);
    // The time includes the connection; nothing here waits longer.
    let request = Request::new(HelloRequest { greeting: name }).with_timeout(Duration::from_secs(5));
    println!("{}", hello.say_hello(request)?.reply);
    Ok(())
}
