//! Draws the tokens of a grant with their rows.

use countersign_model::ids::{AccountId, SessionId};
use countersign_model::oauth::{Client, GrantFacts, Scope, TokenFacts};
use countersign_store::{StoreError, Tx};

use super::check_dpop::Binding;
use super::exchange_code::Tokens;
use crate::{Core, Unavailable};

/// The grant that tokens are issued for.
#[derive(Clone, Debug)]
pub(crate) struct Grant<'a> {
    /// To whom.
    pub client: &'a Client,
    /// Whose.
    pub account: AccountId,
    /// In which epoch: that of the code, never a fresh one.
    pub epoch: i64,
    /// Its session, the `sid`.
    pub session: SessionId,
    /// The browser session with which it ends.
    pub parent: Option<SessionId>,
    /// What was allowed.
    pub facts: &'a GrantFacts,
}

/// What a token is to have.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// Its scope, no more than was granted.
    pub scope: Scope,
    /// Whom it is for.
    pub audience: Vec<String>,
    /// Which key it is bound to.
    pub binding: Binding,
    /// Whether a refresh token is issued.
    pub refresh: bool,
    /// Whether an ID token is issued, and with the nonce.
    pub id_token: Option<WithNonce>,
}

/// Whether an ID token repeats the nonce: at the code's exchange it does, at a refresh it does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WithNonce(pub bool);

/// Tokens that were drawn and signed, with what is to be stored in one unit of work.
#[derive(Clone, Debug)]
pub(crate) struct DrawnTokens {
    /// What the client gets.
    pub tokens: Tokens,
    /// What the access token carries.
    pub access: TokenFacts,
}

impl DrawnTokens {
    /// Starts the grant's session and stores it with its tokens. `false` if the account is out of use or in
    /// another epoch, or the parent has ended.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn start(&self, tx: &mut Tx<'_>, grant: &Grant<'_>) -> Result<bool, StoreError> {
        let _ = (tx, grant);
        Err(StoreError::Broken("grants are not stored yet".to_owned()))
    }

    /// Stores the tokens alone, for a grant that goes on.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn go_on(&self, tx: &mut Tx<'_>, grant: &Grant<'_>) -> Result<(), StoreError> {
        let _ = (tx, grant);
        Err(StoreError::Broken("grants are not stored yet".to_owned()))
    }
}

impl Core {
    /// Draws and signs the tokens of a grant.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub(crate) async fn draw_tokens(
        &self,
        grant: &Grant<'_>,
        wanted: &Wanted,
    ) -> Result<DrawnTokens, Unavailable> {
        let _ = (grant, wanted);
        Err(Unavailable::Fault)
    }
}
