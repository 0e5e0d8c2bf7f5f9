//! Text messages over SNS.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_sns::types::MessageAttributeValue;
use ports::{PhoneNumber, Sms, SmsError, TEXT_CHARS_MAX};

use crate::clients::Clients;
use crate::error::{code_of, describe};

pub struct SnsSms {
    clients: Arc<Clients>,
    sender: Option<String>,
}

impl SnsSms {
    /// `sender` is the name that telephones show, 1 to 11 letters and digits, in the countries that allow one.
    pub fn new(clients: Arc<Clients>, sender: Option<String>) -> Self {
        Self { clients, sender }
    }
}

#[async_trait]
impl Sms for SnsSms {
    async fn send(&self, to: &PhoneNumber, text: &str) -> Result<(), SmsError> {
        if !(1..=TEXT_CHARS_MAX).contains(&text.chars().count()) {
            return Err(SmsError::Permanent(format!("a text has 1 to {TEXT_CHARS_MAX} characters")));
        }
        // Transactional: on the surest way rather than the cheapest, for these texts are about orders.
        let mut publish = self
            .clients
            .texts()
            .publish()
            .phone_number(to.as_str())
            .message(text)
            .message_attributes("AWS.SNS.SMS.SMSType", word("Transactional")?);
        if let Some(sender) = &self.sender {
            publish = publish.message_attributes("AWS.SNS.SMS.SenderID", word(sender)?);
        }
        publish.send().await.map(|_| ()).map_err(|error| match code_of(&error) {
            "InvalidParameter"
            | "InvalidParameterException"
            | "InvalidParameterValue"
            | "ParameterValueInvalid"
            | "ValidationException" => SmsError::Permanent(describe(&error)),
            _ => SmsError::Transient(describe(&error)),
        })
    }
}

fn word(text: &str) -> Result<MessageAttributeValue, SmsError> {
    let value = MessageAttributeValue::builder().data_type("String").string_value(text).build();
    value.map_err(|error| SmsError::Permanent(error.to_string()))
}
