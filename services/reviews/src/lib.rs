//! Reviews of businesses, products and services, and their aggregates.
