//! Mails over SMTP to a server that we did not write, aiosmtpd. Needs a Python that has it: `cargo xtask test`
//! installs one and names it in TEST_PYTHON.

// A test that panics has failed, also outside its own function.
#![allow(clippy::unwrap_used)]

mod common;

use std::io::{BufRead as _, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};

use common::Shop;
use serde_json::{Value, json};

struct Sink {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Sink {
    fn start(python: &str) -> (Self, u64) {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/smtp_sink.py");
        let mut child =
            Command::new(python).args([script, "greylist"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("python starts");
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut sink = Self { child, lines };
        let port = sink.next()["port"].as_u64().expect("a port");
        (sink, port)
    }

    fn next(&mut self) -> Value {
        serde_json::from_str(&self.lines.next().expect("a line").unwrap()).unwrap()
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
    let (mut sink, port) = Sink::start(&python);
    let url = format!("smtp://127.0.0.1:{port}");
    let mut shop = Shop::new(&[("SOUK_MAIL__TRANSPORT", "smtp"), ("SOUK_MAIL__URL", &url), ("SOUK_LOG", "error")]);
    shop.start();
    let client = shop.client();
    client.get("/mailbox").expect(404);
    let account = json!({ "email": "ann@example.com", "name": "Änn <b>", "password": "a long and quiet river" });
    client.post("/api/v1/auth/register", &account).expect(202);

    let mails = [sink.next(), sink.next()];
    let verification = mails.iter().find(|mail| mail["text"].as_str().unwrap().contains("token=")).expect("a verification mail");
    assert_eq!(verification["to"], json!(["ann@example.com"]));
    assert_eq!(verification["from"], "shop@souk.example");
    assert!(!verification["html"].as_str().unwrap().contains("Änn <b>"), "{verification}");
    assert_ne!(mails[0]["id"], mails[1]["id"]);
    let text = verification["text"].as_str().unwrap();
    let token = text.split("token=").nth(1).unwrap().split_whitespace().next().unwrap();
    client.post("/api/v1/auth/verify-email", &json!({ "token": token })).expect(204);

    // Nothing is sent twice: the next mail is the next thing that happens.
    client.post("/api/v1/auth/forgot-password", &json!({ "email": "ann@example.com" })).expect(202);
    assert!(sink.next()["text"].as_str().unwrap().contains("/reset-password?token="));
    assert_eq!(shop.stop(), Some(0));
}
