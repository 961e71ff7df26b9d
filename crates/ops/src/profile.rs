//! The readable facts of an account, under their seal and out of it.

use countersign_model::account::Profile;
use countersign_model::keyring::Place;
use countersign_store::StoreError;

use crate::{Core, Unavailable};

impl Core {
    /// The readable facts under the seal. What does not open says so in the log, and nothing can be done
    /// with the account: another try will not help, so it is a fault and not a busy store.
    pub(crate) fn open_profile(&self, sealed: &[u8]) -> Result<Profile, Unavailable> {
        let plain = self.keyring.open(Place::Profile, sealed);
        let plain = plain.map_err(|_| broken("a profile does not open with this master key"))?;
        serde_json::from_slice(&plain).map_err(|_| broken("a profile is not of this program's form"))
    }

    /// The sealed form of the readable facts.
    pub(crate) fn seal_profile(&self, profile: &Profile) -> Result<Vec<u8>, Unavailable> {
        let plain = serde_json::to_vec(profile).map_err(|_| broken("a profile has no JSON form"))?;
        Ok(self.keyring.seal(Place::Profile, &plain, &self.random))
    }
}

fn broken(what: &str) -> Unavailable {
    StoreError::Broken(what.to_owned()).into()
}
