//! Where the head of an HTTP/1.x message ends.

/// Longest head that is taken, bytes: what common servers take of a request (8 to 16 KiB). Guards against peers that send a head
/// without end.
pub(super) const MAX_HEAD: usize = 16 * 1024;

/// Most header fields in a head.
pub(super) const MAX_FIELDS: usize = 100;

/// Finds the empty line that ends a head (RFC 9112 section 2.1), however it is chopped. Each byte is looked at once.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct HeadEnd {
    /// The first line has begun: empty lines before it do not count (RFC 9112 section 2.2).
    begun: bool,
    /// The line that is under way has something in it.
    filled: bool,
}

impl HeadEnd {
    /// Looks at the bytes that follow those seen before: how many of them belong to the head, if its end is among them.
    pub(super) fn find(&mut self, bytes: &[u8]) -> Option<usize> {
        for (at, &byte) in bytes.iter().enumerate() {
            match byte {
                b'\n' if self.begun && !self.filled => return Some(at + 1),
                b'\n' => self.filled = false,
                b'\r' => {}
                _ => (self.begun, self.filled) = (true, true),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_found_however_the_head_is_chopped() {
        for (text, len) in [
            (&b"GET / HTTP/1.1\r\n\r\nrest"[..], 18),
            (b"GET / HTTP/1.1\n\nrest", 16),
            (b"\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n\r\n", 31),
            (b"a\r\nb\n\r\n", 7),
        ] {
            for cut in 0..=text.len() {
                let mut end = HeadEnd::default();
                let found = end.find(&text[..cut]).or_else(|| end.find(&text[cut..]).map(|n| cut + n));
                assert_eq!(found, Some(len), "cut at {cut}");
            }
        }
        assert_eq!(HeadEnd::default().find(b"\r\n\r\n\n\n"), None);
    }
}
