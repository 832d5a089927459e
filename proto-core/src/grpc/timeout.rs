//! `grpc-timeout`: one to eight digits and a unit (PROTOCOL-HTTP2.md, "Requests").

use core::time::Duration;

/// The largest number that eight digits hold.
const MAX_DIGITS: u64 = 99_999_999;

/// The value is not one to eight digits followed by H, M, S, m, u or n.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Reads a value of `grpc-timeout`.
pub(crate) fn parse(value: &[u8]) -> Result<Duration, Malformed> {
    let (&unit, digits) = value.split_last().ok_or(Malformed)?;
    if digits.is_empty() || digits.len() > 8 {
        return Err(Malformed);
    }
    let mut number = 0u64;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return Err(Malformed);
        }
        // Eight digits at most: below 10^8.
        number = number * 10 + u64::from(digit);
    }
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
    let (unit, mut number) = in_finest_unit(left);
    let mut value = Value { bytes: [unit; 9], start: 0 };
    for (start, byte) in (0..8).zip(&mut value.bytes).rev() {
        // A digit: below ten.
        *byte = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            value.start = start;
            break;
        }
    }
    value
}

/// Most time-outs are below 584 years: 64 bits of nanoseconds, divided by constants. (The same on `Duration`'s 128 bits
/// cost 300 instructions a call; benches/cost.)
fn in_finest_unit(left: Duration) -> (u8, u64) {
    let Ok(nanos) = u64::try_from(left.as_nanos()) else {
        let seconds = left.as_secs().saturating_add(u64::from(left.subsec_nanos() > 0));
        return (b'H', seconds.div_ceil(3_600).min(MAX_DIGITS));
    };
    for (unit, number) in [
        (b'n', nanos),
        (b'u', nanos.div_ceil(1_000)),
        (b'm', nanos.div_ceil(1_000_000)),
        (b'S', nanos.div_ceil(1_000_000_000)),
        (b'M', nanos.div_ceil(60 * 1_000_000_000)),
    ] {
        if number <= MAX_DIGITS {
            return (unit, number);
        }
    }
    (b'H', nanos.div_ceil(3_600 * 1_000_000_000))
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
        assert_eq!(written(Duration::from_secs(99_999_999 * 60 + 1)), "1666667H");
        // On both sides of what 64 bits of nanoseconds hold.
        assert_eq!(written(Duration::from_nanos(u64::MAX)), "5124096H");
        assert_eq!(written(Duration::from_nanos(u64::MAX) + Duration::from_nanos(1)), "5124096H");
        assert_eq!(written(Duration::from_secs(99_999_999 * 3_600)), "99999999H");
        assert_eq!(written(Duration::MAX), "99999999H");
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
