//! The search index on Tantivy, embedded.
