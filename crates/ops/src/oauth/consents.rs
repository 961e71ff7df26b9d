//! What people have allowed clients.

use countersign_model::ids::AccountId;
use countersign_model::oauth::{ClientNo, Scope};
use countersign_model::time::Timestamp;

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

impl Core {
    /// What the account has allowed.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn list_consents(&self, account: AccountId) -> Result<Vec<Consent>, Unavailable> {
        let _ = account;
        Err(Unavailable::Fault)
    }

    /// Takes it back, and ends the client's grants of the account. `false` if there was nothing.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn withdraw_consent(&self, account: AccountId, client: ClientNo) -> Result<bool, Unavailable> {
        let _ = (account, client);
        Err(Unavailable::Fault)
    }
}
