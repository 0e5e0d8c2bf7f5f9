//! The quotes of a CSV file, checked on the way: a reader that forgives them makes one field of many rows.

use std::io::{self, ErrorKind, Read};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    FieldStart,
    Plain,
    Quoted,
    /// After a quote that closes the field, unless another one follows.
    AfterQuote,
}

/// Passes a text with `\n` at the end of its lines on, up to a quote that is not closed or has text after it.
pub struct Quotes<R> {
    inner: R,
    place: Place,
    line: u64,
    /// Where the field in quotes begins.
    opened: u64,
    broken: Option<String>,
}

impl<R: Read> Quotes<R> {
    pub fn new(inner: R) -> Self {
        Self { inner, place: Place::FieldStart, line: 1, opened: 1, broken: None }
    }

    /// Whether the quotes are in order so far.
    fn step(&mut self, byte: u8) -> bool {
        self.line += u64::from(byte == b'\n');
        self.place = match (self.place, byte) {
            (Place::FieldStart, b'"') => {
                self.opened = self.line;
                Place::Quoted
            }
            (Place::AfterQuote, b'"') => Place::Quoted,
            (Place::Quoted, b'"') => Place::AfterQuote,
            (Place::Quoted, _) => Place::Quoted,
            (Place::FieldStart | Place::Plain | Place::AfterQuote, b',' | b'\n') => Place::FieldStart,
            // A mark of the byte order may stand before the first field.
            (Place::FieldStart, 0xEF | 0xBB | 0xBF) if self.line == 1 => Place::FieldStart,
            (Place::FieldStart | Place::Plain, _) => Place::Plain,
            (Place::AfterQuote, _) => return false,
        };
        true
    }
}

impl<R: Read> Read for Quotes<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(reason) = self.broken.take() {
            return Err(io::Error::new(ErrorKind::InvalidData, reason));
        }
        let count = self.inner.read(buffer)?;
        if count == 0 && !buffer.is_empty() && self.place == Place::Quoted {
            return Err(io::Error::new(ErrorKind::InvalidData, format!("the quote that opens in line {} is never closed", self.opened)));
        }
        let Some(good) = buffer[..count].iter().position(|byte| !self.step(*byte)) else { return Ok(count) };
        self.broken = Some(format!(
            "text follows the quote in line {} that closes the one of line {}; a quote within a field is written twice",
            self.line, self.opened
        ));
        // What is good comes first, and no bytes at all would mean the end.
        if good == 0 { self.read(buffer) } else { Ok(good) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_closed_and_nothing_follows_them() {
        for (text, expect) in [
            ("a,b\n1,\"two\nlines, \"\"quoted\"\"\"\n", Ok(())),
            ("\u{feff}\"a\",b\n5\" pipe,\"\"\n", Ok(())),
            ("a,b\n1,\"open\n2,3\n", Err("the quote that opens in line 2 is never closed")),
            ("a,b\n1,\"open\n2,\"closed\" too late\n", Err("in line 3 that closes the one of line 2")),
        ] {
            let read = Quotes::new(text.as_bytes()).read_to_string(&mut String::new()).map(|_| ()).map_err(|error| error.to_string());
            match expect {
                Ok(()) => assert_eq!(read, Ok(()), "{text}"),
                Err(part) => assert!(read.as_ref().is_err_and(|error| error.contains(part)), "{text}: {read:?}"),
            }
        }
    }
}
