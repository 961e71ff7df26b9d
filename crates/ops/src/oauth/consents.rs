//! What people have allowed clients.

use std::collections::HashMap;

use countersign_model::ids::{AccountId, SessionId};
use countersign_model::oauth::client::host_of_document;
use countersign_model::oauth::{AuthorizationDetails, ClientNo, ClientOrigin, GrantFacts, Metadata, Scope};
use countersign_model::time::Timestamp;
use countersign_store::oauth::{clients, consents, grants};
use countersign_store::{StoreError, Tx, Work, sessions};

use crate::{Core, Unavailable};

/// What a client is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientName {
    /// Its id.
    pub id: String,
    /// Its name, of its own choice.
    pub name: Option<String>,
    /// The host of its metadata document, if it is known by one.
    pub host: Option<String>,
    /// Whether an operator entered it.
    pub is_operators: bool,
}

impl ClientName {
    /// A client of an origin that is not known here is no operator's.
    fn read(id: String, metadata: &str, origin: Option<ClientOrigin>) -> ClientName {
        let metadata = serde_json::from_str::<Metadata>(metadata).ok();
        ClientName {
            name: metadata.and_then(|metadata| metadata.client_name),
            host: host_of_document(&id).map(str::to_owned),
            id,
            is_operators: origin.is_some_and(ClientOrigin::is_operators),
        }
    }
}

/// What somebody has allowed a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    /// The client's number.
    pub client: ClientNo,
    /// What it is called.
    pub name: ClientName,
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
            let of_client = detailed.iter().filter(|(client, _)| *client == row.client);
            Consent {
                client: row.client,
                name: ClientName::read(row.client_id, &row.metadata, row.origin),
                scope: row.scope,
                details: of_client.map(|(_, details)| details.clone()).collect(),
                given_at: row.given_at,
            }
        };
        Ok(rows.into_iter().map(consent).collect())
    }

    /// Which clients act for the account, by the sessions of their grants.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn list_clients_of_sessions(
        &self,
        account: AccountId,
    ) -> Result<HashMap<SessionId, ClientName>, Unavailable> {
        let (mut tx, now) = (self.store.read().await?, self.clock.now());
        let named = clients::with_grants(&mut tx, account, now)
            .await?
            .into_iter()
            .map(|client| (client.no, ClientName::read(client.id, &client.metadata, Some(client.origin))));
        let names: HashMap<ClientNo, ClientName> = named.collect();
        let sessions = grants::clients_of_sessions(&mut tx, account, now).await?.into_iter();
        let name = |(session, client)| Some((session, names.get(&client)?.clone()));
        Ok(sessions.filter_map(name).collect())
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
