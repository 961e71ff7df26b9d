//! The outbox worker of Countersign: SMTP, SMS over HTTP, templates.
