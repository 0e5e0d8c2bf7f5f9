//! Mails and texts.

use aws::{SesMailer, SnsSms};
use ports::{Mail, MailError, Mailer, Sms, SmsError};

use crate::{clients, shown, unique};

#[tokio::test]
async fn mails_go_out() {
    let clients = clients();
    let sender = format!("{}@example.com", unique("shop"));
    let subject = unique("Größe");
    let mail = Mail {
        id: "msg_1".into(),
        from: format!("Souk <{sender}>"),
        to: "ann@example.org".parse().unwrap(),
        subject: subject.clone(),
        text: "Grüße".into(),
        html: "<p>Grüße</p>".into(),
    };
    let mailer = SesMailer::new(clients.clone());
    clients.mails().create_email_identity().email_identity(&sender).send().await.unwrap();
    mailer.send(&mail).await.unwrap();
    let messages = shown("/_ministack/ses/messages").await;
    let mut all = messages["messages"].as_object().unwrap().values().flat_map(|account| account.as_array().unwrap());
    let sent = all.find(|message| message["Subject"] == subject.as_str());
    let sent = sent.unwrap_or_else(|| panic!("{messages}"));
    assert_eq!(
        (&sent["To"][0], &sent["BodyText"], &sent["BodyHtml"]),
        (&"ann@example.org".into(), &"Grüße".into(), &"<p>Grüße</p>".into())
    );

    let bad = Mail { id: "a b".into(), ..mail };
    assert!(matches!(mailer.send(&bad).await, Err(MailError::Permanent(_))));
}

#[tokio::test]
async fn texts_go_out() {
    let sms = SnsSms::new(clients(), Some("Souk".into()));
    let text = unique("Your order is on its way");
    sms.send(&"+49 171 2345678".parse().unwrap(), &text).await.unwrap();
    let messages = shown("/_ministack/sns/sms-messages").await.to_string();
    assert!(messages.contains(&text) && messages.contains("+491712345678"), "{messages}");
    for bad in [String::new(), "x".repeat(1501)] {
        assert!(matches!(sms.send(&"+491712345678".parse().unwrap(), &bad).await, Err(SmsError::Permanent(_))));
    }
}
