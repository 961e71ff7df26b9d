//! What the delivery worker does with the outbox.

use std::time::Duration;

use countersign_model::ids::MessageId;
use countersign_model::message::{Channel, Message};

use crate::{Core, Unavailable};

impl Core {
    /// Takes up to `limit` messages that are due; nobody else gets them for `lease`.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn lease_messages(
        &self,
        channels: &[Channel],
        limit: u32,
        lease: Duration,
    ) -> Result<Vec<Message>, Unavailable> {
        Err(Unavailable::Store)
    }

    /// Notes that the provider took the message, and removes its contents.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn complete_message(&self, id: MessageId) -> Result<(), Unavailable> {
        Err(Unavailable::Store)
    }

    /// Notes that a try failed: the next one is after `next`, or never.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn fail_message(
        &self,
        id: MessageId,
        reason: &str,
        next: Option<Duration>,
    ) -> Result<(), Unavailable> {
        Err(Unavailable::Store)
    }

    /// Returns when an operation of this process has queued a message.
    pub async fn wait_for_messages(&self) {
        std::future::pending().await
    }
}
