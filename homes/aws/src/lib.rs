//! The home on AWS.
