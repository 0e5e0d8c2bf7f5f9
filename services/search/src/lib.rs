//! Search over businesses, services and products.
