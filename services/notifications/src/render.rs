//! Turns a message into a subject, a text and an HTML page. The templates are part of the program
//! and compiled once.

use kernel::{Money, PostalAddress, Problem};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{Environment, UndefinedBehavior, context};
use serde::Serialize;

use crate::message::{Content, Message, OrderData, Template, one_line};
use crate::{Locale, ShopConfig};

/// A mail as its reader sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// One line.
    pub subject: String,
    pub text: String,
    pub html: String,
}

pub struct Renderer {
    environment: Environment<'static>,
    locale: Locale,
}

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../templates/", $name))),)*]
    };
}

/// Those that others include or extend.
const PARTS: &[(&str, &str)] = files![
    "layout.html",
    "mailbox.html",
    "mailbox_list.html",
    "mailbox_mail.html",
    "en/cancel_reason.txt",
    "en/footer.html",
    "en/footer.txt",
    "en/money_back.txt",
    "en/order.html",
    "en/order.txt",
    "de/cancel_reason.txt",
    "de/footer.html",
    "de/footer.txt",
    "de/money_back.txt",
    "de/order.html",
    "de/order.txt",
];

macro_rules! mails {
    ($($template:ident = $file:literal),* $(,)?) => {
        /// The names of a mail's text and HTML.
        fn names(locale: Locale, template: Template) -> (&'static str, &'static str) {
            match (locale, template) {
                $((Locale::En, Template::$template) => (concat!("en/", $file, ".txt"), concat!("en/", $file, ".html")),
                (Locale::De, Template::$template) => (concat!("de/", $file, ".txt"), concat!("de/", $file, ".html")),)*
            }
        }

        const MAILS: &[(&str, &str)] = &[$(
            (concat!("en/", $file, ".txt"), include_str!(concat!("../templates/en/", $file, ".txt"))),
            (concat!("en/", $file, ".html"), include_str!(concat!("../templates/en/", $file, ".html"))),
            (concat!("de/", $file, ".txt"), include_str!(concat!("../templates/de/", $file, ".txt"))),
            (concat!("de/", $file, ".html"), include_str!(concat!("../templates/de/", $file, ".html"))),
        )*];
    };
}

mails! {
    Welcome = "welcome",
    Verification = "verification",
    PasswordReset = "password_reset",
    OrderConfirmation = "order_confirmation",
    Receipt = "receipt",
    Shipped = "shipped",
    Cancellation = "cancellation",
    PaymentRefunded = "payment_refunded",
    OrderToAdmin = "order_to_admin",
    LowStockToAdmin = "low_stock_to_admin",
    BusinessPublished = "business_published",
    BusinessRejected = "business_rejected",
    BusinessSuspended = "business_suspended",
    ClaimDecided = "claim_decided",
    NewLead = "new_lead",
    NewReview = "new_review",
    ReviewReminder = "review_reminder",
}

const SUBJECT_CHARACTERS_MAX: usize = 150;

impl Renderer {
    /// Fails only if a template is wrong, which the tests would show.
    pub fn new(shop: &ShopConfig) -> Result<Self, Problem> {
        let mut environment = Environment::new();
        // A field that a template names and the data lacks is an error, not a gap in a mail.
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build();
        environment.set_syntax(syntax.map_err(Problem::internal)?);
        for (name, source) in PARTS.iter().chain(MAILS) {
            environment.add_template(name, source).map_err(Problem::internal)?;
        }
        environment.add_global("page_style", Value::from_safe_string(shell::http::PAGE_STYLE.to_owned()));
        environment.add_global("locale", shop.locale.tag());
        environment.add_global(
            "shop",
            context! { name => one_line(&shop.name, 80), support_email => shop.support_email.as_str(), imprint => one_line(&shop.imprint, 300) },
        );
        Ok(Self { environment, locale: shop.locale })
    }

    /// The whole mail; `link` is where its button leads.
    pub fn mail(&self, content: &Content, link: &str) -> Result<Rendered, Problem> {
        let (text_name, html_name) = names(self.locale, content.message.template());
        let data = self.data(content)?;
        let (subject, text) = split_subject(self.page(text_name, context! { link, ..data.clone() })?)?;
        let html = self.page(html_name, context! { href => href(link), ..data })?;
        Ok(Rendered { subject, text, html })
    }

    /// Only the subject, for listings.
    pub fn subject(&self, content: &Content) -> Result<String, Problem> {
        let (text_name, _) = names(self.locale, content.message.template());
        Ok(split_subject(self.page(text_name, context! { link => "", ..self.data(content)? })?)?.0)
    }

    /// Any template by its name.
    pub fn page(&self, name: &str, context: Value) -> Result<String, Problem> {
        self.environment.get_template(name).and_then(|template| template.render(context)).map_err(Problem::internal)
    }

    fn data(&self, content: &Content) -> Result<Value, Problem> {
        let money = |money: Money| self.locale.money(money);
        let order = || content.shown_order().map(|order| self.order(order));
        Ok(match &content.message {
            Message::Welcome { name } | Message::Verification { name, .. } | Message::PasswordReset { name, .. } => context! { name },
            Message::OrderConfirmation => context! { order => order()? },
            Message::Receipt { payment_id, paid, paid_at } => context! {
                order => order()?, payment_id => payment_id.to_string(), paid => money(*paid), paid_at => self.locale.date(*paid_at)
            },
            Message::Shipped { order, carrier, tracking_number } => {
                context! { order => context! { number => &order.number }, carrier => carrier, tracking_number => tracking_number }
            }
            Message::Cancellation { order, total, reason, money: money_back } => context! {
                order => context! { number => &order.number },
                total => money(*total),
                reason => Value::from(Serde(reason)),
                money => Value::from(Serde(money_back)),
            },
            Message::PaymentRefunded { order, refund, refunded, paid } => context! {
                order => context! { number => &order.number },
                refund => money(*refund),
                refunded => money(*refunded),
                paid => money(*paid),
                partial => refunded.amount < paid.amount,
            },
            Message::OrderToAdmin { customer } => context! { order => order()?, customer => customer },
            Message::LowStockToAdmin { sku, available, threshold, .. } => context! { sku, available, threshold },
            Message::BusinessPublished { business, .. } => context! { business },
            Message::BusinessRejected { business, reason, .. } | Message::BusinessSuspended { business, reason, .. } => {
                context! { business, reason }
            }
            Message::ClaimDecided { business, reason, .. } => context! { business, reason, approved => reason.is_none() },
            Message::NewReview { stars, .. } => context! { stars },
            Message::ReviewReminder { order, titles } => context! { order => context! { number => &order.number }, titles },
            Message::NewLead { business, price, duplicate, .. } => {
                context! { business, duplicate, price => (price.amount > 0).then(|| money(*price)) }
            }
        })
    }

    fn order(&self, order: &OrderData) -> Value {
        let money = |amount: i64| self.locale.money(Money::new(amount, order.currency));
        let line = |line: &crate::message::LineData| LineView {
            sku: line.sku.clone(),
            title: line.title.clone(),
            quantity: line.quantity,
            unit: money(line.unit),
            total: money(line.total),
        };
        Value::from(Serde(OrderView {
            number: &order.number,
            placed_at: self.locale.date(order.placed_at),
            lines: order.lines.iter().map(line).collect(),
            subtotal: money(order.subtotal),
            shipping: money(order.shipping),
            tax: money(order.tax),
            total: money(order.total),
            address: order.address.as_ref().map(address_lines),
        }))
    }
}

#[derive(Serialize)]
struct LineView {
    sku: String,
    title: String,
    quantity: u32,
    unit: String,
    total: String,
}

#[derive(Serialize)]
struct OrderView<'a> {
    number: &'a str,
    placed_at: String,
    lines: Vec<LineView>,
    subtotal: String,
    shipping: String,
    tax: String,
    total: String,
    address: Option<Vec<String>>,
}

fn address_lines(address: &PostalAddress) -> Vec<String> {
    let town = format!("{} {}", address.postal_code, address.address_locality);
    [&address.name, &address.street_address, &address.extended_address, &town, &address.address_region, &address.address_country]
        .into_iter()
        .filter(|line| !line.is_empty())
        .cloned()
        .collect()
}

/// A link as the value of an attribute. The engine would write slashes as references too, which
/// spam filters take for a disguise.
fn href(link: &str) -> Value {
    let mut escaped = String::with_capacity(link.len());
    for character in link.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    Value::from_safe_string(escaped)
}

/// The first line of a text template is `Subject: …`, then a blank line.
fn split_subject(page: String) -> Result<(String, String), Problem> {
    let (subject, text) = page
        .strip_prefix("Subject: ")
        .and_then(|rest| rest.split_once("\n\n"))
        .ok_or_else(|| Problem::internal("a text template does not begin with its subject"))?;
    Ok((one_line(subject, SUBJECT_CHARACTERS_MAX), text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::MoneyBack;
    use crate::samples;
    use contracts::CancelReason;

    const LINK: &str = "https://shop.example/orders/1?token=secret";
    const HOSTILE: &str = "<script>alert(\"x\")</script>\r\nBcc: all@example.com & 'co'";

    fn renderer(locale: Locale) -> Renderer {
        Renderer::new(&ShopConfig { locale, name: "Tom & Co".into(), imprint: "Marienplatz 8, München".into(), ..ShopConfig::default() })
            .unwrap()
    }

    fn hostile(template: Template) -> Content {
        let text = || HOSTILE.to_owned();
        let Content { message, order } = samples::content(template);
        let message = match message {
            Message::Welcome { .. } => Message::Welcome { name: text() },
            Message::Verification { user_id, serial, .. } => Message::Verification { user_id, serial, name: text() },
            Message::PasswordReset { user_id, serial, .. } => Message::PasswordReset { user_id, serial, name: text() },
            Message::OrderConfirmation => Message::OrderConfirmation,
            Message::Receipt { payment_id, paid, paid_at } => Message::Receipt { payment_id, paid, paid_at },
            Message::Shipped { mut order, .. } => {
                order.number = text();
                Message::Shipped { order, carrier: Some(text()), tracking_number: Some(text()) }
            }
            Message::Cancellation { mut order, total, reason, money } => {
                order.number = text();
                Message::Cancellation { order, total, reason, money }
            }
            Message::PaymentRefunded { mut order, refund, refunded, paid } => {
                order.number = text();
                Message::PaymentRefunded { order, refund, refunded, paid }
            }
            Message::OrderToAdmin { .. } => Message::OrderToAdmin { customer: text() },
            Message::LowStockToAdmin { variant_id, available, threshold, .. } => {
                Message::LowStockToAdmin { variant_id, sku: text(), available, threshold }
            }
            Message::BusinessPublished { slug, .. } => Message::BusinessPublished { slug, business: text() },
            Message::BusinessRejected { business_id, .. } => Message::BusinessRejected { business_id, business: text(), reason: text() },
            Message::BusinessSuspended { business_id, .. } => Message::BusinessSuspended { business_id, business: text(), reason: text() },
            Message::ClaimDecided { business_id, .. } => Message::ClaimDecided { business_id, business: text(), reason: Some(text()) },
            Message::NewReview { review_id, stars } => Message::NewReview { review_id, stars },
            Message::ReviewReminder { mut order, .. } => {
                order.number = text();
                Message::ReviewReminder { order, titles: vec![text()] }
            }
            Message::NewLead { lead_id, business_id, price, .. } => {
                Message::NewLead { lead_id, business_id, business: text(), price, duplicate: true }
            }
        };
        Content { message, order: order.map(hostile_order) }
    }

    fn hostile_order(mut order: OrderData) -> OrderData {
        order.number = HOSTILE.into();
        for line in &mut order.lines {
            line.sku = HOSTILE.into();
            line.title = HOSTILE.into();
        }
        order
    }

    #[test]
    fn every_template_says_something_in_every_language() {
        for locale in Locale::ALL {
            let renderer = renderer(locale);
            for template in Template::ALL {
                let message = samples::content(*template);
                let Rendered { subject, text, html } = renderer.mail(&message, LINK).unwrap();
                let place = format!("{} {}: {subject}\n{text}\n{html}", locale.tag(), template.name());
                assert!(!subject.is_empty() && !subject.contains("{{"), "{place}");
                assert_eq!(renderer.subject(&message).unwrap(), subject);
                assert!(html.contains(&format!("href=\"{LINK}\"")), "{place}");
                assert!(text.contains(LINK) && text.contains("Tom & Co") && text.contains("help@example.com"), "{place}");
                assert!(!text.contains(['<', '>']) && !text.contains("&amp;") && !text.contains("\n\n\n"), "{place}");
                assert!(html.contains("Tom &amp; Co") && html.contains("</html>") && html.contains("München"), "{place}");
                assert!(html.contains(&format!("<html lang=\"{}\">", locale.tag())), "{place}");
                assert!(!html.contains("<title></title>") && !html.contains("></a>"), "{place}");
                assert!(html.len() < 8 * 1024, "{} bytes in {place}", html.len());
            }
        }
    }

    #[test]
    fn hostile_data_stays_data() {
        for locale in Locale::ALL {
            for template in Template::ALL {
                let Rendered { subject, html, .. } = renderer(locale).mail(&hostile(*template), "https://x.example/\"><script>").unwrap();
                let foreign = *template != Template::NewReview;
                assert!(!html.contains("<script") && !html.contains("\"x\""), "{template:?}\n{html}");
                assert!(!foreign || html.contains("&lt;script"), "{template:?}\n{html}");
                assert!(!subject.chars().any(char::is_control), "{template:?} {subject}");
            }
        }
    }

    #[test]
    fn amounts_follow_the_language() {
        for (locale, expect) in [
            (Locale::En, ["€1,254.88", "€19.99", "21 November 2025"]),
            (Locale::De, ["1.254,88\u{a0}€", "19,99\u{a0}€", "21. November 2025"]),
        ] {
            let mail = renderer(locale).mail(&samples::content(Template::Receipt), LINK).unwrap();
            for part in expect {
                assert!(mail.text.contains(part) && mail.html.contains(part), "{part} in {}", mail.text);
            }
        }
    }

    #[test]
    fn a_cancellation_says_why_and_what_becomes_of_the_money() {
        let reasons = [
            CancelReason::OutOfStock,
            CancelReason::PaymentDeclined,
            CancelReason::InsufficientFunds,
            CancelReason::PaymentFailed,
            CancelReason::Expired,
            CancelReason::ByCustomer,
            CancelReason::BySeller,
            CancelReason::ByAdmin,
        ];
        for locale in Locale::ALL {
            let mut seen = std::collections::HashSet::new();
            for reason in reasons {
                for money in [MoneyBack::NothingTaken, MoneyBack::HoldLifted, MoneyBack::Returned] {
                    let Message::Cancellation { order, total, .. } = samples::content(Template::Cancellation).message else {
                        unreachable!()
                    };
                    let mail = renderer(locale).mail(&Message::Cancellation { order, total, reason, money }.into(), LINK).unwrap();
                    assert!(!mail.text.contains("\n\n\n") && !mail.html.contains("<p style=\"margin:0 0 12px\"></p>"), "{}", mail.text);
                    assert!(seen.insert(mail.text), "{reason:?} {money:?} reads like another");
                }
            }
        }
    }

    #[test]
    fn shipped_names_only_what_is_known() {
        let Message::Shipped { order, .. } = samples::content(Template::Shipped).message else { unreachable!() };
        let mail = renderer(Locale::En).mail(&Message::Shipped { order, carrier: None, tracking_number: None }.into(), LINK).unwrap();
        assert!(!mail.text.contains("Carrier") && !mail.html.contains("Tracking"), "{}", mail.text);
    }

    /// An order takes about 20 µs in a debug build; the bound leaves room for a busy machine.
    #[test]
    #[allow(clippy::disallowed_methods)]
    fn rendering_is_fast() {
        let renderer = renderer(Locale::De);
        let message = samples::content(Template::OrderConfirmation);
        let begun = std::time::Instant::now();
        let rounds = 500;
        for _ in 0..rounds {
            renderer.mail(&message, LINK).unwrap();
        }
        let each = begun.elapsed() / rounds;
        println!("{each:?} per mail");
        assert!(each < std::time::Duration::from_millis(1), "{each:?} per mail");
    }
}
