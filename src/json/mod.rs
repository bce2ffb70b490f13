//! JSON documents at the edge: hex strings, and errors that name file and place.
//!
//! Owns no document's shape; fixtures and block bundles have their own.

pub mod document;
pub mod hex;
pub mod shapes;

pub use document::{DocumentError, parse, parse_part, push_key, text};
pub use shapes::{Entries, logs};
