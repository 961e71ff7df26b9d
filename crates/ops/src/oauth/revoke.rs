//! A token is not needed any more (RFC 7009).

use countersign_model::oauth::{Client, ClientNo, StatusIndex};
use countersign_model::session::{Mark, TokenDigest, TokenPurpose};
use countersign_model::time::Timestamp;
use countersign_store::oauth::{client_tokens, grants, signed_tokens, statuses};
use countersign_store::{Tx, Work, sessions, tokens};

use super::presented::{is_signed, jti_digest};
use crate::{Core, Unavailable};

/// Why a token is not revoked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RevokeError {
    /// It was issued to another client, or by one of the five documents.
    #[error("the token was not issued to this client")]
    Foreign,
    /// The work could not be done.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// An opaque token is revoked.
struct RevokeOpaque {
    digest: TokenDigest,
    client: ClientNo,
    /// A client's own.
    is_own: bool,
    now: Timestamp,
}

impl Work for RevokeOpaque {
    type Output = ();
    type Error = RevokeError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), RevokeError> {
        if self.is_own {
            // Another client's stays.
            client_tokens::remove(tx, &self.digest, self.client).await?;
            return Ok(());
        }
        let found = tokens::find_of_client(tx, &self.digest).await?;
        let Some((holder, purpose, client)) = found else { return Ok(()) };
        if client != Some(self.client) {
            return Err(RevokeError::Foreign);
        }
        match purpose {
            // All that came of the grant (RFC 7009 §2.1); also by a refresh token that was used up. The client
            // need not hear of what it did itself, and whoever is signed in there may stay.
            TokenPurpose::OAuthRefresh => {
                grants::remove(tx, holder.account, holder.session).await?;
                sessions::end(tx, holder.account, holder.session, self.now).await?;
            }
            TokenPurpose::OAuthAccess
            | TokenPurpose::OuserSession
            | TokenPurpose::AuthdAccess
            | TokenPurpose::AuthdRefresh
            | TokenPurpose::LineToken
            | TokenPurpose::AuthV1Token
            | TokenPurpose::RestToken
            | TokenPurpose::BrowserSession => tokens::remove(tx, &self.digest).await?,
        }
        Ok(())
    }
}

/// A signed token is revoked.
struct RevokeSigned {
    jti: TokenDigest,
    expires_at: Timestamp,
    place: Option<StatusIndex>,
    now: Timestamp,
}

impl Work for RevokeSigned {
    type Output = ();
    type Error = RevokeError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), RevokeError> {
        if let Some(place) = self.place {
            // Of all the grant's tokens; the next one has another.
            statuses::end_place(tx, place, self.now).await?;
        }
        Ok(signed_tokens::revoke(tx, &self.jti, self.expires_at).await?)
    }
}

impl Core {
    /// Lets a client's token end; a refresh token takes all of its grant with it. One that is unknown, or has
    /// ended, needs nothing done.
    ///
    /// # Errors
    /// [`RevokeError`].
    pub async fn revoke(&self, client: &Client, token: &str) -> Result<(), RevokeError> {
        if is_signed(token) {
            return self.revoke_signed(client, token).await;
        }
        let is_own = Mark::CLIENT_TOKEN.begins(token);
        let work =
            RevokeOpaque { digest: TokenDigest::of(token), client: client.no, is_own, now: self.clock.now() };
        self.store.write(work).await
    }

    async fn revoke_signed(&self, client: &Client, token: &str) -> Result<(), RevokeError> {
        let Some(claims) = self.verify_access(token).await? else { return Ok(()) };
        if claims["client_id"] != client.id.as_str() {
            return Err(RevokeError::Foreign);
        }
        let (Some(jti), Some(exp)) = (jti_digest(&claims), claims["exp"].as_i64()) else { return Ok(()) };
        let expires_at = Timestamp::from_micros(exp.saturating_mul(1_000_000));
        let place = self.status_place(&claims);
        self.store.write(RevokeSigned { jti, expires_at, place, now: self.clock.now() }).await
    }
}
