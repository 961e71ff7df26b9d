//! What a sign-in hands out.

use countersign_model::account::Profile;
use countersign_model::ids::{AccountId, SessionId, Uuid};
use countersign_model::session::IssuedToken;

/// The tokens of a session that was just started or refreshed.
#[derive(Clone, Debug)]
pub struct SessionTokens {
    /// The session.
    pub session: SessionId,
    /// Shows who is asking.
    pub access: IssuedToken,
    /// Fetches a new pair; 001 only, the other documents refresh with the access token itself.
    pub refresh: Option<IssuedToken>,
}

/// A successful sign-in.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The account's integer id.
    pub account: AccountId,
    /// The account's public id.
    pub uuid: Uuid,
    /// What people can read about it.
    pub profile: Profile,
    /// What was handed out.
    pub tokens: SessionTokens,
}
