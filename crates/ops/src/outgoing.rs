//! Messages that an operation queues in its own transaction.

use countersign_model::identifier::IdentifierKind;
use countersign_model::ids::MessageId;
use countersign_model::keyring::Place;
use countersign_model::message::{Channel, Contents, Template};
use countersign_model::time::Timestamp;
use countersign_store::{StoreError, Tx, outbox};

use crate::Core;

/// A message, drawn and sealed before the transaction that queues it.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    id: MessageId,
    channel: Channel,
    template: Template,
    sealed: Vec<u8>,
}

impl Outgoing {
    /// Queues it.
    pub(crate) async fn queue(&self, tx: &mut Tx<'_>, now: Timestamp) -> Result<(), StoreError> {
        outbox::insert(tx, self.id, self.channel, self.template, &self.sealed, now).await
    }
}

/// Phone numbers get an SMS, everything else goes by mail.
pub(crate) fn channel_of(kind: IdentifierKind) -> Channel {
    match kind {
        IdentifierKind::Phone => Channel::Sms,
        IdentifierKind::Email | IdentifierKind::Username => Channel::Email,
    }
}

impl Core {
    pub(crate) fn draw_message(&self, channel: Channel, template: Template, contents: &Contents) -> Outgoing {
        let sealed = self.keyring.seal(Place::Message, &contents.to_bytes(), &self.random);
        Outgoing { id: MessageId::draw(&self.random), channel, template, sealed }
    }

    /// A notice to the owner without code or link (R027); none where no address can be read.
    pub(crate) fn draw_notice(&self, template: Template, email: Option<&String>) -> Option<Outgoing> {
        let contents = Contents { to: email?.clone(), code: None, link: None, expires_at: None };
        Some(self.draw_message(Channel::Email, template, &contents))
    }

    /// A link on the public address.
    pub(crate) fn link(&self, path: &str, secret: &str) -> String {
        format!("{}{path}{secret}", self.settings.public_url)
    }
}
