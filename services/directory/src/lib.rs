//! The directory: businesses, their categories, and the leads that reach them.
