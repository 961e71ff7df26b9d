//! `countersign outbox`.

use countersign_model::ids::MessageId;
use countersign_model::message::{Contents, Message, MessageState};
use countersign_ops::AdminError;
use countersign_ops::oauth::deliver_logouts::Logout;
use serde_json::{Value, json};

use super::args::{Outbox, State};
use super::output::{self, or_dash, say};
use super::{admin, open, with_named};
use crate::config::parse_duration;
use crate::failure::{Failure, Outcome};
use crate::open::Opener;

/// Does it.
///
/// # Errors
/// What went wrong.
pub async fn run(command: Outbox) -> Outcome {
    match command {
        Outbox::List { place, state, form } => {
            let core = open(&place, Opener::Command).await?;
            let messages = core.list_messages(state.map(Into::into)).await;
            list(&messages.map_err(|error| admin(&error, "messages"))?, form.json)
        }
        Outbox::Show { place, id, form } => {
            let core = open(&place, Opener::Command).await?;
            let message = core.show_message(MessageId(id)).await;
            show(&message.map_err(|error| with_message(&error, &format!("the message {id}")))?, form.json)
        }
        Outbox::Retry { place, id } => {
            let core = open(&place, Opener::Command).await?;
            let ids = match id {
                Some(id) => vec![MessageId(id)],
                None => {
                    let dead = core.list_messages(Some(MessageState::Dead)).await;
                    dead.map_err(|error| admin(&error, "messages"))?
                        .iter()
                        .map(|message| message.id)
                        .collect()
                }
            };
            for id in &ids {
                let retried = core.retry_message(*id).await;
                retried.map_err(|error| {
                    with_message(&error, &format!("a message {} that was not sent", id.0))
                })?;
            }
            say(&format!("{} to be tried again", count(ids.len() as u64)))
        }
        Outbox::Logouts { place, retry, form } => {
            let core = open(&place, Opener::Command).await?;
            if retry {
                let retried = core.retry_logouts().await.map_err(|error| admin(&error.into(), "log-outs"))?;
                return say(&format!("{} to be tried again", counted(retried, "log-out")));
            }
            let all = core.list_logouts().await;
            logouts(&all.map_err(|error| admin(&error.into(), "log-outs"))?, form.json)
        }
        Outbox::Purge { place, older_than, state } => {
            let older_than = older_than.map(|text| {
                parse_duration(&text).ok_or_else(|| {
                    Failure::usage(format!("--older-than {text:?} must be a duration such as 7d"))
                })
            });
            let older_than = older_than.transpose()?;
            let core = open(&place, Opener::Command).await?;
            let purged = core.purge_messages(older_than, state.map(Into::into)).await;
            say(&format!("{} removed", count(purged.map_err(|error| admin(&error, "messages"))?)))
        }
    }
}

fn with_message(error: &AdminError, what: &str) -> Failure {
    with_named(error, what, "outbox list")
}

impl From<State> for MessageState {
    fn from(state: State) -> MessageState {
        match state {
            State::Pending => MessageState::Pending,
            State::Sent => MessageState::Sent,
            State::Dead => MessageState::Dead,
        }
    }
}

fn count(messages: u64) -> String {
    counted(messages, "message")
}

fn counted(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn logouts(all: &[(Logout, Option<String>)], as_json: bool) -> Outcome {
    let state = |logout: &Logout| if logout.given_up { MessageState::Dead } else { MessageState::Pending };
    if as_json {
        let record = |(logout, client): &(Logout, Option<String>)| {
            json!({
                "client_id": client,
                "sid": logout.session.to_string(),
                "account": logout.account.0,
                "at": logout.queued_at.rfc3339(),
                "state": state(logout).name(),
                "attempts": logout.attempts,
                "last_error": logout.last_error,
            })
        };
        return output::json(&all.iter().map(record).collect::<Vec<_>>());
    }
    let row = |(logout, client): &(Logout, Option<String>)| {
        vec![
            or_dash(client.as_deref()),
            logout.queued_at.rfc3339(),
            state(logout).name().to_owned(),
            logout.attempts.to_string(),
            or_dash(logout.last_error.as_deref()),
        ]
    };
    let rows: Vec<Vec<String>> = all.iter().map(row).collect();
    output::table(
        &["CLIENT", "QUEUED", "STATE", "TRIES", "LAST ERROR"],
        &rows,
        "every client has heard of all log-outs",
    )
}

fn list(messages: &[Message], as_json: bool) -> Outcome {
    if as_json {
        return output::json(&messages.iter().map(message_json).collect::<Vec<_>>());
    }
    let row = |message: &Message| {
        let contents = message.contents.as_ref();
        vec![
            message.id.0.to_string(),
            message.queued_at.rfc3339(),
            message.state.name().to_owned(),
            or_dash(contents.map(|contents| contents.to.as_str())),
            message.template.name().into_owned(),
            or_dash(contents.and_then(code_or_link)),
        ]
    };
    let rows: Vec<Vec<String>> = messages.iter().map(row).collect();
    output::table(&["ID", "QUEUED", "STATE", "TO", "MESSAGE", "CODE OR LINK"], &rows, "the outbox is empty")
}

fn show(message: &Message, as_json: bool) -> Outcome {
    if as_json {
        let mut shown = message_json(message);
        shown["last_error"] = json!(message.last_error);
        return output::json(&shown);
    }
    let contents = message.contents.as_ref();
    let mut facts = vec![
        ("id", message.id.0.to_string()),
        ("channel", message.channel.name().into_owned()),
        ("message", message.template.name().into_owned()),
        ("queued", message.queued_at.rfc3339()),
        ("state", message.state.name().to_owned()),
        ("tries", message.attempts.to_string()),
        ("last error", or_dash(message.last_error.as_deref())),
        ("to", or_dash(contents.map(|contents| contents.to.as_str()))),
        ("code", or_dash(contents.and_then(|contents| contents.code.as_ref()).map(|code| code.reveal()))),
        ("link", or_dash(contents.and_then(|contents| contents.link.as_ref()).map(|link| link.reveal()))),
    ];
    if let Some(expires_at) = contents.and_then(|contents| contents.expires_at) {
        facts.push(("works until", expires_at.rfc3339()));
    }
    output::card(&facts)
}

/// A message as programs read it.
pub fn message_json(message: &Message) -> Value {
    let contents = message.contents.as_ref();
    json!({
        "id": message.id.0,
        "at": message.queued_at.rfc3339(),
        "channel": message.channel.name(),
        "to": contents.map(|contents| &contents.to),
        "template": message.template.name(),
        "code": contents.and_then(|contents| contents.code.as_ref()).map(|code| code.reveal()),
        "link": contents.and_then(|contents| contents.link.as_ref()).map(|link| link.reveal()),
        "state": message.state.name(),
        "attempts": message.attempts,
    })
}

fn code_or_link(contents: &Contents) -> Option<&str> {
    contents.link.as_ref().or(contents.code.as_ref()).map(|secret| secret.reveal())
}
