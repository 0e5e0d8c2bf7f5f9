//! Money: a whole number of minor units (cents) in an ISO 4217 currency. No floats, and no
//! arithmetic that can wrap: every operation says when it cannot be done.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::written::{serde_as_text, text_schema};

/// Why a sum of money could not be computed or read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    #[error("the amounts are in different currencies")]
    Currencies,
    #[error("the amount is out of range")]
    Overflow,
    #[error("not a decimal amount in this currency")]
    Malformed,
    #[error("not an ISO 4217 currency code with minor units")]
    UnknownCurrency,
}

/// An ISO 4217 currency that has minor units: `EUR`, `JPY`, `KWD`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency(iso_currency::Currency);

impl Currency {
    pub const EUR: Self = Self(iso_currency::Currency::EUR);

    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// Decimal places of the minor unit: 2 for EUR, 0 for JPY, 3 for KWD.
    pub fn exponent(self) -> u32 {
        self.0.exponent().map_or(0, u32::from)
    }
}

impl std::str::FromStr for Currency {
    type Err = MoneyError;

    fn from_str(code: &str) -> Result<Self, MoneyError> {
        iso_currency::Currency::from_code(code)
            .filter(|currency| currency.exponent().is_some())
            .map(Self)
            .ok_or(MoneyError::UnknownCurrency)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

serde_as_text!(Currency, "an ISO 4217 currency code");
text_schema!(Currency, |schema| schema.description(Some("ISO 4217 code")).pattern(Some("^[A-Z]{3}$")));

/// An amount in minor units, negative where money flows back. |amount| is at most 10^15, so that
/// sums of many fit and JavaScript reads them exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Money {
    /// Minor units: cents for EUR.
    #[schema(example = 1999, minimum = -1_000_000_000_000_000_i64, maximum = 1_000_000_000_000_000_i64)]
    pub amount: i64,
    pub currency: Currency,
}

const AMOUNT_MAX: i64 = 1_000_000_000_000_000;

impl Money {
    pub fn new(amount: i64, currency: Currency) -> Self {
        Self { amount, currency }
    }

    pub fn zero(currency: Currency) -> Self {
        Self { amount: 0, currency }
    }

    pub fn is_zero(self) -> bool {
        self.amount == 0
    }

    fn checked(amount: Option<i64>, currency: Currency) -> Result<Self, MoneyError> {
        match amount {
            Some(amount) if amount.abs() <= AMOUNT_MAX => Ok(Self { amount, currency }),
            _ => Err(MoneyError::Overflow),
        }
    }

    pub fn plus(self, other: Self) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::Currencies);
        }
        Self::checked(self.amount.checked_add(other.amount), self.currency)
    }

    pub fn minus(self, other: Self) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::Currencies);
        }
        Self::checked(self.amount.checked_sub(other.amount), self.currency)
    }

    pub fn times(self, quantity: u32) -> Result<Self, MoneyError> {
        Self::checked(self.amount.checked_mul(i64::from(quantity)), self.currency)
    }

    /// The sum; zero of `currency` for no amounts.
    pub fn sum(currency: Currency, amounts: impl IntoIterator<Item = Self>) -> Result<Self, MoneyError> {
        amounts.into_iter().try_fold(Self::zero(currency), Self::plus)
    }

    /// Reads a decimal amount such as `19.99` or `-5`, with no more decimals than the currency has.
    pub fn parse(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let exponent = currency.exponent() as usize;
        let fraction = if fraction.len() > exponent { fraction.trim_end_matches('0') } else { fraction };
        let numeric = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty()
            || whole.len() > 15
            || fraction.len() > exponent
            || !numeric(whole)
            || !numeric(fraction)
            || digits.ends_with('.')
        {
            return Err(MoneyError::Malformed);
        }
        let text = format!("{whole}{fraction:0<exponent$}");
        let amount: i64 = text.parse().map_err(|_| MoneyError::Overflow)?;
        Self::checked(Some(if negative { -amount } else { amount }), currency)
    }
}

/// `19.99 EUR`: the decimal amount and the ISO code, for mails and logs.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exponent = self.currency.exponent();
        let unit = 10_u64.pow(exponent);
        let amount = self.amount.unsigned_abs();
        let sign = if self.amount < 0 { "-" } else { "" };
        if exponent == 0 {
            write!(f, "{sign}{amount} {}", self.currency.code())
        } else {
            write!(f, "{sign}{}.{:0width$} {}", amount / unit, amount % unit, self.currency.code(), width = exponent as usize)
        }
    }
}

/// A tax rate in basis points: 1900 is 19 %.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(transparent)]
pub struct TaxRate(pub u16);

impl TaxRate {
    /// The tax contained in a price that includes it, rounded half up (away from zero).
    pub fn included_in(self, gross: Money) -> Money {
        Money { amount: half_up(i128::from(gross.amount) * i128::from(self.0), 10_000 + i128::from(self.0)), currency: gross.currency }
    }

    /// The tax to add to a price without it, rounded half up (away from zero).
    pub fn on_top_of(self, net: Money) -> Money {
        Money { amount: half_up(i128::from(net.amount) * i128::from(self.0), 10_000), currency: net.currency }
    }
}

fn half_up(numerator: i128, denominator: i128) -> i64 {
    let magnitude = (numerator.abs() * 2 + denominator) / (denominator * 2);
    i64::try_from(magnitude * numerator.signum()).unwrap_or(AMOUNT_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eur(amount: i64) -> Money {
        Money::new(amount, Currency::EUR)
    }

    #[test]
    fn decimal_texts() {
        let jpy = "JPY".parse().unwrap();
        let kwd = "KWD".parse().unwrap();
        for (text, currency, expect) in [
            ("19.99", Currency::EUR, Ok(1999)),
            ("50", Currency::EUR, Ok(5000)),
            ("0.5", Currency::EUR, Ok(50)),
            ("9.990", Currency::EUR, Ok(999)),
            ("-5", Currency::EUR, Ok(-500)),
            ("100", jpy, Ok(100)),
            ("1.234", kwd, Ok(1234)),
            ("9.999", Currency::EUR, Err(MoneyError::Malformed)),
            ("1.5", jpy, Err(MoneyError::Malformed)),
            ("1.", Currency::EUR, Err(MoneyError::Malformed)),
            (".5", Currency::EUR, Err(MoneyError::Malformed)),
            ("1e3", Currency::EUR, Err(MoneyError::Malformed)),
            ("", Currency::EUR, Err(MoneyError::Malformed)),
            ("999999999999999", Currency::EUR, Err(MoneyError::Overflow)),
        ] {
            assert_eq!(Money::parse(text, currency).map(|money| money.amount), expect, "{text}");
        }
        assert_eq!(eur(-5).to_string(), "-0.05 EUR");
        assert_eq!(Money::new(1500, jpy).to_string(), "1500 JPY");
    }

    #[test]
    fn tax_is_rounded_half_up() {
        for (gross, rate, included, on_top) in
            [(11_900, 1900, 1900, 2261), (100, 1900, 16, 19), (50, 700, 3, 4), (0, 1900, 0, 0), (-11_900, 1900, -1900, -2261)]
        {
            assert_eq!(TaxRate(rate).included_in(eur(gross)), eur(included));
            assert_eq!(TaxRate(rate).on_top_of(eur(gross)), eur(on_top));
        }
    }
}
