//! Payments as the orders and the people see them, with the test gateway behind the breaker.

// Helpers of tests may unwrap as the tests themselves do.
#![allow(clippy::unwrap_used)]

mod flows;
mod people;
mod shop;
