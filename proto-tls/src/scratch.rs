//! Room for ciphertext that has just been read and is about to be decrypted.
//!
//! Nothing stays in it between two reads, so one a thread will do: a connection that is idle has none.

use std::cell::Cell;
use std::ops::{Deref, DerefMut};

/// As much as a connection's input has room for, and what TLS adds to it.
const SIZE: usize = 65 * 1024;
/// A whole record, whatever there is room for: less would be asked for again and again.
const LEAST: usize = 17 * 1024;

thread_local! {
    static SPARE: Cell<Option<Box<[u8]>>> = const { Cell::new(None) };
}

/// 65 KiB, given back to its thread when dropped. Its content is whatever was there before.
#[derive(Debug)]
pub struct Scratch(Box<[u8]>);

impl Scratch {
    /// This thread's, or a new one.
    pub fn take() -> Self {
        // A thread that is being torn down has none any more.
        let spare = SPARE.try_with(Cell::take).ok().flatten();
        Scratch(spare.unwrap_or_else(|| vec![0; SIZE].into_boxed_slice()))
    }
}

impl Scratch {
    /// Room for about so much plaintext as ciphertext. What is read beyond it would have to be kept, and moved once more.
    pub fn room_for(&mut self, plaintext: usize) -> &mut [u8] {
        // A record of 16 KiB has up to 29 bytes of its own.
        let n = plaintext.saturating_add(plaintext / 512 + 32).clamp(LEAST, SIZE);
        &mut self.0[..n]
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let room = std::mem::take(&mut self.0);
        let _ = SPARE.try_with(|spare| spare.set(Some(room)));
    }
}

impl Deref for Scratch {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl DerefMut for Scratch {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}
