//! Mails over SMTP to a server that we did not write, aiosmtpd. Needs a Python that has it: `cargo xtask test`
//! installs one and names it in TEST_PYTHON.

// A test that panics has failed, also outside its own function.
#![allow(clippy::unwrap_used)]

mod common;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use common::Shop;
use serde_json::{Value, json};

struct Sink {
    child: Child,
    lines: Receiver<String>,
}

impl Sink {
    fn start(python: &str) -> (Self, u64) {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/smtp_sink.py");
        let mut child =
            Command::new(python).args([script, "greylist"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("python starts");
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (said, lines) = channel();
        std::thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| said.send(line)));
        let sink = Self { child, lines };
        let port = sink.next()["port"].as_u64().expect("a port");
        (sink, port)
    }

    fn next(&self) -> Value {
        serde_json::from_str(&self.lines.recv_timeout(common::PATIENCE).expect("a line of the mail server")).unwrap()
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.child.kill().and_then(|()| self.child.wait()).expect("the sink ends");
    }
}

#[test]
fn a_greylisted_mail_arrives_once_and_its_link_works() {
    let Ok(python) = std::env::var("TEST_PYTHON") else {
        println!("TEST_PYTHON is not set: run `cargo xtask test --only smtp`");
        return;
    };
    let (sink, port) = Sink::start(&python);
    let url = format!("smtp://127.0.0.1:{port}");
    let mut shop = Shop::new(&[("SOUK_MAIL__TRANSPORT", "smtp"), ("SOUK_MAIL__URL", &url), ("SOUK_LOG", "error")]);
    shop.start();
    let client = shop.client();
    client.get("/mailbox").expect(404);
    let account = json!({ "email": "ann@example.com", "name": "Änn <b>", "password": "a long and quiet river" });
    client.post("/api/v1/auth/register", &account).expect(202);

    let verification = sink.next();
    assert_eq!(verification["to"], json!(["ann@example.com"]));
    assert_eq!(verification["from"], "shop@souk.example");
    assert!(!verification["html"].as_str().unwrap().contains("Änn <b>"), "{verification}");
    let text = verification["text"].as_str().unwrap();
    let token = text.split("token=").nth(1).unwrap().split_whitespace().next().unwrap();
    client.post("/api/v1/auth/verify-email", &json!({ "token": token })).expect(204);
    let welcome = sink.next();
    assert!(welcome["subject"].as_str().unwrap().starts_with("Welcome"), "{welcome}");
    assert_ne!(verification["id"], welcome["id"]);

    // Nothing is sent twice: the next mail is the next thing that happens.
    client.post("/api/v1/auth/forgot-password", &json!({ "email": "ann@example.com" })).expect(202);
    assert!(sink.next()["text"].as_str().unwrap().contains("/reset-password?token="));
    assert_eq!(shop.stop(), Some(0));
}
