//! What people have allowed clients.

use countersign_model::ids::AccountId;
use countersign_model::oauth::client::host_of_document;
use countersign_model::oauth::{AuthorizationDetails, ClientNo, GrantFacts, Metadata, Scope};
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
    /// Its name, of its own choice.
    pub client_name: Option<String>,
    /// The host of its metadata document, if it is known by one.
    pub client_host: Option<String>,
    /// What.
    pub scope: Scope,
    /// What exactly, in each of its grants that hold (RFC 9396).
    pub details: Vec<AuthorizationDetails>,
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
        let mut tx = self.store.read().await?;
        let rows = consents::list(&mut tx, account).await?;
        let grants = grants::with_details(&mut tx, account, self.clock.now()).await?;
        drop(tx);
        let mut detailed = Vec::new();
        for (client, facts) in grants {
            let facts: GrantFacts = self.read_facts(&facts)?;
            detailed.push((client, facts.details));
        }
        let consent = |row: consents::ConsentRow| {
            let metadata = serde_json::from_str::<Metadata>(&row.metadata).ok();
            let of_client = detailed.iter().filter(|(client, _)| *client == row.client);
            Consent {
                client: row.client,
                client_name: metadata.and_then(|metadata| metadata.client_name),
                client_host: host_of_document(&row.client_id).map(str::to_owned),
                client_id: row.client_id,
                scope: row.scope,
                details: of_client.map(|(_, details)| details.clone()).collect(),
                given_at: row.given_at,
            }
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
