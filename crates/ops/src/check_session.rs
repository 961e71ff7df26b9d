//! Tells whose a token is: the hot path.

use countersign_model::account::Profile;
use countersign_model::ids::{AccountId, SessionId, Uuid};
use countersign_model::session::{TokenDigest, TokenPurpose};
use countersign_model::time::Timestamp;
use countersign_store::tokens;

use crate::{Core, Unavailable};

/// Who is asking, as a valid token showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The account's integer id.
    pub account: AccountId,
    /// The account's public id.
    pub uuid: Uuid,
    /// The session that the token belongs to.
    pub session: SessionId,
    /// What the token is for.
    pub purpose: TokenPurpose,
    /// When the token was issued.
    pub issued_at: Timestamp,
    /// When it stops working.
    pub expires_at: Timestamp,
    /// What people can read about the account.
    pub profile: Profile,
}

/// Why it was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckSessionError {
    /// Unknown, expired, used or ended; or not a token that grants access.
    #[error("the token is not valid")]
    Invalid,
    /// Not possible just now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Core {
    /// Tells whose a token is: the hot path.
    ///
    /// # Errors
    /// [`CheckSessionError`].
    pub async fn check_session(&self, token: &str) -> Result<Principal, CheckSessionError> {
        let mut tx = self.store.read().await?;
        let found = tokens::find_valid(&mut tx, &TokenDigest::of(token), self.clock.glance()).await?;
        let found = found.filter(|found| found.purpose.grants_access()).ok_or(CheckSessionError::Invalid)?;
        Ok(Principal {
            account: found.account,
            uuid: found.uuid,
            session: found.session,
            purpose: found.purpose,
            issued_at: found.issued_at,
            expires_at: found.expires_at,
            profile: self.open_profile(&found.profile)?,
        })
    }
}
