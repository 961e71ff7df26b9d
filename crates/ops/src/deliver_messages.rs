//! What the delivery worker does with the outbox.

use std::time::Duration;

use countersign_model::ids::MessageId;
use countersign_model::message::{Channel, Message};
use countersign_model::time::Timestamp;
use countersign_store::outbox::{self, MessageRow};
use countersign_store::{StoreError, Tx, Work};

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
        let mut leased = Vec::new();
        for channel in channels.iter().copied() {
            let limit = limit.saturating_sub(u32::try_from(leased.len()).unwrap_or(u32::MAX));
            let now = self.clock.now();
            // An idle server polls with reads only: no unit of work, no commit.
            if limit == 0 || !outbox::is_due(&mut self.store.read().await?, channel, now).await? {
                continue;
            }
            for row in self.store.write(Lease { channel, limit, now, lease }).await? {
                let message = self.open_message(row);
                if message.contents.is_some() {
                    leased.push(message);
                } else {
                    tracing::error!(id = %message.id, "a message does not open with this master key");
                    self.fail_message(message.id, "its contents do not open", None).await?;
                }
            }
        }
        Ok(leased)
    }

    /// Notes that the provider took the message, and removes its contents.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn complete_message(&self, id: MessageId) -> Result<(), Unavailable> {
        Ok(self.store.write(Complete(id)).await?)
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
        let next = next.map(|pause| self.clock.now().after(pause));
        Ok(self.store.write(Fail { id, reason: reason.to_owned(), next }).await?)
    }

    /// Returns when an operation of this process has queued a message, or ended what clients may be to hear of, since
    /// the last return.
    pub async fn wait_for_messages(&self) {
        self.outbox_changed.notified().await;
    }
}

struct Lease {
    channel: Channel,
    limit: u32,
    now: Timestamp,
    lease: Duration,
}

impl Work for Lease {
    type Output = Vec<MessageRow>;
    type Error = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Vec<MessageRow>, StoreError> {
        outbox::lease(tx, self.channel, self.limit, self.now, self.lease).await
    }
}

struct Complete(MessageId);

impl Work for Complete {
    type Output = ();
    type Error = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        outbox::complete(tx, self.0).await
    }
}

struct Fail {
    id: MessageId,
    reason: String,
    next: Option<Timestamp>,
}

impl Work for Fail {
    type Output = ();
    type Error = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        outbox::fail(tx, self.id, &self.reason, self.next).await
    }
}
