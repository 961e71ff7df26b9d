//! Starts servers, mail sinks, SMS gateways and PostgreSQL clusters for tests and benchmarks.
//!
//! Everything here is a real process or a real socket: the `countersign` binary as built, PostgreSQL as packaged,
//! an SMTP server that others wrote. Nothing is mocked, and every call blocks, so a test reads from top to bottom.
//!
//! What a run starts dies with it, however it ends: children ask the kernel for a signal at the death of their
//! parent, and [`scratch`] has the run's directory removed by a process that outlives the run. Linux only.
// A test kit has nobody to return an error to: whatever goes wrong here fails the test, with the reason.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

pub mod faketime;
pub mod http;
pub mod https;
pub mod identity;
pub mod line;
pub mod mail;
pub mod outbox;
pub mod poll;
pub mod postgres;
pub mod process;
mod ready_made;
pub mod scratch;
pub mod server;
pub mod sms;
pub mod source;
pub mod tls;

pub use http::{Client, Response};
pub use https::{HttpsSite, Page};
pub use identity::{Authority, Identity};
pub use line::LineClient;
pub use mail::{MailServer, MailTls};
pub use outbox::Message;
pub use poll::until;
pub use postgres::{Durability, Postgres};
pub use rcgen;
pub use server::{Builder, Engine, Server};
pub use sms::SmsGateway;
