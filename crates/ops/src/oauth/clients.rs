//! Finds a client.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use countersign_model::oauth::{Client, ClientId, ClientNo, ClientOrigin, Metadata};
use countersign_store::StoreError;
use countersign_store::oauth::clients::{self, ClientRow};

use crate::{Core, Unavailable};

/// More clients than this are not kept: the map is emptied then, and fills again.
const MOST: usize = 10_000;

/// Clients as they were read last, by number: the version in the row tells whether they still hold.
#[derive(Debug, Default)]
pub(crate) struct ClientCache(pub(crate) Mutex<HashMap<ClientNo, Arc<Client>>>);

impl ClientCache {
    /// The client of a row.
    pub(crate) fn client(&self, row: &ClientRow) -> Result<Arc<Client>, StoreError> {
        let known = self.lock().get(&row.no).filter(|client| client.version == row.version).map(Arc::clone);
        if let Some(known) = known {
            return Ok(known);
        }
        let client = Arc::new(parse(row)?);
        let mut all = self.lock();
        if all.len() >= MOST {
            all.clear();
        }
        all.insert(row.no, Arc::clone(&client));
        Ok(client)
    }

    /// The client of this number, if it was read and its metadata still are of this version.
    pub(crate) fn known(&self, no: ClientNo, version: i64) -> Option<Arc<Client>> {
        self.lock().get(&no).filter(|client| client.version == version).map(Arc::clone)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<ClientNo, Arc<Client>>> {
        // Nothing in there is ever half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn parse(row: &ClientRow) -> Result<Client, StoreError> {
    let broken = || StoreError::Broken("a client's row does not hold a client".to_owned());
    let json = serde_json::from_str(&row.metadata).map_err(|_| broken())?;
    Ok(Client {
        no: row.no,
        id: ClientId::parse(&row.id).ok_or_else(broken)?,
        version: row.version,
        origin: row.origin,
        metadata: Metadata::from_json(&json).map_err(|_| broken())?,
        has_secret: row.secret.is_some(),
        suspended: row.suspended_at.is_some(),
    })
}

impl Core {
    /// The client with this id that may be served: a suspended one is none. Its row is read each time,
    /// its metadata are parsed once for each version.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn find_client(&self, id: &str) -> Result<Option<Arc<Client>>, Unavailable> {
        Ok(self.find_client_row(id).await?.map(|(client, _)| client))
    }

    /// The client with this number that may be served.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn find_client_by_no(&self, no: ClientNo) -> Result<Option<Arc<Client>>, Unavailable> {
        let row = clients::find_by_no(&mut self.store.read().await?, no).await?;
        Ok(self.served(row)?.map(|(client, _)| client))
    }

    /// Whether scripts of any client come from this origin (CORS).
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn is_client_origin(&self, origin: &str) -> Result<bool, Unavailable> {
        Ok(clients::has_origin(&mut self.store.read().await?, origin).await?)
    }

    /// With the digests of its secrets.
    pub(crate) async fn find_client_row(
        &self,
        id: &str,
    ) -> Result<Option<(Arc<Client>, ClientRow)>, Unavailable> {
        if ClientId::parse(id).is_none() {
            return Ok(None);
        }
        let row = clients::find(&mut self.store.read().await?, id).await?;
        self.served(row)
    }

    /// The client of this row if it may be served: it is not suspended, and its document is still one of those
    /// that make clients.
    pub(crate) fn served(
        &self,
        row: Option<ClientRow>,
    ) -> Result<Option<(Arc<Client>, ClientRow)>, Unavailable> {
        let is_served = |row: &ClientRow| {
            row.suspended_at.is_none()
                && (row.origin != ClientOrigin::MetadataDocument || self.takes_document(&row.id))
        };
        let Some(row) = row.filter(is_served) else { return Ok(None) };
        Ok(Some((self.oauth.clients.client(&row)?, row)))
    }
}
