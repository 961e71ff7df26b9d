//! Finds a client.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use countersign_model::oauth::{Client, ClientId, ClientNo, ClientOrigin, Metadata};
use countersign_model::shard::{Apart, SHARDS, shard};
use countersign_store::oauth::clients::{self, ClientRow};
use countersign_store::{Moment, StoreError};

use crate::{Core, Unavailable};

/// More clients than this are not kept by a share of the threads: its maps are emptied then, and fill again.
const MOST: usize = 2_000;

/// A client, and its row with the digests of its secrets.
pub(crate) type Found = (Arc<Client>, Arc<ClientRow>);

/// Clients as they were read last; each share of the threads has its own, so that none counts references in
/// another's memory.
#[derive(Debug, Default)]
pub(crate) struct ClientCache([Apart<Mutex<Known>>; SHARDS]);

/// The clients that a share of the threads knows.
#[derive(Debug, Default)]
struct Known {
    /// By number: the version in the row tells whether they still hold.
    parsed: HashMap<ClientNo, Arc<Client>>,
    /// By id: what was read at a moment that may be present still.
    recent: HashMap<String, (Found, Moment)>,
}

impl ClientCache {
    /// The client of a row.
    pub(crate) fn client(&self, row: &ClientRow) -> Result<Arc<Client>, StoreError> {
        if let Some(known) = self.known(row.no, row.version) {
            return Ok(known);
        }
        let client = Arc::new(parse(row)?);
        insert_bounded(&mut self.share().parsed, row.no, Arc::clone(&client));
        Ok(client)
    }

    /// The client of this number, if it was read and its metadata still are of this version.
    pub(crate) fn known(&self, no: ClientNo, version: i64) -> Option<Arc<Client>> {
        self.share().parsed.get(&no).filter(|client| client.version == version).map(Arc::clone)
    }

    fn found_just_now(&self, id: &str) -> Option<Found> {
        let share = self.share();
        let (found, _) = share.recent.get(id).filter(|(_, moment)| moment.is_present())?;
        Some(found.clone())
    }

    fn keep_for_a_moment(&self, id: &str, found: &Found, moment: Moment) {
        insert_bounded(&mut self.share().recent, id.to_owned(), (found.clone(), moment));
    }

    #[allow(clippy::indexing_slicing)] // A share is below the number of shares.
    fn share(&self) -> MutexGuard<'_, Known> {
        // Nothing in there is ever half done.
        self.0[shard()].0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn insert_bounded<K: Eq + Hash, V>(all: &mut HashMap<K, V>, key: K, value: V) {
    if all.len() >= MOST {
        all.clear();
    }
    all.insert(key, value);
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
    /// The client with this id that may be served: a suspended one is none. Its metadata are parsed once for
    /// each version, and its row is read again when anything was committed since, or a millisecond has passed.
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
    pub(crate) async fn find_client_row(&self, id: &str) -> Result<Option<Found>, Unavailable> {
        if let Some(found) = self.oauth.clients.found_just_now(id) {
            return Ok(Some(found));
        }
        if ClientId::parse(id).is_none() {
            return Ok(None);
        }
        // Before the row is read: the row is at least as new.
        let moment = self.store.moment();
        let row = clients::find(&mut self.store.read().await?, id).await?;
        let found = self.served(row)?;
        if let (Some(found), Some(moment)) = (&found, moment) {
            self.oauth.clients.keep_for_a_moment(id, found, moment);
        }
        Ok(found)
    }

    /// The client of this row if it may be served: it is not suspended, and its document is still one of those
    /// that make clients.
    pub(crate) fn served(&self, row: Option<ClientRow>) -> Result<Option<Found>, Unavailable> {
        let is_served = |row: &ClientRow| {
            row.suspended_at.is_none()
                && (row.origin != ClientOrigin::MetadataDocument || self.takes_document(&row.id))
        };
        let Some(row) = row.filter(is_served) else { return Ok(None) };
        Ok(Some((self.oauth.clients.client(&row)?, Arc::new(row))))
    }
}
