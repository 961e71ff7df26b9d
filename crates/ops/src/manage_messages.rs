//! What an operator does with the outbox.

use std::time::Duration;

use countersign_model::ids::MessageId;
use countersign_model::keyring::Place;
use countersign_model::message::{Contents, Message, MessageState};
use countersign_model::time::Timestamp;
use countersign_store::outbox::{self, MessageRow};
use countersign_store::{StoreError, Tx, Work};

use crate::{AdminError, Core, Unavailable};

impl Core {
    /// The messages in the outbox, oldest first.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn list_messages(&self, state: Option<MessageState>) -> Result<Vec<Message>, AdminError> {
        let rows = outbox::list(&mut self.store.read().await?).await?;
        let wanted = rows.into_iter().filter(|row| state.is_none_or(|state| state == row.state));
        Ok(wanted.map(|row| self.open_message(row)).collect())
    }

    /// One message.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn show_message(&self, id: MessageId) -> Result<Message, AdminError> {
        let row = outbox::find(&mut self.store.read().await?, id).await?;
        row.map(|row| self.open_message(row)).ok_or(AdminError::NotFound)
    }

    /// Lets a message be tried again at once.
    ///
    /// # Errors
    /// [`AdminError::NotFound`] also for one that was sent.
    pub async fn retry_message(&self, id: MessageId) -> Result<(), AdminError> {
        if !self.store.write(Retry { id, now: self.clock.now() }).await? {
            return Err(AdminError::NotFound);
        }
        self.outbox_changed.notify_one();
        Ok(())
    }

    /// Removes messages; says how many.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn purge_messages(
        &self,
        older_than: Option<Duration>,
        state: Option<MessageState>,
    ) -> Result<u64, AdminError> {
        let before = self.clock.now().before(older_than.unwrap_or_default());
        Ok(self.store.write(Purge { before, state }).await?)
    }

    /// How many messages are in each state, for metrics; a state without any is left out.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn count_messages(&self) -> Result<Vec<(MessageState, i64)>, Unavailable> {
        Ok(outbox::count(&mut self.store.read().await?).await?)
    }

    /// A row with its contents in the open, if it has any and their seal opens.
    pub(crate) fn open_message(&self, row: MessageRow) -> Message {
        let opened = row.sealed.and_then(|sealed| self.keyring.open(Place::Message, &sealed).ok());
        Message {
            id: row.id,
            channel: row.channel,
            template: row.template,
            queued_at: row.queued_at,
            state: row.state,
            attempts: row.attempts,
            last_error: row.last_error,
            contents: opened.and_then(|bytes| Contents::from_bytes(&bytes)),
        }
    }
}

struct Retry {
    id: MessageId,
    now: Timestamp,
}

impl Work for Retry {
    type Output = bool;
    type Error = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        outbox::retry(tx, self.id, self.now).await
    }
}

struct Purge {
    before: Timestamp,
    state: Option<MessageState>,
}

impl Work for Purge {
    type Output = u64;
    type Error = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64, StoreError> {
        outbox::purge(tx, self.before, self.state).await
    }
}
