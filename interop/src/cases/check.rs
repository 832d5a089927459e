//! What a case compares.

use super::Outcome;
use crate::testing::Payload;
use proto_core::{Code, Status};
use std::fmt::Debug;

/// Names what differs, and both values.
pub(super) fn equal<T: PartialEq<U> + Debug, U: Debug>(what: &str, got: T, wanted: U) -> Outcome {
    if got == wanted { Ok(()) } else { Err(format!("{what}: got {got:?}, wanted {wanted:?}").into()) }
}

/// A payload of so many zeros. Says the length when it differs, not the bytes.
pub(super) fn zeros(what: &str, payload: Option<&Payload>, size: usize) -> Outcome {
    let body = payload.map_or(&[][..], |payload| &payload.body);
    equal(&format!("{what}: length"), body.len(), size)?;
    equal(&format!("{what}: bytes other than zero"), body.iter().filter(|&&byte| byte != 0).count(), 0)
}

/// The error of a call that must fail.
pub(super) fn failure<T: Debug>(result: Result<T, Status>) -> Result<Status, String> {
    match result {
        Err(status) => Ok(status),
        Ok(reply) => Err(format!("the call ended OK, with {reply:.200?}")),
    }
}

/// Both parts of a status.
pub(super) fn status(what: &str, got: &Status, code: Code, message: &str) -> Outcome {
    equal(what, (got.code(), got.message()), (code, message))
}

/// The code of a status; the whole status is named when it differs.
pub(super) fn code(what: &str, got: &Status, wanted: Code) -> Outcome {
    if got.code() == wanted { Ok(()) } else { Err(format!("{what}: got {got:?}, wanted {wanted:?}").into()) }
}
