//! Who is signed in at the pages.

use countersign_model::account::Profile;
use countersign_model::ids::{AccountId, SessionId, Uuid};
use countersign_model::time::Timestamp;

use crate::{Core, Unavailable};

/// A browser that is signed in.
#[derive(Clone, Debug)]
pub struct BrowserSession {
    /// Whose.
    pub account: AccountId,
    /// The account's public id.
    pub uuid: Uuid,
    /// The session.
    pub session: SessionId,
    /// The account's epoch.
    pub epoch: i64,
    /// When they signed in.
    pub auth_time: Timestamp,
    /// How they signed in (RFC 8176).
    pub amr: Vec<String>,
    /// What people can read about the account.
    pub profile: Profile,
}

impl Core {
    /// The session of a cookie, if it holds.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn check_browser(&self, cookie: &str) -> Result<Option<BrowserSession>, Unavailable> {
        let _ = cookie;
        Err(Unavailable::Fault)
    }

    /// Ends the session of a cookie, and the grants that hang on it.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn end_browser(&self, cookie: &str) -> Result<(), Unavailable> {
        let _ = cookie;
        Err(Unavailable::Fault)
    }
}
