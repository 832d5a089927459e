//! The crate's own lock: a mutex that knows what must not happen while it is held.
//!
//! Three rules hold everywhere in this crate: while a lock is held no call of the seam is made (`now` excepted), no task is
//! woken and no waker dropped (a waker may run, or drop, a task that calls back), and never two locks at once. Debug
//! builds assert them.

pub(crate) use rt_common::sync::{Guard, Lock, assert_unlocked};
