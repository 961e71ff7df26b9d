//! `outbox`.

use clap::{Subcommand, ValueEnum};

use super::{Form, Place};

/// Where a message is on its way.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum State {
    /// Waits.
    Pending,
    /// Was handed over.
    Sent,
    /// Was given up.
    Dead,
}

/// `outbox`.
#[derive(Debug, Subcommand)]
pub enum Outbox {
    /// List messages, the newest last.
    List {
        #[command(flatten)]
        place: Place,
        /// Only those that are there.
        #[arg(long)]
        state: Option<State>,
        #[command(flatten)]
        form: Form,
    },
    /// Show a message.
    Show {
        #[command(flatten)]
        place: Place,
        /// Its id.
        id: i64,
        #[command(flatten)]
        form: Form,
    },
    /// Try a message again at once, also one that was given up.
    Retry {
        #[command(flatten)]
        place: Place,
        /// Its id; none: all that were given up.
        id: Option<i64>,
    },
    /// List the log-outs that clients with a back-channel logout URI have not heard of.
    Logouts {
        #[command(flatten)]
        place: Place,
        /// Try those that were given up again at once.
        #[arg(long, conflicts_with = "json")]
        retry: bool,
        #[command(flatten)]
        form: Form,
    },
    /// Remove messages.
    #[command(after_help = "Example:\n  countersign outbox purge --state dead --older-than 30d")]
    Purge {
        #[command(flatten)]
        place: Place,
        /// Only those that are older, such as 7d.
        #[arg(long, value_name = "DURATION", required_unless_present = "state")]
        older_than: Option<String>,
        /// Only those that are there.
        #[arg(long)]
        state: Option<State>,
    },
}
