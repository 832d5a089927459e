//! `grpc-timeout`: one to eight digits and a unit (PROTOCOL-HTTP2.md, "Requests").

use core::time::Duration;

/// Units from fine to coarse with their length in nanoseconds.
const UNITS: [(u8, u64); 6] = [
    (b'n', 1),
    (b'u', 1_000),
    (b'm', 1_000_000),
    (b'S', 1_000_000_000),
    (b'M', 60 * 1_000_000_000),
    (b'H', 3_600 * 1_000_000_000),
];

/// The largest number that eight digits hold.
const MAX_DIGITS: u64 = 99_999_999;

/// The value is not one to eight digits followed by H, M, S, m, u or n.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Reads a value of `grpc-timeout`.
pub(crate) fn parse(value: &[u8]) -> Result<Duration, Malformed> {
    let (&unit, digits) = value.split_last().ok_or(Malformed)?;
    if digits.is_empty() || digits.len() > 8 || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Malformed);
    }
    // Eight digits at most: below 10^8.
    let number = digits.iter().fold(0u64, |n, d| n * 10 + u64::from(d - b'0'));
    match unit {
        b'n' => Ok(Duration::from_nanos(number)),
        b'u' => Ok(Duration::from_micros(number)),
        b'm' => Ok(Duration::from_millis(number)),
        b'S' => Ok(Duration::from_secs(number)),
        b'M' => Ok(Duration::from_secs(number * 60)),
        b'H' => Ok(Duration::from_secs(number * 3_600)),
        _ => Err(Malformed),
    }
}

/// A value of `grpc-timeout`, ready to be written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Value {
    bytes: [u8; 9],
    start: u8,
}

impl Value {
    /// The digits and the unit.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[usize::from(self.start)..]
    }
}

/// Writes `left` in the finest unit whose number has at most eight digits, rounded up, so that the peer never gives up
/// before this side does. More than 99,999,999 hours are sent as that.
pub(crate) fn format(left: Duration) -> Value {
    // What 64 bits of nanoseconds do not hold, 584 years, is rounded to hours below the eight digits' limit or beyond it.
    let nanos = u64::try_from(left.as_nanos()).ok();
    let in_units = |nanos: u64| {
        let fits = UNITS.iter().find(|(_, length)| nanos <= length.saturating_mul(MAX_DIGITS));
        fits.map(|&(unit, length)| (unit, nanos.div_ceil(length)))
    };
    let hours = || (b'H', left.as_secs().div_ceil(3_600).saturating_add(1).min(MAX_DIGITS));
    let (unit, mut number) = nanos.and_then(in_units).unwrap_or_else(hours);
    let mut value = Value { bytes: [unit; 9], start: 8 };
    loop {
        value.start -= 1;
        // A digit: below ten.
        value.bytes[usize::from(value.start)] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;

    fn written(left: Duration) -> String {
        String::from_utf8(format(left).as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn every_unit_is_read() {
        assert_eq!(parse(b"1H"), Ok(Duration::from_secs(3_600)));
        assert_eq!(parse(b"2M"), Ok(Duration::from_secs(120)));
        assert_eq!(parse(b"3S"), Ok(Duration::from_secs(3)));
        assert_eq!(parse(b"4m"), Ok(Duration::from_millis(4)));
        assert_eq!(parse(b"5u"), Ok(Duration::from_micros(5)));
        assert_eq!(parse(b"6n"), Ok(Duration::from_nanos(6)));
        assert_eq!(parse(b"0S"), Ok(Duration::ZERO));
        assert_eq!(parse(b"00000001S"), Ok(Duration::from_secs(1)));
        assert_eq!(parse(b"99999999H"), Ok(Duration::from_secs(99_999_999 * 3_600)));
    }

    #[test]
    fn anything_else_is_malformed() {
        for bad in ["", "S", "1", "1s", "1h", "-1S", "+1S", " 1S", "1S ", "1.5S", "123456789n", "1SS", "１S", "1 S"] {
            assert_eq!(parse(bad.as_bytes()), Err(Malformed), "{bad:?}");
        }
    }

    #[test]
    fn the_finest_unit_that_fits_is_chosen_and_rounded_up() {
        assert_eq!(written(Duration::ZERO), "0n");
        assert_eq!(written(Duration::from_nanos(1)), "1n");
        assert_eq!(written(Duration::from_nanos(99_999_999)), "99999999n");
        assert_eq!(written(Duration::from_nanos(100_000_000)), "100000u");
        assert_eq!(written(Duration::from_nanos(100_000_001)), "100001u");
        assert_eq!(written(Duration::from_secs(100)), "100000m");
        assert_eq!(written(Duration::from_secs(1_000_000)), "1000000S");
        assert_eq!(written(Duration::from_secs(u64::MAX)), "99999999H");
    }

    #[test]
    fn what_is_written_is_read_as_no_less() {
        let mut nanos = 1u64;
        while nanos < u64::MAX / 7 {
            let left = Duration::from_nanos(nanos);
            let read = parse(format(left).as_bytes()).unwrap();
            assert!(read >= left && read - left <= left / 100_000, "{left:?} became {read:?}");
            nanos = nanos * 7 + 3;
        }
    }
}
