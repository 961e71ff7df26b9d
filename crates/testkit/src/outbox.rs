//! What the server has written to people, as `countersign outbox list --json` shows it.

use serde::Deserialize;

use crate::{Server, poll};

/// One message of the outbox.
#[derive(Clone, Debug, Deserialize)]
pub struct Message {
    /// When it was queued, RFC 3339.
    #[serde(default)]
    pub at: serde_json::Value,
    /// `email` or `sms`.
    pub channel: String,
    /// The address or number.
    #[serde(default)]
    pub to: Option<String>,
    /// Which text it has.
    pub template: String,
    /// The code in it, as shown to people.
    #[serde(default)]
    pub code: Option<String>,
    /// The link in it.
    #[serde(default)]
    pub link: Option<String>,
    /// Where it stands: waiting, sent, given up.
    pub state: String,
    /// How often delivery was tried.
    pub attempts: u32,
}

impl Message {
    /// The code; panics when there is none.
    pub fn code(&self) -> String {
        self.code.clone().unwrap_or_else(|| panic!("no code in {self:?}"))
    }

    /// The path of the link, without the origin.
    pub fn link_path(&self) -> String {
        let link = self.link.as_deref().unwrap_or_else(|| panic!("no link in {self:?}"));
        let after_scheme = link.split_once("://").map_or(link, |(_, rest)| rest);
        let slash = after_scheme.find('/').unwrap_or_else(|| panic!("no path in {link}"));
        after_scheme[slash..].to_owned()
    }

    /// The last segment of the link: the id or token it carries.
    pub fn link_token(&self) -> String {
        self.link_path().trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned()
    }
}

impl Server {
    /// The outbox, oldest first.
    pub fn outbox(&self) -> Vec<Message> {
        let done = self.command(&["outbox", "list", "--json"]);
        assert!(
            done.status.success(),
            "outbox list: {}: {}",
            done.status,
            String::from_utf8_lossy(&done.stderr)
        );
        serde_json::from_slice(&done.stdout)
            .unwrap_or_else(|error| panic!("outbox list: {error}: {}", String::from_utf8_lossy(&done.stdout)))
    }

    /// All messages to an address or number, oldest first.
    pub fn messages_to(&self, address: &str) -> Vec<Message> {
        let is_to =
            |message: &Message| message.to.as_deref().is_some_and(|to| to.eq_ignore_ascii_case(address));
        self.outbox().into_iter().filter(is_to).collect()
    }

    /// The messages to `address` once there are `count` of them.
    pub fn await_messages(&self, address: &str, count: usize) -> Vec<Message> {
        poll::until(&format!("{count} messages to {address}"), || {
            let messages = self.messages_to(address);
            (messages.len() >= count).then_some(messages)
        })
    }

    /// The newest message to `address`, waiting for the first.
    pub fn latest_to(&self, address: &str) -> Message {
        self.await_messages(address, 1).pop().expect("at least one")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_taken_apart() {
        let text = r#"{"id":1,"at":"x","channel":"email","to":"a@b.c","template":"t","code":null,
            "link":"http://127.0.0.1:8080/v1/requests/accounts/1b-2c","state":"waiting","attempts":0}"#;
        let message: Message = serde_json::from_str(text).unwrap();
        assert_eq!(message.link_path(), "/v1/requests/accounts/1b-2c");
        assert_eq!(message.link_token(), "1b-2c");
    }
}
