//! The `countersign` binary: command line, configuration, listeners.

mod config;

fn main() {}
