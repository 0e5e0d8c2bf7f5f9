//! Just enough of an HTTP client to set up a shop: one request, one JSON answer.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Outcome;

const ANSWER_BYTES_MAX: u64 = 16 * 1024 * 1024;
const TIMEOUT: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Outcome<Value> {
        serde_json::from_str(&self.body).map_err(|error| format!("not JSON ({error}): {}", self.body))
    }
}

pub fn get(address: SocketAddr, path: &str, token: Option<&str>) -> Outcome<Answer> {
    let authorization = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    send(address, "GET", path, &authorization, "")
}

/// Posts a JSON body and demands a 2xx answer.
pub fn post(address: SocketAddr, path: &str, body: &Value) -> Outcome<Answer> {
    post_with(address, path, "", body)
}

/// With further headers, each ended by CR and LF.
pub fn post_with(address: SocketAddr, path: &str, headers: &str, body: &Value) -> Outcome<Answer> {
    let answer = send(address, "POST", path, headers, &body.to_string())?;
    if (200..300).contains(&answer.status) {
        return Ok(answer);
    }
    Err(format!("POST {path} answered {}: {}", answer.status, answer.body))
}

fn send(address: SocketAddr, method: &str, path: &str, headers: &str, body: &str) -> Outcome<Answer> {
    // HTTP/1.0, so that the answer is never chunked and ends with the connection.
    let request = format!(
        "{method} {path} HTTP/1.0\r\nHost: {address}\r\n{headers}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut text = Vec::new();
    exchange(address, &request, &mut text).map_err(|error| format!("{method} {path}: {error}"))?;
    parse(&String::from_utf8_lossy(&text)).ok_or_else(|| format!("{method} {path}: not an HTTP answer"))
}

fn exchange(address: SocketAddr, request: &str, answer: &mut Vec<u8>) -> std::io::Result<()> {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_nodelay(true)?;
    stream.write_all(request.as_bytes())?;
    stream.take(ANSWER_BYTES_MAX).read_to_end(answer)?;
    Ok(())
}

fn parse(text: &str) -> Option<Answer> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split_whitespace().nth(1)?.parse().ok()?;
    Some(Answer { status, body: body.to_owned() })
}

/// Waits until the server says that it is ready; returns when that was.
pub fn wait_until_ready(address: SocketAddr, limit: Duration) -> Outcome<Instant> {
    let deadline = Instant::now() + limit;
    loop {
        let last = match get(address, "/health/ready", None) {
            Ok(answer) if answer.status == 200 => return Ok(Instant::now()),
            Ok(answer) => format!("it answers {}: {}", answer.status, answer.body),
            Err(error) => error,
        };
        if Instant::now() >= deadline {
            return Err(format!("the server is not ready after {} s: {last}", limit.as_secs()));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn posts_and_parses() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let mut requests = Vec::new();
            for status in ["201 Created", "409 Conflict"] {
                let (mut stream, _) = listener.accept().unwrap();
                let mut buffer = [0; 1024];
                let count = stream.read(&mut buffer).unwrap();
                requests.push(String::from_utf8_lossy(&buffer[..count]).into_owned());
                write!(stream, "HTTP/1.0 {status}\r\nx: y\r\n\r\n{{\"id\":7}}").unwrap();
            }
            requests
        });
        assert_eq!(post(address, "/a", &serde_json::json!({"b": 1})).unwrap().json().unwrap()["id"], 7);
        assert!(post(address, "/a", &Value::Null).unwrap_err().contains("409"));
        let requests = server.join().unwrap();
        assert!(requests[0].starts_with("POST /a HTTP/1.0\r\n") && requests[0].ends_with("\r\n\r\n{\"b\":1}"));
    }
}
