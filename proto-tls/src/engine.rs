//! How rustls is asked: for a record, for what it has to say, and to work once we have closed.
//!
//! What it does not do: keep anything, know what the answers mean. Its caller is the stage.

use crate::stage::RECORD;
use rustls::{Connection, IoState};
use std::io::{IoSlice, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Segments of one record.
const SEGMENTS: usize = 64;

/// Encrypts the beginning of this plaintext into one record: how much of it.
pub(crate) fn write_record<'a>(tls: &mut Connection, plaintext: impl Iterator<Item = &'a [u8]>) -> usize {
    let mut segments = plaintext.filter(|segment| !segment.is_empty());
    let Some(first) = segments.next() else { return 0 };
    // A writer only fails to take what is beyond its buffer.
    if first.len() >= RECORD {
        return tls.writer().write(&first[..RECORD]).unwrap_or(0);
    }
    match segments.next() {
        None => tls.writer().write(first).unwrap_or(0),
        Some(second) => gather(tls, [first, second].into_iter().chain(segments)),
    }
}

/// The same of several segments.
fn gather<'a>(tls: &mut Connection, segments: impl Iterator<Item = &'a [u8]>) -> usize {
    let mut slices = [IoSlice::new(&[]); SEGMENTS];
    let (mut count, mut room) = (0, RECORD);
    for segment in segments {
        if room == 0 || count == SEGMENTS {
            break;
        }
        let part = &segment[..segment.len().min(room)];
        slices[count] = IoSlice::new(part);
        count += 1;
        room -= part.len();
    }
    tls.writer().write_vectored(&slices[..count]).unwrap_or(0)
}

/// Appends what rustls has for the peer.
pub(crate) fn transmit(tls: &mut Connection, into: &mut Vec<u8>) {
    while tls.wants_write() {
        // Writing to a vector does not fail.
        if !matches!(tls.write_tls(into), Ok(1..)) {
            break;
        }
    }
}

/// Lets rustls work after our close_notify; `None`: it has panicked. It asserts in debug builds, wrongly, that no fault of the peer is
/// left then to be answered with an alert (rustls issue 959; all of 0.23). No other way round is left: nobody but rustls can say
/// whether a record is good, nothing else writes a close_notify, and the peer may speak on behind ours. What panicked must not be asked to
/// work again; what it had deciphered before lies in a queue of its own, and can be read. Builds without these assertions get the
/// error itself.
pub(crate) fn process_closed(tls: &mut Connection) -> Option<Result<IoState, rustls::Error>> {
    catch_unwind(AssertUnwindSafe(|| tls.process_new_packets())).ok()
}
