//! The `deferevm` command.
fn main() {}
