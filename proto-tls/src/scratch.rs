//! Room for ciphertext that has just been read and is about to be decrypted.
//!
//! Nothing stays in it between two reads, so one a thread will do: a connection that is idle has none.

use std::cell::Cell;
use std::ops::{Deref, DerefMut};

/// Two records: one whole one, whatever was left of the one before it.
const SIZE: usize = 32 * 1024;

thread_local! {
    static SPARE: Cell<Option<Box<[u8]>>> = const { Cell::new(None) };
}

/// 32 KiB, given back to its thread when dropped. Its content is whatever was there before.
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
