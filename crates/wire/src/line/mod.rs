//! Document 002: one request per line over TLS, one line back.

mod command;
mod connection;
mod counters;
mod error;
mod frame;
mod listener;
mod reply;
pub mod request;

pub(crate) use counters::LineCounters;
pub use frame::Deadlines;
pub use listener::{LineSettings, serve};
pub use reply::{Refusal, Reply};
