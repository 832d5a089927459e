//! What a connection holds in memory, so that its bound can be seen to hold.

use super::Connection;
use super::streams::Stream;

impl Stream {
    fn memory(&self) -> usize {
        let lists = self.headers.memory() + self.trailers.memory() + self.send.trailers.memory();
        size_of::<Stream>() + lists + self.recv.bytes.capacity() + self.send.bytes.capacity()
    }
}

impl Connection {
    /// Bytes of memory that the connection holds, used or not. Received payloads that are kept as parts of a chunk count by their length; such a part pins
    /// the chunk, at most four times its own size. The driver's `Incoming` and `Outgoing` come on top.
    pub fn memory(&self) -> usize {
        let streams: usize = self.streams.slots().map(|slot| self.streams[slot].memory()).sum();
        let blocks = self.assembly.memory() + self.scratch.memory() + self.encoder.memory() + self.decoder.memory();
        size_of::<Self>() + streams + blocks + self.output.out.memory()
    }
}
