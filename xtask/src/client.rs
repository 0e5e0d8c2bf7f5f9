//! A shop as its clients see it: one request, one JSON answer.

use std::net::SocketAddr;

use minreq::Request;
use serde_json::Value;

use crate::Outcome;

const TIMEOUT_SECONDS: u64 = 20;

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
    let authorization = token.map(|token| ("Authorization", format!("Bearer {token}")));
    send(minreq::get(format!("http://{address}{path}")).with_headers(authorization)).map_err(|error| format!("GET {path}: {error}"))
}

/// Posts a JSON body and demands a 2xx answer.
pub fn post(address: SocketAddr, path: &str, body: &Value) -> Outcome<Answer> {
    post_with(address, path, &[], body)
}

/// With further headers.
pub fn post_with(address: SocketAddr, path: &str, headers: &[(&str, &str)], body: &Value) -> Outcome<Answer> {
    let request = minreq::post(format!("http://{address}{path}")).with_headers(headers.iter().copied());
    let request = request.with_header("Content-Type", "application/json").with_body(body.to_string());
    let answer = send(request).map_err(|error| format!("POST {path}: {error}"))?;
    if (200..300).contains(&answer.status) {
        return Ok(answer);
    }
    Err(format!("POST {path} answered {}: {}", answer.status, answer.body))
}

fn send(request: Request) -> Result<Answer, minreq::Error> {
    let response = request.with_timeout(TIMEOUT_SECONDS).with_follow_redirects(false).send()?;
    Ok(Answer { status: response.status_code, body: response.as_str()?.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;

    #[test]
    fn posts_and_parses() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let mut requests = Vec::new();
            for status in ["201 Created", "409 Conflict"] {
                let (mut stream, _) = listener.accept().unwrap();
                let (mut request, mut buffer) = (Vec::new(), [0; 1024]);
                while !request.ends_with(b"}") && !request.ends_with(b"null") {
                    let count = stream.read(&mut buffer).unwrap();
                    request.extend_from_slice(&buffer[..count]);
                }
                requests.push(String::from_utf8(request).unwrap());
                write!(stream, "HTTP/1.0 {status}\r\nx: y\r\n\r\n{{\"id\":7}}").unwrap();
            }
            requests
        });
        assert_eq!(post(address, "/a", &serde_json::json!({"b": 1})).unwrap().json().unwrap()["id"], 7);
        assert!(post(address, "/a", &Value::Null).unwrap_err().contains("409"));
        let requests = server.join().unwrap();
        assert!(requests[0].starts_with("POST /a HTTP/1.1\r\n") && requests[0].ends_with("\r\n\r\n{\"b\":1}"));
    }
}
