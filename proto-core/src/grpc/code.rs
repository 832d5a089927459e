//! [`Code`]: the seventeen status codes of gRPC, their names and their form on the wire.

use core::fmt;

/// The codes of gRPC (statuscodes.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Code {
    /// Not an error.
    Ok = 0,
    /// The call was cancelled, usually by the caller.
    Cancelled = 1,
    /// An error of which nothing more is known.
    Unknown = 2,
    /// The caller gave an argument that is wrong whatever the state of the system.
    InvalidArgument = 3,
    /// The deadline passed before the call could complete.
    DeadlineExceeded = 4,
    /// Something that was asked for does not exist.
    NotFound = 5,
    /// Something that was to be made exists already.
    AlreadyExists = 6,
    /// The caller is known and may not do this.
    PermissionDenied = 7,
    /// A quota, a limit or memory is used up.
    ResourceExhausted = 8,
    /// The system is not in the state that the operation needs.
    FailedPrecondition = 9,
    /// The operation was aborted, usually by a conflict; start again from the top.
    Aborted = 10,
    /// Beyond the valid range; may become valid as the system changes.
    OutOfRange = 11,
    /// The method is not implemented here.
    Unimplemented = 12,
    /// An invariant of the system is broken.
    Internal = 13,
    /// Not available now; trying again may help.
    Unavailable = 14,
    /// Data is lost or corrupt beyond repair.
    DataLoss = 15,
    /// Credentials are missing or wrong.
    Unauthenticated = 16,
}

/// All codes in the order of their numbers.
const ALL: [Code; 17] = [
    Code::Ok,
    Code::Cancelled,
    Code::Unknown,
    Code::InvalidArgument,
    Code::DeadlineExceeded,
    Code::NotFound,
    Code::AlreadyExists,
    Code::PermissionDenied,
    Code::ResourceExhausted,
    Code::FailedPrecondition,
    Code::Aborted,
    Code::OutOfRange,
    Code::Unimplemented,
    Code::Internal,
    Code::Unavailable,
    Code::DataLoss,
    Code::Unauthenticated,
];

/// The decimal form of every code, by number.
const DIGITS: [&str; 17] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16"];

impl Code {
    /// Every code, in the order of their numbers.
    pub const fn all() -> &'static [Code; 17] {
        &ALL
    }

    /// The code of this number; UNKNOWN for a number that gRPC does not define.
    pub fn from_i32(number: i32) -> Code {
        usize::try_from(number).ok().and_then(|n| ALL.get(n).copied()).unwrap_or(Code::Unknown)
    }

    /// Reads the value of `grpc-status`: decimal without leading zeros (PROTOCOL-HTTP2.md). Anything else, and any
    /// number that gRPC does not define, is UNKNOWN.
    pub fn parse(value: &[u8]) -> Code {
        match *value {
            [d @ b'0'..=b'9'] => ALL[usize::from(d - b'0')],
            [b'1', d @ b'0'..=b'6'] => ALL[usize::from(d - b'0') + 10],
            _ => Code::Unknown,
        }
    }

    /// Its number.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// Its number as `grpc-status` carries it.
    pub const fn digits(self) -> &'static str {
        DIGITS[self as usize]
    }

    /// Its name in the documents of gRPC, as in `DEADLINE_EXCEEDED`.
    pub const fn name(self) -> &'static str {
        match self {
            Code::Ok => "OK",
            Code::Cancelled => "CANCELLED",
            Code::Unknown => "UNKNOWN",
            Code::InvalidArgument => "INVALID_ARGUMENT",
            Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
            Code::NotFound => "NOT_FOUND",
            Code::AlreadyExists => "ALREADY_EXISTS",
            Code::PermissionDenied => "PERMISSION_DENIED",
            Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
            Code::FailedPrecondition => "FAILED_PRECONDITION",
            Code::Aborted => "ABORTED",
            Code::OutOfRange => "OUT_OF_RANGE",
            Code::Unimplemented => "UNIMPLEMENTED",
            Code::Internal => "INTERNAL",
            Code::Unavailable => "UNAVAILABLE",
            Code::DataLoss => "DATA_LOSS",
            Code::Unauthenticated => "UNAUTHENTICATED",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl From<Code> for i32 {
    fn from(code: Code) -> i32 {
        i32::from(code.number())
    }
}

impl From<i32> for Code {
    fn from(number: i32) -> Code {
        Code::from_i32(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn every_code_survives_its_wire_form() {
        for (number, &code) in Code::all().iter().enumerate() {
            assert_eq!(usize::from(code.number()), number);
            assert_eq!(Code::parse(code.digits().as_bytes()), code);
            assert_eq!(code.digits(), number.to_string());
            assert_eq!(Code::from_i32(i32::from(code)), code);
        }
    }

    #[test]
    fn an_unparsable_or_unknown_grpc_status_is_unknown() {
        for value in ["", "00", "05", "17", "99", "-1", "+1", "1 ", " 1", "one", "0x1", "4294967296", "16.0"] {
            assert_eq!(Code::parse(value.as_bytes()), Code::Unknown, "{value:?}");
        }
        assert_eq!(Code::from_i32(17), Code::Unknown);
        assert_eq!(Code::from_i32(-1), Code::Unknown);
    }

    #[test]
    fn codes_print_as_the_documents_write_them() {
        assert_eq!(Code::DeadlineExceeded.to_string(), "DEADLINE_EXCEEDED");
        assert_eq!(Code::Ok.to_string(), "OK");
    }
}
