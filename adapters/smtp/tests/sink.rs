//! The mailer against a small SMTP server on a real socket.

// Helpers of tests may unwrap as the tests themselves do.
#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ports::{Mail, MailError, Mailer};
use smtp::SmtpMailer;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Answers to the commands that a test wants answered otherwise than with consent: the start of the
/// command and the answer.
type Script = &'static [(&'static str, &'static str)];

#[derive(Default)]
struct Seen {
    connections: usize,
    recipients: Vec<String>,
    messages: Vec<String>,
}

struct Sink {
    url: String,
    seen: Arc<Mutex<Seen>>,
}

impl Sink {
    async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("smtp://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Seen::default()));
        let shared = seen.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                shared.lock().unwrap().connections += 1;
                tokio::spawn(serve(stream, script, shared.clone()));
            }
        });
        Self { url, seen }
    }

    fn mailer(&self) -> SmtpMailer {
        SmtpMailer::new(&self.url, Duration::from_millis(500)).unwrap()
    }
}

async fn serve(stream: TcpStream, script: Script, seen: Arc<Mutex<Seen>>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 sink\r\n").await?;
    let mut message: Option<String> = None;
    let mut line = String::new();
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        if let Some(text) = &mut message {
            if line != ".\r\n" {
                text.push_str(line.strip_prefix('.').unwrap_or(&line));
                continue;
            }
            seen.lock().unwrap().messages.extend(message.take());
            line = "END\r\n".into();
        }
        let answer = script.iter().find(|(command, _)| line.starts_with(command)).map(|(_, answer)| *answer);
        if answer == Some("silence") {
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
        let answer = answer.unwrap_or(match line.split(['\r', ' ']).next().unwrap_or_default() {
            "EHLO" => "250-sink\r\n250-8BITMIME\r\n250 AUTH PLAIN",
            "DATA" => "354 go on",
            "QUIT" => "221 bye",
            _ => "250 ok",
        });
        if let Some(recipient) = line.strip_prefix("RCPT TO:") {
            seen.lock().unwrap().recipients.push(recipient.trim().to_owned());
        }
        if line.starts_with("DATA") && answer.starts_with("354") {
            message = Some(String::new());
        }
        stream.write_all(format!("{answer}\r\n").as_bytes()).await?;
    }
}

fn mail(id: &str) -> Mail {
    Mail {
        id: id.into(),
        from: "Souk <shop@example.com>".into(),
        to: "ann@example.org".parse().unwrap(),
        subject: "Your order: Größe M".into(),
        text: "Hello Ann\n.\nBye".into(),
        html: "<p>Hello <b>Ann</b></p>".into(),
    }
}

#[tokio::test]
async fn a_mail_arrives_with_both_bodies_and_its_own_id() {
    let sink = Sink::start(&[]).await;
    let mailer = sink.mailer();
    for id in ["msg_1", "msg_2", "msg_2"] {
        mailer.send(&mail(id)).await.unwrap();
        // The connection goes back to the pool in a task of its own.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let seen = sink.seen.lock().unwrap();
    assert_eq!((seen.connections, seen.messages.len()), (1, 3), "one connection serves them all");
    assert!(seen.recipients.iter().all(|recipient| recipient == "<ann@example.org>"));
    let message = &seen.messages[0];
    for part in [
        "Message-ID: <msg_1@example.com>\r\n",
        "From: Souk <shop@example.com>\r\n",
        "To: ann@example.org\r\n",
        "Subject: Your order: =?utf-8?b?",
        "Date: ",
        "Auto-Submitted: auto-generated\r\n",
        "Content-Type: multipart/alternative;",
        "Content-Type: text/plain; charset=utf-8",
        "Hello Ann\r\n.\r\nBye",
        "Content-Type: text/html; charset=utf-8",
        "<p>Hello <b>Ann</b></p>",
    ] {
        assert!(message.contains(part), "{part:?} in {message}");
    }
    assert!(message.find("text/plain") < message.find("text/html"), "the richest form comes last");
    assert_eq!(seen.messages[1].lines().filter(|line| line.starts_with("Message-ID: <msg_2@")).count(), 1);
}

#[tokio::test]
async fn servers_that_refuse() {
    let cases: [(Script, bool); 8] = [
        (&[("RCPT", "450 greylisted")], true),
        (&[("MAIL", "421 shutting down")], true),
        (&[("END", "452 disk full")], true),
        (&[("RCPT", "silence")], true),
        (&[("MAIL", "530 authenticate first")], true),
        (&[("RCPT", "550 no such user")], false),
        (&[("END", "554 looks like spam")], false),
        (&[("DATA", "503 no")], false),
    ];
    for (script, transient) in cases {
        let sink = Sink::start(script).await;
        let error = sink.mailer().send(&mail("msg_1")).await.unwrap_err();
        assert_eq!(matches!(error, MailError::Transient(_)), transient, "{script:?}: {error}");
    }
}

#[tokio::test]
async fn a_refused_password_can_be_put_right() {
    let sink = Sink::start(&[("AUTH", "535 wrong password")]).await;
    let url = sink.url.replace("smtp://", "smtp://shop:secret@");
    let error = SmtpMailer::new(&url, Duration::from_secs(1)).unwrap().send(&mail("msg_1")).await.unwrap_err();
    assert!(matches!(&error, MailError::Transient(text) if !text.contains("secret")), "{error}");
}

#[tokio::test]
async fn a_server_that_is_away_or_without_the_wanted_tls() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = gone.local_addr().unwrap();
    drop(gone);
    let mailer = SmtpMailer::new(&format!("smtp://{address}"), Duration::from_secs(1)).unwrap();
    assert!(matches!(mailer.send(&mail("msg_1")).await, Err(MailError::Transient(_))));

    let sink = Sink::start(&[]).await;
    let strict = SmtpMailer::new(&format!("{}?tls=required", sink.url), Duration::from_secs(1)).unwrap();
    assert!(matches!(strict.send(&mail("msg_1")).await, Err(MailError::Transient(_))));
    assert!(sink.seen.lock().unwrap().messages.is_empty(), "nothing is sent in the clear");
}

#[tokio::test]
async fn a_refused_mail_does_not_hold_up_the_next() {
    let sink = Sink::start(&[("RCPT TO:<bob@", "550 no such user")]).await;
    let mailer = sink.mailer();
    let bob = Mail { to: "bob@example.org".parse().unwrap(), ..mail("msg_1") };
    assert!(matches!(mailer.send(&bob).await, Err(MailError::Permanent(_))));
    mailer.send(&mail("msg_2")).await.unwrap();
    assert_eq!(sink.seen.lock().unwrap().messages.len(), 1);
}
