//! The outbox worker of Countersign: SMTP, SMS over HTTP, templates, log-outs for clients of OAuth.
//!
//! Messages are queued in the same transaction as what they are about, and leave here: leased, so
//! that many nodes can deliver from one store; at least once, since a crash between sending and
//! noting it cannot be told from one before; with an id that stays the same, so that receivers can
//! tell a repetition. A channel that is not configured leaves its messages in the outbox.

mod backoff;
mod failure;
mod logouts;
mod settings;
mod sms;
mod smtp;
mod templates;
mod worker;

pub use settings::{DeliverySettings, SetupError, SmsFormat, SmsSettings, SmtpSecurity, SmtpSettings};
pub use smtp::test_mail_server;
pub use templates::TemplateError;
pub use worker::Worker;
