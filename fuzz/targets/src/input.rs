//! An input, read from its front. Where it ends, zeros follow: any bytes mean something.

use arbitrary::{Arbitrary, Unstructured};

/// What is left of an input.
pub(crate) struct Input<'a>(Unstructured<'a>);

impl<'a> Input<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Input(Unstructured::new(bytes))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.0.arbitrary().unwrap_or(0)
    }

    pub(crate) fn u16(&mut self) -> u16 {
        self.0.arbitrary().unwrap_or(0)
    }

    pub(crate) fn u64(&mut self) -> u64 {
        self.0.arbitrary().unwrap_or(0)
    }

    /// One of these, by one byte.
    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::from(self.byte()) % from.len()]
    }

    /// So many bytes, or what is left.
    pub(crate) fn take(&mut self, n: usize) -> &'a [u8] {
        let n = n.min(self.0.len());
        self.0.bytes(n).unwrap_or(&[])
    }

    /// A piece with its length before it: one byte, or 255 and two more.
    pub(crate) fn piece(&mut self) -> &'a [u8] {
        let n = match self.byte() {
            255 => usize::from(self.u16()),
            n => usize::from(n),
        };
        self.take(n)
    }

    /// Everything that is left.
    pub(crate) fn rest(&mut self) -> &'a [u8] {
        self.take(usize::MAX)
    }

    /// Values until the input ends.
    pub(crate) fn all<T: Arbitrary<'a>>(mut self) -> impl Iterator<Item = T> {
        core::iter::from_fn(move || if self.is_empty() { None } else { self.0.arbitrary().ok() })
    }
}

/// Appends a piece as [`Input::piece`] reads it; what is longer than 65,535 bytes is cut.
pub(crate) fn put_piece(out: &mut Vec<u8>, bytes: &[u8]) {
    let bytes = &bytes[..bytes.len().min(usize::from(u16::MAX))];
    match u8::try_from(bytes.len()) {
        Ok(n) if n < 255 => out.push(n),
        _ => {
            out.push(255);
            // Cut above.
            out.extend((bytes.len() as u16).to_le_bytes());
        }
    }
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_read_as_they_were_put() {
        let mut out = Vec::new();
        for n in [0, 1, 254, 255, 256, 65_535] {
            put_piece(&mut out, &vec![7; n]);
        }
        let mut input = Input::new(&out);
        for n in [0, 1, 254, 255, 256, 65_535] {
            assert_eq!(input.piece().len(), n);
        }
        assert!(input.is_empty() && input.piece().is_empty());
    }
}
