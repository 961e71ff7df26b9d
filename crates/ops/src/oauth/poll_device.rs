//! A device asks whether somebody has allowed it (RFC 8628 §3.4).

use std::sync::Arc;
use std::time::Duration;

use countersign_model::ids::{SessionId, Uuid};
use countersign_model::oauth::{AuthorizationDetails, Client, GrantFacts, GrantType};
use countersign_model::session::TokenDigest;
use countersign_store::oauth::device_polls::{self, DeviceState};
use countersign_store::oauth::grants::NewGrant;
use countersign_store::{StoreError, Tx, Work};

use super::check_dpop::Binding;
use super::exchange_code::Tokens;
use super::issue::{Carried, DrawnTokens, IdToken, Issued, Starting, audience};
use super::membership::Membership;
use crate::{Core, Unavailable};

/// By how many seconds a device that asks too early has to be slower (RFC 8628 §3.5).
const SLOWER_BY: i64 = 5;

/// Why a device gets no tokens.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PollDeviceError {
    /// Nobody has decided yet.
    #[error("nobody has decided yet")]
    Pending,
    /// It asks too often.
    #[error("the device asks too often")]
    SlowDown,
    /// Somebody has refused it.
    #[error("somebody has refused")]
    Denied,
    /// It took too long.
    #[error("the device code has expired")]
    Expired,
    /// Unknown, used, or another client's.
    #[error("the device code is not valid")]
    Invalid,
    /// It asks for an audience that was not granted.
    #[error("the resource was not granted")]
    Target,
    /// It asks for details that were not granted.
    #[error("the authorization details were not granted")]
    Details,
    /// The client may not use this grant.
    #[error("the client may not use this grant")]
    Grant,
    /// The proof was used before.
    #[error("the proof was used before")]
    UsedProof,
    /// The work could not be done.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// A device that asks.
#[derive(Clone, Debug)]
pub struct PollDevice<'a> {
    /// Whose.
    pub client: &'a Arc<Client>,
    /// What it was given.
    pub code: &'a str,
    /// RFC 8707.
    pub resource: &'a [String],
    /// What the access token is to have of the details that were granted; all if it is not said.
    pub details: Option<AuthorizationDetails>,
    /// What the tokens are bound to.
    pub binding: Binding,
}

struct Poll {
    digest: TokenDigest,
    client: Arc<Client>,
    resource: Vec<String>,
    details: Option<AuthorizationDetails>,
    binding: Binding,
    drawn: DrawnTokens,
    absolute: Duration,
}

enum Polled {
    Given(Box<Given>),
    Not(PollDeviceError),
}

struct Given {
    session: SessionId,
    uuid: Uuid,
    facts: GrantFacts,
    carried: Carried,
    membership: Membership,
}

impl Work for Poll {
    /// An answer that is no error is written: when it asked.
    type Output = Polled;
    type Error = PollDeviceError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Polled, PollDeviceError> {
        let now = self.drawn.now;
        let found = device_polls::find(tx, &self.digest, self.client.no).await?;
        let Some(found) = found else { return Ok(Polled::Not(PollDeviceError::Invalid)) };
        let is_early = found.poll_after > now;
        let (holder, uuid) = match found.state {
            DeviceState::Redeemed => return Ok(Polled::Not(PollDeviceError::Invalid)),
            _ if found.expires_at <= now => return Ok(Polled::Not(PollDeviceError::Expired)),
            DeviceState::Denied => return Ok(Polled::Not(PollDeviceError::Denied)),
            DeviceState::Pending if is_early => {
                device_polls::note(tx, &self.digest, now, SLOWER_BY).await?;
                return Ok(Polled::Not(PollDeviceError::SlowDown));
            }
            DeviceState::Pending => {
                device_polls::note(tx, &self.digest, now, 0).await?;
                return Ok(Polled::Not(PollDeviceError::Pending));
            }
            DeviceState::Approved { holder, uuid } => (holder, uuid),
        };
        let broken = |_| StoreError::Broken("the facts of a device cannot be read".to_owned());
        // Nobody signs in on the device again, so it does not end with a browser's session.
        let facts = GrantFacts { offline: true, ..serde_json::from_str(&found.facts).map_err(broken)? };
        let end = now.after(self.absolute);
        let Some(audience) = audience(&facts, &self.client, &self.resource) else {
            return Ok(Polled::Not(PollDeviceError::Target));
        };
        let carried = Carried::new(&self.client, &facts, facts.scope.clone(), audience, &self.binding, end);
        let Some(carried) = carried.narrowed(&self.client, &self.resource, self.details.as_ref()) else {
            return Ok(Polled::Not(PollDeviceError::Details));
        };
        if !device_polls::redeem(tx, &self.digest, self.client.no).await? {
            return Ok(Polled::Not(PollDeviceError::Invalid));
        }
        let grant = NewGrant {
            client: self.client.no,
            facts: serde_json::to_string(&facts).map_err(broken)?,
            started_at: now,
            expires_at: self.drawn.grant_until(end),
            browser: None,
        };
        let starting =
            Starting { holder, parent: None, grant: &grant, drawn: &self.drawn, carried: &carried };
        let Some(membership) = starting.store(tx, &self.client).await? else {
            return Ok(Polled::Not(PollDeviceError::Denied));
        };
        // The error takes the code's use back.
        if !self.binding.use_up(tx).await? {
            return Err(PollDeviceError::UsedProof);
        }
        Ok(Polled::Given(Box::new(Given { session: holder.session, uuid, facts, carried, membership })))
    }
}

impl Core {
    /// Gives a device its tokens, once, when somebody has allowed it.
    ///
    /// # Errors
    /// [`PollDeviceError`].
    pub async fn poll_device(&self, request: PollDevice<'_>) -> Result<Tokens, PollDeviceError> {
        let PollDevice { client, code, resource, details, binding } = request;
        if !client.may(GrantType::DeviceCode) {
            return Err(PollDeviceError::Grant);
        }
        self.oauth_keys_with(client.metadata.id_token_signed_response_alg).await?;
        let drawn = self.draw_tokens(client, client.may(GrantType::RefreshToken), self.clock.now());
        let work = Poll {
            digest: TokenDigest::of(code),
            client: Arc::clone(client),
            resource: resource.to_vec(),
            details,
            binding,
            drawn: drawn.clone(),
            absolute: self.settings.sessions.absolute,
        };
        match self.store.write(work).await? {
            Polled::Given(given) => {
                let Given { session, uuid, facts, carried, membership } = &*given;
                let issued = Issued { client, uuid: *uuid, session: *session, facts, carried, membership };
                Ok(self.finish_tokens(&drawn, &issued, IdToken::WithNonce(None))?)
            }
            Polled::Not(error) => Err(error),
        }
    }
}
