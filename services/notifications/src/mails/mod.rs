//! What the mails say, one file per telling service: the data of each mail, whom it is for, where its button leads, which
//! event makes it, and a sample. What it reads like is in `templates/<service>/<mail>.<language>.j2`. Kept is the data instead of
//! the finished text, since it is a tenth of the size and holds no secret: links with tokens are made when the mail is shown
//! or sent.

mod directory;
mod draft;
mod identity;
mod inventory;
mod orders;
mod payments;
mod reviews;
mod subscription;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use strum::VariantNames;

use crate::links::Link;

#[cfg(test)]
pub use directory::DirectoryMail;
pub use draft::{Draft, OrderName};
pub use orders::sample_sale;
#[cfg(test)]
pub use orders::{MoneyBack, OrderMail};
pub use subscription::Mails;

macro_rules! telling_services {
    ($($service:ident($module:ident::$mail:ident),)*) => {
        /// A mail's data.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(tag = "service", rename_all = "snake_case")]
        pub enum Message {
            $($service($module::$mail),)*
        }

        $(impl From<$module::$mail> for Message {
            fn from(mail: $module::$mail) -> Self {
                Self::$service(mail)
            }
        })*

        impl Message {
            pub fn template(&self) -> Template {
                match self { $(Self::$service(mail) => Template { service: stringify!($module), name: mail.into() },)* }
            }

            pub fn about(&self) -> About {
                match self { $(Self::$service(mail) => mail.about(),)* }
            }

            /// One of each, with made-up data, for previews and tests.
            pub fn samples() -> impl Iterator<Item = Self> {
                std::iter::empty()$(.chain($module::$mail::samples().into_iter().map(Self::from)))*
            }
        }

        impl Template {
            pub fn all() -> impl Iterator<Item = Self> {
                std::iter::empty()$(.chain($module::$mail::VARIANTS.iter().map(|name| Self { service: stringify!($module), name })))*
            }
        }

        /// Which mails follow from which events.
        pub fn subscribe(mails: Mails) -> Mails {
            $(let mails = $module::subscribe(mails);)*
            mails
        }
    };
}

telling_services! {
    Directory(directory::DirectoryMail),
    Identity(identity::IdentityMail),
    Inventory(inventory::InventoryMail),
    Orders(orders::OrderMail),
    Payments(payments::PaymentMail),
    Reviews(reviews::ReviewMail),
}

/// The name of a mail, and the folder of its templates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Template {
    pub service: &'static str,
    pub name: &'static str,
}

impl Serialize for Template {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name)
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::all().find(|template| template.name == name).ok_or_else(|| D::Error::custom("must be the name of a mail template"))
    }
}

impl utoipa::PartialSchema for Template {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        let names = Self::all().map(|template| template.name);
        utoipa::openapi::ObjectBuilder::new().schema_type(utoipa::openapi::schema::Type::String).enum_values(Some(names)).into()
    }
}

impl utoipa::ToSchema for Template {}

/// Who reads a mail; its foot says so, as the reason why it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reader {
    /// Somebody with an account.
    Member,
    /// Somebody who ordered.
    Customer,
    /// Whoever acts for a business.
    Business,
    /// The shop itself.
    House,
}

/// What is the same for every mail of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    pub reader: Reader,
    /// When the mail is written and to whom, for the admin.
    pub purpose: &'static str,
    /// Where its button leads.
    pub link: Option<Link>,
    /// Whether the reader needs the mail for something that they began. Other mails are not sent to an address that has
    /// refused mail before.
    pub essential: bool,
    /// Whether it names what was ordered, which is read of the order whenever the mail is shown or sent.
    pub shows_sale: bool,
}

impl About {
    pub fn new(reader: Reader, purpose: &'static str) -> Self {
        Self { reader, purpose, link: None, essential: true, shows_sale: false }
    }

    pub fn link(self, link: Link) -> Self {
        Self { link: Some(link), ..self }
    }

    pub fn optional(self) -> Self {
        Self { essential: false, ..self }
    }

    pub fn shows_sale(self) -> Self {
        Self { shows_sale: true, ..self }
    }
}

#[cfg(test)]
pub fn sample(name: &str) -> Message {
    Message::samples().find(|sample| sample.template().name == name).unwrap_or_else(|| panic!("no sample of {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_sample_of_each_mail_and_it_is_kept_under_its_name() {
        let samples: Vec<Message> = Message::samples().collect();
        assert_eq!(samples.iter().map(Message::template).collect::<Vec<_>>(), Template::all().collect::<Vec<_>>());
        for sample in samples {
            let Template { service, name } = sample.template();
            let json = serde_json::to_value(&sample).unwrap();
            assert_eq!((json["service"].as_str(), json["mail"].as_str()), (Some(service), Some(name)));
            assert_eq!(serde_json::from_value::<Message>(json).unwrap(), sample);
        }
    }

    #[test]
    fn no_name_is_used_twice() {
        let mut names: Vec<&str> = Template::all().map(|template| template.name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
