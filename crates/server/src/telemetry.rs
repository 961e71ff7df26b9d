//! The log: to standard error, as text or JSON lines.

use std::io::IsTerminal;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use crate::config::LogSettings;

/// Starts logging for the server.
///
/// The level is that of our own events. Libraries are heard from `warn` on only: on lower levels some
/// of them show what they send and receive, which can be a password (R144).
pub fn start(settings: LogSettings) {
    let own = LevelFilter::from_level(settings.level);
    let audit = own.max(LevelFilter::INFO);
    start_with(
        Targets::new()
            .with_default(own.min(LevelFilter::WARN))
            .with_target("countersign", own)
            .with_target("audit", audit),
        settings.json,
    );
}

/// Starts logging for a command, which tells its result itself.
pub fn start_for_command() {
    start_with(Targets::new().with_default(LevelFilter::WARN), false);
}

fn start_with(targets: Targets, json: bool) {
    let layer = fmt::layer().with_writer(std::io::stderr);
    let layer = if json {
        layer.json().flatten_event(true).with_current_span(true).with_span_list(false).boxed()
    } else {
        layer.with_ansi(std::io::stderr().is_terminal()).boxed()
    };
    // A second start, in tests, changes nothing.
    let _ = tracing_subscriber::registry().with(layer.with_filter(targets)).try_init();
}
