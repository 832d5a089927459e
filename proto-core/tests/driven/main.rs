//! Calls on a loop of one's own (`rpc::driven`): generated code's shapes over two connections wired in memory.

mod client;
mod server;
mod threads;
mod world;
