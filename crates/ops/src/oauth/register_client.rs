//! A client registers itself (RFC 7591, RFC 7592).

use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use countersign_model::limit::{RetryAfter, Scope as Counted};
use countersign_model::oauth::{ClientOrigin, GrantType, Metadata, MetadataFault, ResponseMode, Scope};
use countersign_model::secret::Secret;
use countersign_model::session::TokenDigest;
use countersign_store::oauth::clients::ClientRow;
use serde_json::{Map, Value};

use super::manage_clients::{ClientError, ClientRecord, MadeClient, NewClient};
use crate::Registration;
use crate::audit::audit;
use crate::{Core, Source, Unavailable};

/// Why it was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegisterError {
    /// Clients are added by the operator only.
    #[error("clients do not register themselves here")]
    Disabled,
    /// The token is missing or wrong, or there is no such client.
    #[error("the token is not the one that this needs")]
    Token,
    /// The metadata are refused.
    #[error(transparent)]
    Metadata(#[from] MetadataFault),
    /// The request names another client or another secret than its own.
    #[error("the request is about another client")]
    OtherClient,
    /// Too many from this source.
    #[error(transparent)]
    TooMany(#[from] RetryAfter),
    /// Not possible just now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Core {
    /// Adds the client that asks for it, if the operator lets it. Members that are an operator's are
    /// dropped, and so is what is not known here (RFC 7591 §2): many kinds of client name more than they need.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub async fn register_client(
        &self,
        token: Option<&str>,
        metadata: &Map<String, Value>,
        source: Source,
    ) -> Result<MadeClient, RegisterError> {
        match &self.settings.oauth.registration {
            Registration::Off => return Err(RegisterError::Disabled),
            Registration::Token(secret) => {
                let is_token = token.is_some_and(|token| is_same(&digest(token), &digest(secret.reveal())));
                if !is_token {
                    return Err(RegisterError::Token);
                }
            }
            Registration::Open => {}
        }
        let rate = self.settings.limits.registrations_per_source;
        self.count(self.source_counter(Counted::RegistrationSource, rate, source).into_iter().collect())
            .await?;
        let metadata = self.read_own_words(metadata, &Scope::default(), None).await?;
        let made =
            self.add_client(NewClient { id: None, metadata, secret: None, origin: ClientOrigin::Dynamic });
        let made = made.await?;
        audit("register_client", "made", None, source);
        Ok(made)
    }

    /// What is registered (RFC 7592 §2.1).
    ///
    /// # Errors
    /// [`RegisterError`].
    pub async fn read_registration(
        &self,
        client_id: &str,
        token: Option<&str>,
    ) -> Result<ClientRecord, RegisterError> {
        let row = self.own_registration(client_id, token).await?;
        Ok(ClientRecord { client: self.oauth.clients.client(&row)?, created_at: row.created_at })
    }

    /// Registers other metadata in place of all that is registered (RFC 7592 §2.2), but for what an operator keeps.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub async fn replace_registration(
        &self,
        client_id: &str,
        token: Option<&str>,
        metadata: &Map<String, Value>,
    ) -> Result<MadeClient, RegisterError> {
        let row = self.own_registration(client_id, token).await?;
        let named_secret = metadata.get("client_secret").map(|secret| secret.as_str().unwrap_or_default());
        let is_own = |secret: &str| row.secret.is_some_and(|own| is_same(&own, &digest(secret)));
        if metadata.get("client_id").is_none_or(|id| id != client_id) || !named_secret.is_none_or(is_own) {
            return Err(RegisterError::OtherClient);
        }
        let known = self.oauth.clients.client(&row).map_err(Unavailable::from)?;
        let metadata = self.read_own_words(metadata, &Scope::default(), Some(&known.metadata)).await?;
        let made = self.change_client(row, metadata, None, ClientOrigin::Dynamic).await?;
        Ok(MadeClient { registration: token.map(Secret::new), ..made })
    }

    /// Removes the client (RFC 7592 §2.3).
    ///
    /// # Errors
    /// [`RegisterError`].
    pub async fn remove_registration(
        &self,
        client_id: &str,
        token: Option<&str>,
        source: Source,
    ) -> Result<(), RegisterError> {
        self.own_registration(client_id, token).await?;
        match self.remove_client(client_id).await {
            // Somebody else was faster.
            Ok(()) | Err(ClientError::NotFound) => {}
            Err(error) => return Err(error.into()),
        }
        audit("remove_registration", "removed", None, source);
        Ok(())
    }

    /// The row of a client that shows its own token; nothing tells a client that is not there from a wrong
    /// token.
    async fn own_registration(
        &self,
        client_id: &str,
        token: Option<&str>,
    ) -> Result<ClientRow, RegisterError> {
        let (_, row) = self.find_client_row(client_id).await?.ok_or(RegisterError::Token)?;
        let shown = token.map(digest);
        let is_own = row.registration.zip(shown).is_some_and(|(own, shown)| is_same(&own, &shown));
        is_own.then(|| Arc::unwrap_or_clone(row)).ok_or(RegisterError::Token)
    }

    /// What a stranger says of itself, without what strangers do not decide; `besides`: scopes that it may
    /// name besides those of people's claims; `known`: what is registered, of which an operator may keep some.
    pub(crate) async fn read_own_words(
        &self,
        members: &Map<String, Value>,
        besides: &Scope,
        known: Option<&Metadata>,
    ) -> Result<Metadata, MetadataFault> {
        let mut members = members.clone();
        members.retain(|name, value| {
            !value.is_null() && !Metadata::OPERATORS.contains(&name.as_str()) && name != "require_pkce"
        });
        keep_known(&mut members, "grant_types", |name| GrantType::from_name(name).is_some());
        keep_known(&mut members, "response_types", |name| name == "code");
        keep_known(&mut members, "response_modes", |name| ResponseMode::from_name(name).is_some());
        let types = &self.settings.oauth.authorization_details_types;
        keep_known(&mut members, "authorization_details_types", |name| {
            types.iter().any(|known| known == name)
        });
        if let Some(Value::String(scope)) = members.get_mut("scope") {
            let known = scope.split(' ').filter(|name| Scope::KNOWN.contains(name) || besides.has(name));
            *scope = known.collect::<Vec<_>>().join(" ");
        }
        if let Some(known) = known {
            known.insert_kept(&mut members);
        }
        let metadata = Metadata::from_json(&Value::Object(members))?;
        self.check_sector(&metadata).await?;
        Ok(metadata)
    }

    /// Whoever shares a sector's subjects must be named by it (OpenID Connect Registration §5).
    async fn check_sector(&self, metadata: &Metadata) -> Result<(), MetadataFault> {
        let Some(url) = &metadata.sector_identifier_uri else { return Ok(()) };
        let named = self.oauth.outside.strangers.fetch.get_json(url).await.unwrap_or_default();
        let is_named = |uri: &str| named.as_array().is_some_and(|all| all.iter().any(|named| named == uri));
        let all_are = metadata.redirect_uris.iter().all(|uri| is_named(uri.as_str()));
        all_are
            .then_some(())
            .ok_or(MetadataFault::Combination("sector_identifier_uri does not list the redirect URIs"))
    }
}

/// Drops the names of a list that are not known, unless none is: that is told.
fn keep_known(members: &mut Map<String, Value>, list: &str, is_known: impl Fn(&str) -> bool) {
    if let Some(Value::Array(names)) = members.get_mut(list)
        && names.iter().any(|name| name.as_str().is_some_and(&is_known))
    {
        names.retain(|name| name.as_str().is_some_and(&is_known));
    }
}

fn digest(token: &str) -> TokenDigest {
    TokenDigest::of(token)
}

fn is_same(one: &TokenDigest, other: &TokenDigest) -> bool {
    verify_slices_are_equal(&one.0, &other.0).is_ok()
}

impl From<ClientError> for RegisterError {
    fn from(error: ClientError) -> RegisterError {
        match error {
            ClientError::Metadata(fault) => RegisterError::Metadata(fault),
            ClientError::Unavailable(unavailable) => RegisterError::Unavailable(unavailable),
            // Changed or removed at this moment: the token is good no more, or the same can be tried again.
            ClientError::NotFound => RegisterError::Token,
            ClientError::Changed => RegisterError::Unavailable(Unavailable::Store),
            // Ids and secrets are drawn here.
            ClientError::Taken | ClientError::Id | ClientError::Secret => {
                RegisterError::Unavailable(Unavailable::Fault)
            }
        }
    }
}
