//! Finds a client.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use countersign_model::oauth::{Client, ClientNo};

use crate::{Core, Unavailable};

/// Clients as they were read last, by number: the version in the row tells whether they still hold.
#[derive(Debug, Default)]
pub(crate) struct ClientCache(pub(crate) Mutex<HashMap<ClientNo, Arc<Client>>>);

impl Core {
    /// The client with this id that may be served: a suspended one is none. Its row is read each time,
    /// its metadata are parsed once for each version.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn find_client(&self, id: &str) -> Result<Option<Arc<Client>>, Unavailable> {
        let _ = (id, &self.oauth.clients);
        Err(Unavailable::Fault)
    }
}
