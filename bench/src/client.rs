//! The smallest HTTP/1.1 client that can measure Souk: one keep-alive connection, whole requests in,
//! whole answers out. Answers must carry a content length.

use std::fmt;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::scan;

const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;
const EXCERPT_BYTES_MAX: usize = 600;

/// Why an operation did not do what it was meant to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    Connection(String),
    Malformed(&'static str),
    Unexpected { request: String, status: u16, body: String },
    Missing { what: &'static str, body: String },
    Timeout,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connection(reason) => write!(f, "the connection failed: {reason}"),
            Self::Malformed(reason) => write!(f, "the answer is not what this client understands: {reason}"),
            Self::Unexpected { request, status, body } => write!(f, "{request} answered {status}: {body}"),
            Self::Missing { what, body } => write!(f, "no {what} in the answer: {body}"),
            Self::Timeout => f.write_str("no answer in time"),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Connection(error.to_string())
    }
}

/// An answer, still in the connection's buffer.
#[derive(Debug)]
pub struct Answer<'a> {
    pub status: u16,
    pub body: &'a [u8],
}

impl Answer<'_> {
    /// Fails, with the answer, unless the status is one of those wanted.
    pub fn expect(&self, request: &[u8], wanted: &[u16]) -> Result<(), Failure> {
        if wanted.contains(&self.status) {
            return Ok(());
        }
        let line = request.split(|&byte| byte == b'\r').next().unwrap_or_default();
        Err(Failure::Unexpected { request: excerpt(line), status: self.status, body: excerpt(self.body) })
    }

    /// A text field of the answer that has to be there.
    pub fn require(&self, name: &'static str) -> Result<&str, Failure> {
        scan::field(self.body, name).ok_or_else(|| Failure::Missing { what: name, body: excerpt(self.body) })
    }
}

pub fn excerpt(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(EXCERPT_BYTES_MAX)]).into_owned()
}

/// A whole GET request.
pub fn get(path: &str) -> Vec<u8> {
    let mut request = Vec::new();
    write_get(&mut request, path);
    request
}

pub fn write_get(request: &mut Vec<u8>, path: &str) {
    request.clear();
    for part in ["GET ", path, " HTTP/1.1\r\nHost: souk\r\n\r\n"] {
        request.extend_from_slice(part.as_bytes());
    }
}

pub fn write_post(request: &mut Vec<u8>, path: &str, headers: &str, body: &str) {
    request.clear();
    let length = body.len().to_string();
    let fixed = " HTTP/1.1\r\nHost: souk\r\nContent-Type: application/json\r\nContent-Length: ";
    for part in ["POST ", path, fixed, &length, "\r\n", headers, "\r\n", body] {
        request.extend_from_slice(part.as_bytes());
    }
}

pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub async fn open(address: SocketAddr) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; 64 * 1024] })
    }

    /// Sends one request and reads its whole answer.
    pub async fn exchange(&mut self, request: &[u8]) -> Result<Answer<'_>, Failure> {
        self.stream.write_all(request).await?;
        let mut filled = 0;
        let head = loop {
            filled += self.fill(filled).await?;
            if let Some(head) = Head::parse(&self.buffer[..filled])? {
                break head;
            }
        };
        let end = head.bytes + head.body_bytes;
        if end > self.buffer.len() {
            self.buffer.resize(end, 0);
        }
        while filled < end {
            filled += self.fill(filled).await?;
        }
        if filled > end {
            return Err(Failure::Malformed("more bytes than its content length"));
        }
        Ok(Answer { status: head.status, body: &self.buffer[head.bytes..end] })
    }

    async fn fill(&mut self, filled: usize) -> Result<usize, Failure> {
        if filled == self.buffer.len() {
            return Err(Failure::Malformed("a head of more than 64 KiB"));
        }
        match self.stream.read(&mut self.buffer[filled..]).await? {
            0 => Err(Failure::Connection("closed by the server".to_owned())),
            count => Ok(count),
        }
    }
}

struct Head {
    status: u16,
    bytes: usize,
    body_bytes: usize,
}

impl Head {
    /// The head, or nothing as long as its end has not arrived.
    fn parse(received: &[u8]) -> Result<Option<Self>, Failure> {
        let Some(end) = scan::position(received, b"\r\n\r\n") else { return Ok(None) };
        let mut lines = received[..end].split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        let status = lines.next().and_then(status).ok_or(Failure::Malformed("no HTTP/1.1 status line"))?;
        let mut body_bytes = None;
        for line in lines {
            if let Some(value) = header(line, b"content-length") {
                body_bytes = std::str::from_utf8(value).ok().and_then(|value| value.trim().parse().ok());
            } else if header(line, b"transfer-encoding").is_some() {
                return Err(Failure::Malformed("it has a transfer encoding"));
            }
        }
        let body_bytes = match body_bytes {
            Some(bytes) => bytes,
            None if status == 204 || status == 304 => 0,
            None => return Err(Failure::Malformed("it has no content length")),
        };
        if body_bytes > ANSWER_BYTES_MAX {
            return Err(Failure::Malformed("it is larger than 16 MiB"));
        }
        Ok(Some(Self { status, bytes: end + 4, body_bytes }))
    }
}

fn status(line: &[u8]) -> Option<u16> {
    let rest = line.strip_prefix(b"HTTP/1.1 ")?;
    std::str::from_utf8(rest.get(..3)?).ok()?.parse().ok()
}

fn header<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (head, rest) = line.split_at_checked(name.len())?;
    if head.eq_ignore_ascii_case(name) { rest.strip_prefix(b":") } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_heads() {
        let parse = |text: &str| Head::parse(text.as_bytes()).map(|head| head.map(|head| (head.status, head.bytes, head.body_bytes)));
        assert_eq!(parse("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n"), Ok(None));
        assert_eq!(parse("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"), Ok(Some((200, 38, 2))));
        assert_eq!(parse("HTTP/1.1 204 No Content\r\n\r\n"), Ok(Some((204, 27, 0))));
        for bad in [
            "HTTP/2 200\r\n\r\n",
            "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 999999999\r\n\r\n",
        ] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }
}
