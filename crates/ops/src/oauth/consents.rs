//! What people have allowed clients.

use countersign_model::ids::AccountId;
use countersign_model::oauth::{ClientNo, Metadata, Scope};
use countersign_model::time::Timestamp;
use countersign_store::oauth::{consents, grants};
use countersign_store::{StoreError, Tx, Work, sessions};

use crate::{Core, Unavailable};

/// What somebody has allowed a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    /// The client's number.
    pub client: ClientNo,
    /// Its id.
    pub client_id: String,
    /// Its name.
    pub client_name: Option<String>,
    /// What.
    pub scope: Scope,
    /// When.
    pub given_at: Timestamp,
}

struct Withdraw {
    account: AccountId,
    client: ClientNo,
    now: Timestamp,
}

impl Work for Withdraw {
    type Output = bool;
    type Error = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        // The consent first: a code that is redeemed behind this finds none.
        let removed = consents::remove(tx, self.account, self.client).await?;
        let sessions = grants::of_client(tx, self.account, self.client).await?;
        for session in &sessions {
            sessions::end(tx, self.account, *session, self.now).await?;
        }
        Ok(removed || !sessions.is_empty())
    }
}

impl Core {
    /// What the account has allowed.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn list_consents(&self, account: AccountId) -> Result<Vec<Consent>, Unavailable> {
        let rows = consents::list(&mut self.store.read().await?, account).await?;
        // A client whose id is an address is known by that.
        let name = |row: &consents::ConsentRow| {
            let metadata = serde_json::from_str::<Metadata>(&row.metadata).ok();
            metadata
                .and_then(|metadata| metadata.client_name)
                .filter(|_| !row.client_id.starts_with("https:"))
        };
        let consent = |row: consents::ConsentRow| Consent {
            client: row.client,
            client_name: name(&row),
            client_id: row.client_id,
            scope: row.scope,
            given_at: row.given_at,
        };
        Ok(rows.into_iter().map(consent).collect())
    }

    /// Takes it back, and ends the client's grants of the account. `false` if there was nothing.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn withdraw_consent(&self, account: AccountId, client: ClientNo) -> Result<bool, Unavailable> {
        let withdrawn = self.store.write(Withdraw { account, client, now: self.clock.now() }).await?;
        self.outbox_changed.notify_one();
        Ok(withdrawn)
    }
}
