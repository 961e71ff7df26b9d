//! What every operation works with.

use std::sync::{Arc, Mutex};

use countersign_model::keyring::{Keyring, MasterKey, MasterKeyId};
use countersign_model::random::Random;
use countersign_model::time::Clock;
use countersign_store::Store;
use tokio::sync::Notify;

use crate::Settings;
use crate::hasher::Hasher;
use crate::issue_layer_token::Layer;
use crate::manage_master_key::open_keyring;
use crate::oauth::OAuth;
use crate::oauth::Outsides;
use crate::oauth::client_documents::ClientDocuments;
use crate::oauth::discovery::Documents;
use crate::oauth::find_client::ClientCache;
use crate::oauth::keys::Keys;
use crate::oauth::status_list::StatusLists;
use crate::prepare::{self, Prepared};
use crate::sweep::Places;

/// Everything the operations get; made once at start and shared.
pub struct Core {
    /// The database.
    pub store: Store,
    /// The time.
    pub clock: Clock,
    /// Randomness.
    pub random: Arc<Random>,
    /// The password hash pool.
    pub hasher: Hasher,
    /// What seals and what finds.
    pub keyring: Arc<Keyring>,
    /// What an operator can set.
    pub settings: Settings,
    /// What the store was opened with.
    pub(crate) master_key: MasterKeyId,
    /// Told when this process has put a message into the outbox, or clients are to hear of a log-out.
    pub(crate) outbox_changed: Notify,
    /// Where the next sweep goes on.
    pub(crate) sweep_places: Places,
    /// What Layer tokens are signed with.
    pub(crate) layer: Layer,
    /// What OAuth works with.
    pub(crate) oauth: OAuth,
}

/// What a [`Core`] is made of.
pub struct CoreParts {
    /// The database, migrated.
    pub store: Store,
    /// The time.
    pub clock: Clock,
    /// Randomness.
    pub random: Random,
    /// The password hash pool.
    pub hasher: Hasher,
    /// What opens the store's data key.
    pub master_key: MasterKey,
    /// What an operator can set.
    pub settings: Settings,
}

/// Why the operations cannot start.
#[derive(Debug, thiserror::Error)]
pub enum OpenCoreError {
    /// The store has another master key.
    #[error("the store does not open with this master key")]
    WrongMasterKey,
    /// The configured Layer key is no RSA private key in PEM form (PKCS#1 or PKCS#8).
    #[error("the Layer key is not an RSA private key in PEM form (PKCS#1 or PKCS#8)")]
    LayerKey,
    /// The store does not answer.
    #[error("the store is not available")]
    Store,
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Core").finish_non_exhaustive()
    }
}

impl Core {
    /// Checks that the master key fits the store, and loads or makes what is kept in it. A Layer
    /// key that is to be made is made when it is first asked for, or by [`Core::make_keys`].
    ///
    /// # Errors
    /// [`OpenCoreError`].
    pub async fn open(parts: CoreParts) -> Result<Core, OpenCoreError> {
        let CoreParts { store, clock, random, hasher, master_key, settings } = parts;
        // What needs no store comes first: once a new store knows the master key, it opens with no other.
        let own_layer_key = prepare::own_layer_key(&settings.layer)?;
        let keyring = Arc::new(open_keyring(&store, &master_key, &random).await?);
        let random = Arc::new(random);
        let Prepared { provider, maker } =
            prepare::prepare(&store, &clock, &random, &keyring, (&settings.layer, own_layer_key)).await?;
        let maker = Arc::new(maker);
        let oauth = OAuth {
            keys: Arc::new(Keys::open(&store, &keyring, &random, &settings, clock.now()).await?),
            clients: ClientCache::default(),
            documents: Documents::default(),
            outside: Outsides::new(&settings.oauth),
            status_lists: StatusLists::default(),
            client_documents: ClientDocuments::default(),
        };
        Ok(Core {
            store,
            clock,
            random,
            hasher,
            keyring,
            settings,
            master_key: master_key.id(),
            outbox_changed: Notify::new(),
            sweep_places: Places::default(),
            layer: Layer { provider, maker, opened: Mutex::new(None) },
            oauth,
        })
    }

    /// Makes the keys that are missing behind the start of a server, so that the first token need not
    /// wait for them. A failure is in the log; the first token tries again.
    pub fn make_keys(&self) {
        let (layer, oauth) = (Arc::clone(&self.layer.maker), Arc::clone(&self.oauth.keys));
        tokio::spawn(async move {
            let _ = layer.make().await;
            let _ = oauth.make_first().await;
        });
    }
}
