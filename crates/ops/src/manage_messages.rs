//! What an operator does with the outbox.

use std::time::Duration;

use countersign_model::ids::MessageId;
use countersign_model::message::{Message, MessageState};

use crate::manage_accounts::AdminError;
use crate::{Core, Unavailable};

impl Core {
    /// The messages in the outbox, oldest first.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn list_messages(&self, state: Option<MessageState>) -> Result<Vec<Message>, AdminError> {
        Err(Unavailable::Store.into())
    }

    /// One message.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn show_message(&self, id: MessageId) -> Result<Message, AdminError> {
        Err(Unavailable::Store.into())
    }

    /// Lets a message be tried again at once.
    ///
    /// # Errors
    /// [`AdminError::NotFound`] also for one that was sent.
    pub async fn retry_message(&self, id: MessageId) -> Result<(), AdminError> {
        Err(Unavailable::Store.into())
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
        Err(Unavailable::Store.into())
    }
}
