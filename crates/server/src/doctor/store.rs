//! The database, its schema, the key that goes with it, the clock and the outbox.

use std::time::Duration;

use countersign_model::message::{Channel, Message, MessageState};
use countersign_model::stored::Stored;
use countersign_model::time::Clock;
use countersign_ops::Core;
use tokio::time::timeout;

use super::claims;
use super::finding::Findings;
use crate::config::{Settings, format_duration, without_password};
use crate::failure::Outcome;
use crate::open::{self, Opener};

const PATIENCE: Duration = Duration::from_secs(10);
/// A message should have left by then.
const LATE: Duration = Duration::from_secs(15 * 60);
/// Clocks of machines that keep time differ by less.
const CLOCK_SKEW: Duration = Duration::from_secs(60);

/// Looks at them.
pub async fn examine(settings: &Settings, findings: &mut Findings) {
    let url = settings.database.reveal();
    if let Some(missing) = open::missing_file(url) {
        let text = format!("{missing} does not exist yet");
        return findings.warning("database", text, "`countersign serve` makes it");
    }
    let schema = match timeout(PATIENCE, schema(url)).await {
        Ok(schema) => schema,
        Err(_) => {
            let text =
                format!("{} does not answer within {}", without_password(url), format_duration(PATIENCE));
            return findings.problem(
                "database",
                text,
                "check that the server is there and admits this machine",
            );
        }
    };
    match schema {
        Err(failure) => {
            let advice = failure.advised().unwrap_or("check the URL");
            return findings.problem("database", failure.what(), advice);
        }
        Ok((faults, pending)) => {
            match faults.first() {
                None => findings.good("database", &format!("{} answers and is whole", without_password(url))),
                Some(fault) => findings.problem(
                    "database",
                    format!("{} is damaged: {fault}", without_password(url)),
                    "stop the server and restore the last backup",
                ),
            }
            if pending > 0 {
                let text = format!("{pending} migrations of this version are missing");
                return findings.problem("schema", text, "run `countersign migrate --apply`");
            }
            findings.good("schema", "is that of this version");
        }
    }
    match open::open(settings, Opener::Command).await {
        Ok(core) => {
            clock(&core, findings);
            outbox(&core, settings, findings).await;
            claims::examine(&core, settings, findings).await;
        }
        Err(failure) => {
            findings.problem("store", failure.what(), failure.advised().unwrap_or("see above"));
        }
    }
}

/// What is damaged, and how many migrations are missing.
async fn schema(url: &str) -> Outcome<(Vec<String>, usize)> {
    let database = open::database(url)?;
    let store = open::open_store(&database, url).await?;
    let faults = store.check_integrity().await.map_err(|error| open::cannot_use(url, &error.into()))?;
    let pending = store.migrate(None).await.map_err(|error| open::cannot_use(url, &error))?;
    Ok((faults, pending.len()))
}

/// The store remembers the latest time it has seen; a clock that has fallen behind it stands still.
fn clock(core: &Core, findings: &mut Findings) {
    let (held, wall) = (core.clock.now(), Clock::system().now());
    if held.since(wall) > CLOCK_SKEW {
        let text = format!("says {}, but the store has seen {} already", wall.rfc3339(), held.rfc3339());
        findings.problem(
            "clock",
            text,
            "set it right (`timedatectl`); nothing expires before it has caught up",
        );
    } else {
        findings.good("clock", &format!("says {}, no earlier than the store", wall.rfc3339()));
    }
}

async fn outbox(core: &Core, settings: &Settings, findings: &mut Findings) {
    const CHECK: &str = "outbox";
    let messages = match core.list_messages(None).await {
        Ok(messages) => messages,
        Err(error) => return findings.problem(CHECK, error.to_string(), "see the log of the server"),
    };
    let in_state = |state| messages.iter().filter(move |message| message.state == state);
    let dead: Vec<&Message> = in_state(MessageState::Dead).collect();
    if let Some(last) = dead.last() {
        let reason = last.last_error.as_deref().unwrap_or("no reason noted");
        let text = match dead.len() {
            1 => format!("1 message was given up, for: {reason}"),
            many => format!("{many} messages were given up, the last for: {reason}"),
        };
        findings.problem(
            CHECK,
            text,
            "when the reason is gone: `countersign outbox retry`; or `outbox purge --state dead`",
        );
    }
    let now = core.clock.now();
    let sends = |channel: Stored<Channel>| match channel {
        Stored::Known(Channel::Email) => settings.delivery.smtp.is_some(),
        Stored::Known(Channel::Sms) => settings.delivery.sms.is_some(),
        // A newer node of the same database sends it.
        Stored::Unknown(_) => false,
    };
    let waiting = in_state(MessageState::Pending).count();
    let is_late = |message: &&Message| sends(message.channel) && now.since(message.queued_at) > LATE;
    let late = in_state(MessageState::Pending).filter(is_late).count();
    if late > 0 {
        let text = format!("messages that wait for more than {}: {late}", format_duration(LATE));
        findings.warning(
            CHECK,
            text,
            "is the server running, and its provider reachable? `countersign outbox list`",
        );
    }
    if dead.is_empty() && late == 0 {
        findings.good(CHECK, &format!("messages that wait: {waiting}; given up: none"));
    }
}
