//! The bootstrap of all Lambda functions.

fn main() {}
