//! Line ends made alike, so that rows can say on which line of the file they begin.

use std::io::{self, Read};

/// Passes a text on with `\n` for every `\r\n` and `\r`, and one at the end.
pub struct UnixLines<R> {
    inner: R,
    /// The last byte that was read, before it was changed.
    last: u8,
}

impl<R: Read> UnixLines<R> {
    pub fn new(inner: R) -> Self {
        Self { inner, last: b'\n' }
    }

    /// Rewrites what was read in place; returns how much of it is left.
    fn rewrite(&mut self, bytes: &mut [u8]) -> usize {
        let mut kept = 0;
        for index in 0..bytes.len() {
            let byte = bytes[index];
            let second_half = byte == b'\n' && self.last == b'\r';
            self.last = byte;
            if !second_half {
                bytes[kept] = if byte == b'\r' { b'\n' } else { byte };
                kept += 1;
            }
        }
        kept
    }
}

impl<R: Read> Read for UnixLines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // An empty result would mean the end, so what is nothing but half a line end is read over.
        while !buffer.is_empty() {
            let count = self.inner.read(buffer)?;
            if count == 0 {
                let complete = matches!(self.last, b'\n' | b'\r');
                if !complete {
                    self.last = b'\n';
                    buffer[0] = b'\n';
                }
                return Ok(usize::from(!complete));
            }
            let kept = self.rewrite(&mut buffer[..count]);
            if kept > 0 {
                return Ok(kept);
            }
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives out one byte at a time, so that line ends are torn apart.
    struct Drop<'a>(&'a [u8]);

    impl Read for Drop<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let one = buffer.len().min(1);
            self.0.read(&mut buffer[..one])
        }
    }

    #[test]
    fn line_ends() {
        for (text, expect) in [
            ("", ""),
            ("a", "a\n"),
            ("a\n", "a\n"),
            ("a\r\nb", "a\nb\n"),
            ("a\rb\r", "a\nb\n"),
            ("\r\n\r\n\n\r", "\n\n\n\n"),
            ("a\r\n", "a\n"),
        ] {
            for torn in [false, true] {
                let mut out = String::new();
                let bytes = text.as_bytes();
                let done = if torn {
                    UnixLines::new(Drop(bytes)).read_to_string(&mut out)
                } else {
                    UnixLines::new(bytes).read_to_string(&mut out)
                };
                assert_eq!((done.is_ok(), out.as_str()), (true, expect), "{text:?}");
            }
        }
    }
}
