//! Turns a message into a subject, a text and an HTML page. The templates are part of the program and compiled once. A mail
//! has one template for each language: `shell.txt.j2` and `shell.html.j2` make the text and the HTML of it.

use kernel::{Money, PostalAddress, Problem, Timestamp};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, UndefinedBehavior, context};
use ports::reads::{OrderLineSummary, OrderSummary};
use serde_json::json;

use crate::mails::{Message, OrderName};
use crate::text::{one_line, single_lines};
use crate::{Config, Locale};

/// A mail as its reader sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// One line.
    pub subject: String,
    pub text: String,
    pub html: String,
}

pub struct Renderer {
    html: Environment<'static>,
    text: Environment<'static>,
    locale: Locale,
}

const SUBJECT_CHARACTERS_MAX: usize = 150;

impl Renderer {
    /// Fails only if a template is wrong, which the tests would show.
    pub fn new(shop: &Config) -> Result<Self, Problem> {
        Ok(Self { html: environment(shop, AutoEscape::Html)?, text: environment(shop, AutoEscape::None)?, locale: shop.locale })
    }

    /// The whole mail; `link` is where its button leads.
    pub fn mail(
        &self,
        message: &Message,
        order: Option<&OrderName>,
        sale: Option<&OrderSummary>,
        link: Option<&str>,
    ) -> Result<Rendered, Problem> {
        self.rendered(message, data(message, order, sale)?, link)
    }

    /// Only the subject, for listings: it never shows what was ordered.
    pub fn subject(&self, message: &Message, order: Option<&OrderName>) -> Result<String, Problem> {
        self.subject_of(message, &Value::from(Serde(single_lines(data(message, order, None)?))))
    }

    /// Any template for HTML by its name.
    pub fn page(&self, name: &str, context: Value) -> Result<String, Problem> {
        rendered(&self.html, name, context)
    }

    fn rendered(&self, message: &Message, data: serde_json::Value, link: Option<&str>) -> Result<Rendered, Problem> {
        let name = self.template(message);
        let data = Value::from(Serde(single_lines(data)));
        let text = rendered(&self.text, &name, context! { shell => "shell.txt.j2", link, ..data.clone() })?;
        let html = rendered(&self.html, &name, context! { shell => "shell.html.j2", link => link.map(href), ..data.clone() })?;
        Ok(Rendered { subject: self.subject_of(message, &data)?, text: paragraphs(&text).join("\n\n") + "\n", html })
    }

    fn subject_of(&self, message: &Message, data: &Value) -> Result<String, Problem> {
        let subject = rendered(&self.text, &self.template(message), context! { shell => "subject.txt.j2", ..data.clone() })?;
        Ok(one_line(&subject, SUBJECT_CHARACTERS_MAX))
    }

    fn template(&self, message: &Message) -> String {
        format!("mails/{}.{}.j2", message.template().name(), self.locale.tag())
    }
}

fn environment(shop: &Config, escape: AutoEscape) -> Result<Environment<'static>, Problem> {
    let mut environment = Environment::new();
    // A field that a template names and the data lacks is an error, not a gap in a mail.
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build();
    environment.set_syntax(syntax.map_err(Problem::internal)?);
    environment.set_auto_escape_callback(move |_| escape.clone());
    let locale = shop.locale;
    environment.add_filter("money", move |money: Serde<Money>| locale.money(*money));
    environment.add_filter("date", move |at: Serde<Timestamp>| locale.date(*at));
    environment.add_filter("paragraphs", |text: &str| paragraphs(text));
    environment.add_filter("without_tags", |html: &str| Value::from_safe_string(without_tags(html)));
    environment.add_global("page_style", Value::from_safe_string(shell::http::PAGE_STYLE.to_owned()));
    environment.add_global("locale", locale.tag());
    environment.add_global(
        "shop",
        context! { name => one_line(&shop.name, 80), support_email => shop.support_email.as_str(), imprint => one_line(&shop.imprint, 300) },
    );
    minijinja_embed::load_templates!(environment);
    Ok(environment)
}

fn rendered(environment: &Environment<'_>, name: &str, context: Value) -> Result<String, Problem> {
    environment.get_template(name).and_then(|template| template.render(context)).map_err(Problem::internal)
}

/// What the templates see of a message.
fn data(message: &Message, order: Option<&OrderName>, sale: Option<&OrderSummary>) -> Result<serde_json::Value, Problem> {
    let mut data = serde_json::to_value(message).map_err(Problem::internal)?;
    data["reader"] = json!(message.reader());
    if let Some(order) = order {
        data["order"] = json!(order);
    }
    if let Some(sale) = sale {
        data["sale"] = sale_data(sale, message);
    }
    Ok(data)
}

/// As much of the order as the message shows: all of it, or one part.
fn sale_data(order: &OrderSummary, message: &Message) -> serde_json::Value {
    let shown = |line: &&OrderLineSummary| message.part().is_none_or(|seller| line.seller_id == seller);
    let to_come = order.lines.iter().filter(|line| message.to_come().contains(&line.seller_id));
    let part = message.part().and_then(|seller| order.parts.iter().find(|part| part.seller_id == seller));
    let (subtotal, shipping, tax, total) = match part {
        Some(part) => (part.subtotal, part.shipping, part.tax, part.total),
        None => (order.subtotal, order.shipping, order.tax, order.total),
    };
    let line = |line: &OrderLineSummary| {
        let OrderLineSummary { sku, title, quantity, unit_price, total, .. } = line;
        json!({ "sku": sku, "title": title, "quantity": quantity, "unit_price": unit_price, "total": total })
    };
    let OrderSummary { email, placed_at, lines, shipping_address, .. } = order;
    json!({
        "email": email,
        "placed_at": placed_at,
        "lines": lines.iter().filter(shown).map(line).collect::<Vec<_>>(),
        "several": order.parts.len() > 1,
        "to_come": to_come.map(|line| format!("{} × {}", line.quantity, line.title)).collect::<Vec<_>>(),
        "subtotal": subtotal,
        "shipping": shipping,
        "tax": tax,
        "total": total,
        "address": shipping_address.iter().flat_map(address_lines).collect::<Vec<_>>(),
    })
}

fn address_lines(address: &PostalAddress) -> Vec<String> {
    let town = format!("{} {}", address.postal_code, address.address_locality);
    [&address.name, &address.street_address, &address.extended_address, &town, &address.address_region, &address.address_country]
        .into_iter()
        .filter(|line| !line.is_empty())
        .cloned()
        .collect()
}

/// What blank lines separate, without those around it.
fn paragraphs(text: &str) -> Vec<String> {
    let mut paragraphs = vec![String::new()];
    for line in text.lines().map(str::trim) {
        match (line.is_empty(), paragraphs.last_mut()) {
            (false, Some(paragraph)) if paragraph.is_empty() => paragraph.push_str(line),
            (false, Some(paragraph)) => paragraph.extend(["\n", line]),
            (true, Some(paragraph)) if !paragraph.is_empty() => paragraphs.push(String::new()),
            _ => {}
        }
    }
    paragraphs.retain(|paragraph| !paragraph.is_empty());
    paragraphs
}

fn without_tags(html: &str) -> String {
    html.split('<')
        .enumerate()
        .map(|(place, part)| if place == 0 { part } else { part.split_once('>').map_or("", |(_, text)| text) })
        .collect()
}

/// A link as the value of an attribute. The engine would write slashes as references too, which
/// spam filters take for a disguise.
fn href(link: &str) -> Value {
    Value::from_safe_string(shell::http::escape(link))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mails::{MoneyBack, ParcelName, Template, sample, sample_sale};
    use contracts::CancelReason;
    use std::collections::BTreeSet;
    use strum::VariantArray as _;

    const LINK: &str = "https://shop.example/orders/1?token=secret";
    const HOSTILE: &str = "<script>alert(\"x\")</script>\r\nBcc: all@example.com & 'co'";

    fn renderer(locale: Locale) -> Renderer {
        Renderer::new(&Config { locale, name: "Tom & Co".into(), imprint: "Marienplatz 8, München".into(), ..Config::default() }).unwrap()
    }

    fn data(message: &Message) -> serde_json::Value {
        let sale = sample_sale();
        super::data(message, Some(&(&sale).into()), Some(&sale)).unwrap()
    }

    fn mail(locale: Locale, message: &Message) -> Rendered {
        renderer(locale).rendered(message, data(message), message.link().map(|_| LINK)).unwrap()
    }

    /// The data with every text that may be any text replaced: such data is still a message, an order, a sum or a time.
    fn hostile(message: &Message) -> (serde_json::Value, usize) {
        fn leaves(value: &serde_json::Value, path: &str, found: &mut Vec<String>) {
            match value {
                serde_json::Value::String(_) => found.push(path.to_owned()),
                serde_json::Value::Array(items) => {
                    items.iter().enumerate().for_each(|(place, item)| leaves(item, &format!("{path}/{place}"), found));
                }
                serde_json::Value::Object(fields) => {
                    fields.iter().for_each(|(name, field)| leaves(field, &format!("{path}/{name}"), found))
                }
                _ => {}
            }
        }
        let mut data = data(message);
        let mut texts = Vec::new();
        leaves(&data, "", &mut texts);
        let mut replaced = 0;
        for text in texts {
            let before = std::mem::replace(data.pointer_mut(&text).unwrap(), HOSTILE.into());
            let still_is = serde_json::from_value::<Message>(data.clone()).is_ok();
            let is_typed = ["currency", "placed_at", "reader", "id"].iter().any(|name| text.ends_with(&format!("/{name}")));
            if still_is && !is_typed {
                replaced += 1;
            } else {
                *data.pointer_mut(&text).unwrap() = before;
            }
        }
        (data, replaced)
    }

    #[test]
    fn every_mail_says_something_in_every_language() {
        for locale in Locale::ALL {
            let renderer = renderer(locale);
            for message in Message::samples() {
                let sale = sample_sale();
                let Rendered { subject, text, html } = mail(locale, &message);
                let place = format!("{} {}: {subject}\n{text}\n{html}", locale.tag(), message.template().name());
                assert!(!subject.is_empty() && !subject.contains("{{"), "{place}");
                assert_eq!(renderer.subject(&message, Some(&(&sale).into())).unwrap(), subject);
                assert!(text.contains("Tom & Co") && text.contains("help@example.com"), "{place}");
                assert!(!text.contains(['<', '>']) && !text.contains("&amp;") && !text.contains("\n\n\n"), "{place}");
                assert!(html.contains("Tom &amp; Co") && html.contains("</html>") && html.contains("München"), "{place}");
                assert!(html.contains(&format!("<html lang=\"{}\">", locale.tag())), "{place}");
                assert!(!html.contains("<title></title>") && !html.contains("></a>") && !html.contains("></h1>"), "{place}");
                assert!(!html.contains("<p></p>") && !html.contains("&lt;"), "{place}");
                assert!(html.len() < 16 * 1024, "{} bytes in {place}", html.len());
            }
        }
    }

    #[test]
    fn a_mail_has_a_button_where_its_page_exists() {
        for locale in Locale::ALL {
            for message in Message::samples().into_iter().filter(|message| message.link().is_some()) {
                let (with, without) = (mail(locale, &message), renderer(locale).rendered(&message, data(&message), None).unwrap());
                assert!(with.html.contains(&format!("href=\"{LINK}\"")) && with.text.contains(&format!(":\n{LINK}\n")), "{}", with.text);
                assert!(!without.html.contains("<a ") && !without.text.contains("http"), "{}", without.text);
            }
        }
    }

    #[test]
    fn the_languages_of_a_mail_have_the_same_blocks() {
        let renderer = renderer(Locale::En);
        let blocks = |template: Template, locale: Locale| -> BTreeSet<String> {
            let name = format!("mails/{}.{}.j2", template.name(), locale.tag());
            let template = renderer.text.get_template(&name).unwrap_or_else(|error| panic!("{name}: {error}"));
            template.source().split("{% block ").skip(1).map(|rest| rest.split_once(" %}").unwrap().0.to_owned()).collect()
        };
        for message in Message::samples() {
            let template = message.template();
            let first = blocks(template, Locale::En);
            for locale in Locale::ALL {
                assert_eq!(blocks(template, locale), first, "{template:?}");
            }
            for block in ["subject", "body"] {
                assert!(first.contains(block), "{template:?} lacks {block}");
            }
            assert!(message.link().is_none() || first.contains("action"), "{template:?} has a link and no name for it");
        }
    }

    #[test]
    fn every_template_is_of_a_mail() {
        let names: Vec<String> = Template::VARIANTS.iter().map(|template| format!("mails/{}.", template.name())).collect();
        let renderer = renderer(Locale::En);
        for (name, _) in renderer.text.templates().filter(|(name, _)| name.contains('/')) {
            assert!(names.iter().any(|mail| name.starts_with(mail)), "{name} is of no mail");
        }
    }

    #[test]
    fn hostile_data_stays_data() {
        let mut shown = 0;
        for locale in Locale::ALL {
            for message in Message::samples() {
                let (data, replaced) = hostile(&message);
                assert!(replaced > 0, "{message:?}");
                let link = "https://x.example/\"><script>";
                let Rendered { subject, html, .. } = renderer(locale).rendered(&message, data, Some(link)).unwrap();
                assert!(!html.contains("<script") && !html.contains("\"x\""), "{message:?}\n{html}");
                assert!(!subject.chars().any(char::is_control), "{message:?} {subject}");
                shown += usize::from(html.contains("&lt;script&gt;alert"));
            }
        }
        assert!(shown > Message::samples().len(), "{shown} mails show what is foreign");
    }

    #[test]
    fn amounts_follow_the_language() {
        for (locale, expect) in [
            (Locale::En, ["€1,254.88", "€19.99", "21 November 2025"]),
            (Locale::De, ["1.254,88\u{a0}€", "19,99\u{a0}€", "21. November 2025"]),
        ] {
            let mail = mail(locale, &sample(Template::Receipt));
            for part in expect {
                assert!(mail.text.contains(part) && mail.html.contains(part), "{part} in {}", mail.text);
            }
        }
    }

    #[test]
    fn a_cancellation_says_why_and_what_becomes_of_the_money() {
        let reasons =
            [CancelReason::OutOfStock, CancelReason::Expired, CancelReason::ByCustomer, CancelReason::BySeller, CancelReason::ByAdmin];
        for locale in Locale::ALL {
            let mut seen = std::collections::HashSet::new();
            for reason in reasons {
                for money in [MoneyBack::NothingTaken, MoneyBack::HoldLifted, MoneyBack::Returned] {
                    let mail = mail(locale, &Message::Cancellation { total: sample_sale().total, reason, money });
                    assert!(seen.insert(mail.text), "{reason:?} {money:?} reads like another");
                }
            }
        }
    }

    #[test]
    fn shipped_names_only_what_is_known() {
        let nothing = ParcelName { carrier: None, number: None, url: None };
        let shipped = |parcels| Message::Shipped { seller_id: kernel::BusinessId(7), business: None, parcels, to_come: Vec::new() };
        for parcels in [Vec::new(), vec![nothing]] {
            let mail = mail(Locale::En, &shipped(parcels));
            assert!(!mail.text.contains("Carrier") && !mail.html.contains("Tracking"), "{}", mail.text);
            assert!(!mail.text.contains("Still to come"), "{}", mail.text);
        }
    }

    /// In the sample, the bench is sold by business 7 and the pots by the house.
    #[test]
    fn a_part_of_an_order_shows_nothing_of_the_others() {
        for locale in Locale::ALL {
            for template in [Template::OrderToSeller, Template::PartCancelled] {
                let mail = mail(locale, &sample(template));
                assert!(mail.text.contains("Garden Bench") && mail.html.contains("Garden Bench"), "{}", mail.text);
                assert!(!mail.text.contains("Clay Plant Pot") && !mail.html.contains("Clay Plant Pot"), "{}", mail.text);
                assert!(!mail.text.contains("254"), "the total of all is not for the seller: {}", mail.text);
            }
            let shipped = mail(locale, &sample(Template::Shipped));
            let (sent, to_come) = (shipped.text.find("Garden Bench").unwrap(), shipped.text.find("2 × Clay Plant Pot").unwrap());
            assert!(sent < to_come, "{}", shipped.text);
        }
    }

    #[test]
    fn paragraphs_are_what_blank_lines_separate() {
        assert_eq!(paragraphs("\n\n a\n b \n \n\n\nc\n"), ["a\nb", "c"]);
        assert!(paragraphs(" \n ").is_empty());
    }
}
