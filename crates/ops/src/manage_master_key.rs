//! The data key of a store and the master keys that open it (`docs/decisions/0007-master-key.md`).

use countersign_model::keyring::{DataKey, Keyring, MasterKey, MasterKeyId, SealBroken, WrappedDataKey};
use countersign_model::random::Random;
use countersign_store::{Store, StoreError, Tx, Work, meta};

use crate::{Core, OpenCoreError, Unavailable};

/// The row of the `meta` table.
const DATA_KEY: &str = "data key";

/// Why a master key could not be admitted or kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MasterKeyError {
    /// It does not open the store: another change has left it out.
    #[error("this master key does not open the store")]
    Unknown,
    /// Somebody else changed the master keys in between: nothing was done.
    #[error("the master keys were changed at this very moment")]
    Changed,
    /// Nothing was done.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// The keys of a store, which are made with it.
///
/// # Errors
/// [`OpenCoreError::WrongMasterKey`] if this one does not open it.
pub async fn open_keyring(
    store: &Store,
    master: &MasterKey,
    random: &Random,
) -> Result<Keyring, OpenCoreError> {
    let standing = match find(store).await? {
        Some(standing) => standing,
        None => {
            let first = WrappedDataKey::new(&DataKey::draw(random), master, random);
            store.write(SetOnce(first)).await?
        }
    };
    let data = standing.open(master).map_err(|SealBroken| OpenCoreError::WrongMasterKey)?;
    Ok(Keyring::new(data))
}

impl Core {
    /// The master key that this process has opened the store with.
    pub fn master_key(&self) -> MasterKeyId {
        self.master_key
    }

    /// The master keys that open the store, oldest first.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn list_master_keys(&self) -> Result<Vec<MasterKeyId>, Unavailable> {
        Ok(self.wrapped_data_key().await?.masters())
    }

    /// Lets one more master key open the store; every process goes on with what it has open.
    ///
    /// # Errors
    /// [`MasterKeyError`].
    pub async fn admit_master_key(&self, master: &MasterKey) -> Result<(), MasterKeyError> {
        let read = self.wrapped_data_key().await?;
        let new = read.with(self.keyring.data_key(), master, &self.random);
        self.replace(read, new.map_err(|SealBroken| MasterKeyError::Unknown)?).await
    }

    /// Lets no other master key open the store from now on.
    ///
    /// # Errors
    /// [`MasterKeyError`].
    pub async fn keep_master_key(&self, master: MasterKeyId) -> Result<(), MasterKeyError> {
        let read = self.wrapped_data_key().await?;
        let new = read.only(master).ok_or(MasterKeyError::Unknown)?;
        self.replace(read, new).await
    }

    async fn wrapped_data_key(&self) -> Result<WrappedDataKey, Unavailable> {
        find(&self.store).await?.ok_or(Unavailable::Fault)
    }

    async fn replace(&self, read: WrappedDataKey, new: WrappedDataKey) -> Result<(), MasterKeyError> {
        match self.store.write(Replace { read, new }).await? {
            true => Ok(()),
            false => Err(MasterKeyError::Changed),
        }
    }
}

async fn find(store: &Store) -> Result<Option<WrappedDataKey>, StoreError> {
    let mut tx = store.read().await?;
    Ok(meta::find(&mut tx, DATA_KEY).await?.map(WrappedDataKey::from_bytes))
}

/// Several processes may start on one new store at once: one data key stands.
struct SetOnce(WrappedDataKey);

impl Work for SetOnce {
    type Output = WrappedDataKey;
    type Error = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<WrappedDataKey, StoreError> {
        meta::set_once(tx, DATA_KEY, self.0.as_bytes()).await.map(WrappedDataKey::from_bytes)
    }
}

struct Replace {
    read: WrappedDataKey,
    new: WrappedDataKey,
}

impl Work for Replace {
    type Output = bool;
    type Error = Unavailable;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, Unavailable> {
        Ok(meta::replace(tx, DATA_KEY, self.read.as_bytes(), self.new.as_bytes()).await?)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use countersign_model::ids::Uuid;
    use countersign_model::keyring::Place;
    use countersign_store::Database;

    use super::*;

    /// Removed at the end.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new() -> Scratch {
            let name = format!("countersign-master-{}", Uuid::draw(&Random::System));
            let folder = std::env::temp_dir().join(name);
            std::fs::create_dir(&folder).unwrap();
            Scratch(folder)
        }

        async fn store(&self) -> Store {
            let store = Store::open(&Database::Sqlite(self.0.join("store.db"))).await.unwrap();
            store.migrate(Some(countersign_model::time::Timestamp::from_micros(1))).await.unwrap();
            store
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[tokio::test]
    async fn processes_that_start_at_once_have_one_data_key() {
        let scratch = Scratch::new();
        let master = MasterKey::new([1; 32]);
        let random = Random::System;
        let stores = [scratch.store().await, scratch.store().await, scratch.store().await];
        let [a, b, c] = stores.each_ref().map(|store| open_keyring(store, &master, &random));
        let (a, b, c) = tokio::join!(a, b, c);
        let sealed = a.unwrap().seal(Place::Profile, b"alice", &random);
        for other in [b, c] {
            assert_eq!(other.unwrap().open(Place::Profile, &sealed).unwrap(), b"alice");
        }
        let refused = open_keyring(&stores[0], &MasterKey::new([2; 32]), &random).await;
        assert!(matches!(refused, Err(OpenCoreError::WrongMasterKey)));
    }

    #[tokio::test]
    async fn of_two_changes_at_once_one_is_told() {
        let scratch = Scratch::new();
        let store = scratch.store().await;
        let random = Random::System;
        open_keyring(&store, &MasterKey::new([1; 32]), &random).await.unwrap();
        let read = find(&store).await.unwrap().unwrap();
        let data = read.open(&MasterKey::new([1; 32])).unwrap();
        let mut done = Vec::new();
        for byte in [2, 3] {
            let new = read.with(&data, &MasterKey::new([byte; 32]), &random).unwrap();
            done.push(store.write(Replace { read: read.clone(), new }).await.unwrap());
        }
        assert_eq!(done, [true, false]);
        assert_eq!(find(&store).await.unwrap().unwrap().masters().len(), 2);
    }
}
