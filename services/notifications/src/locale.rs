//! The language of the mails, and how it writes money and dates.

use kernel::{Money, Timestamp};
use serde::{Deserialize, Serialize};

/// A language that there are templates for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Locale {
    #[default]
    En,
    De,
}

/// Keeps an amount and its currency on one line.
const NO_BREAK_SPACE: char = '\u{a0}';

const MONTHS_EN: [&str; 12] =
    ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
const MONTHS_DE: [&str; 12] =
    ["Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"];

impl Locale {
    pub const ALL: [Self; 2] = [Self::En, Self::De];

    /// The BCP 47 tag, which is also the folder of the templates.
    pub fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::De => "de",
        }
    }

    /// `€1,234.50` in English, `1.234,50 €` in German.
    pub fn money(self, money: Money) -> String {
        let exponent = money.currency.exponent();
        let unit = 10_u64.pow(exponent);
        let amount = money.amount.unsigned_abs();
        let (group, point) = match self {
            Self::En => (',', '.'),
            Self::De => ('.', ','),
        };
        let mut number = grouped(amount / unit, group);
        if exponent > 0 {
            number.push(point);
            number.push_str(&format!("{:0width$}", amount % unit, width = exponent as usize));
        }
        let sign = if money.amount < 0 { "-" } else { "" };
        let symbol = symbol(money.currency.code());
        match self {
            Self::En if symbol.chars().all(char::is_alphabetic) => format!("{sign}{symbol}{NO_BREAK_SPACE}{number}"),
            Self::En => format!("{sign}{symbol}{number}"),
            Self::De => format!("{sign}{number}{NO_BREAK_SPACE}{symbol}"),
        }
    }

    /// The day in UTC: `21 November 2026`, `21. November 2026`.
    pub fn date(self, at: Timestamp) -> String {
        let text = at.to_string();
        let mut parts = text.split(['-', 'T']);
        let year = parts.next().unwrap_or_default();
        let month: usize = parts.next().and_then(|month| month.parse().ok()).unwrap_or(1);
        let day: u8 = parts.next().and_then(|day| day.parse().ok()).unwrap_or(1);
        let month = month.clamp(1, 12) - 1;
        match self {
            Self::En => format!("{day} {} {year}", MONTHS_EN[month]),
            Self::De => format!("{day}. {} {year}", MONTHS_DE[month]),
        }
    }
}

/// The sign that people know, otherwise the ISO code.
fn symbol(code: &'static str) -> &'static str {
    match code {
        "EUR" => "€",
        "GBP" => "£",
        "JPY" => "¥",
        "USD" => "$",
        other => other,
    }
}

fn grouped(number: u64, separator: char) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(separator);
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_as_people_write_it() {
        for (amount, currency, en, de) in [
            (1999, "EUR", "€19.99", "19,99\u{a0}€"),
            (123_450, "EUR", "€1,234.50", "1.234,50\u{a0}€"),
            (-5, "EUR", "-€0.05", "-0,05\u{a0}€"),
            (0, "USD", "$0.00", "0,00\u{a0}$"),
            (1_234_567, "JPY", "¥1,234,567", "1.234.567\u{a0}¥"),
            (1999, "CHF", "CHF\u{a0}19.99", "19,99\u{a0}CHF"),
            (1234, "KWD", "KWD\u{a0}1.234", "1,234\u{a0}KWD"),
        ] {
            let money = Money::new(amount, currency.parse().unwrap());
            assert_eq!((Locale::En.money(money).as_str(), Locale::De.money(money).as_str()), (en, de));
        }
    }

    #[test]
    fn dates_as_people_write_them() {
        let at = "2026-03-05T23:59:59.999Z".parse().unwrap();
        assert_eq!(Locale::En.date(at), "5 March 2026");
        assert_eq!(Locale::De.date(at), "5. März 2026");
    }
}
