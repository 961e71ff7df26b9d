//! Clients: added, changed, listed, removed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use countersign_model::oauth::{
    AuthMethod, Client, ClientId, ClientNo, ClientOrigin, GrantType, Metadata, MetadataFault, Scope,
    SubjectType,
};
use countersign_model::secret::Secret;
use countersign_model::session::{Mark, Token, TokenDigest};
use countersign_model::time::Timestamp;
use countersign_store::oauth::clients::{self, ClientRow};
use countersign_store::{StoreError, Tx, Work};
use serde_json::Value;

use super::client_certificate::check_names;
use crate::{Core, OAuthSettings, Unavailable};

/// A secret that somebody chose must have as many characters: nobody can try so many.
pub const SHORTEST_SECRET: usize = 32;

/// Why it was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// There is no such client.
    #[error("there is no such client")]
    NotFound,
    /// Another client has the id.
    #[error("another client has this id")]
    Taken,
    /// The id cannot be one.
    #[error("a client id has 1 to 512 visible ASCII characters and is no UUID")]
    Id,
    /// The secret is too short, or there is none to be had for the way the client authenticates.
    #[error("a secret needs at least 32 characters, and a method that uses it")]
    Secret,
    /// Somebody else has changed it meanwhile.
    #[error("the client was changed by somebody else at this moment")]
    Changed,
    /// Its metadata are refused.
    #[error(transparent)]
    Metadata(#[from] MetadataFault),
    /// Not possible just now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// A client to be added.
#[derive(Clone, Debug)]
pub struct NewClient {
    /// Its id; drawn if there is none.
    pub id: Option<String>,
    /// What it is and may do.
    pub metadata: Metadata,
    /// A secret of its owner's choice; drawn if there is none and it needs one.
    pub secret: Option<Secret>,
    /// Where it comes from.
    pub origin: ClientOrigin,
}

/// A client that was added, with the secrets that are shown this once.
#[derive(Clone, Debug)]
pub struct MadeClient {
    /// The client.
    pub client: Arc<Client>,
    /// When it was added.
    pub created_at: Timestamp,
    /// Its secret.
    pub secret: Option<Secret>,
    /// The token for its registration (RFC 7592).
    pub registration: Option<Secret>,
}

/// A client as an operator sees it.
#[derive(Clone, Debug)]
pub struct ClientRecord {
    /// The client.
    pub client: Arc<Client>,
    /// When it was added.
    pub created_at: Timestamp,
}

pub(crate) struct AddClient {
    pub(crate) row: ClientRow,
    pub(crate) origins: Vec<String>,
}

impl Work for AddClient {
    type Output = ();
    type Error = ClientError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), ClientError> {
        if !clients::insert(tx, &self.row).await? {
            return Err(ClientError::Taken);
        }
        Ok(clients::set_origins(tx, self.row.no, &self.origins).await?)
    }
}

/// Writes the row over the version that it was read with.
pub(crate) struct ChangeClient {
    pub(crate) row: ClientRow,
    pub(crate) origins: Vec<String>,
}

impl Work for ChangeClient {
    type Output = ();
    type Error = ClientError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), ClientError> {
        if !clients::update(tx, &self.row).await? {
            return Err(ClientError::Changed);
        }
        Ok(clients::set_origins(tx, self.row.no, &self.origins).await?)
    }
}

struct SuspendClient {
    id: String,
    since: Option<Timestamp>,
}

impl Work for SuspendClient {
    type Output = bool;
    type Error = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        clients::suspend(tx, &self.id, self.since).await
    }
}

struct RemoveClient {
    id: String,
}

impl Work for RemoveClient {
    type Output = bool;
    type Error = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        clients::remove(tx, &self.id).await
    }
}

impl Core {
    /// Adds a client.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn add_client(&self, request: NewClient) -> Result<MadeClient, ClientError> {
        let id = match &request.id {
            Some(id) => ClientId::parse(id).ok_or(ClientError::Id)?,
            None => ClientId::draw(&self.random),
        };
        let metadata = completed(request.metadata, &self.settings.oauth)?;
        let needs_secret = metadata.token_endpoint_auth_method.has_secret();
        let secret = match request.secret {
            Some(secret) if !needs_secret || secret.reveal().chars().count() < SHORTEST_SECRET => {
                return Err(ClientError::Secret);
            }
            Some(secret) => Some(secret),
            None => needs_secret.then(|| self.draw_client_secret()),
        };
        let registration = (request.origin == ClientOrigin::Dynamic)
            .then(|| Token::draw_marked(Mark::REGISTRATION, &self.random));
        let digest = |secret: &Option<Secret>| secret.as_ref().map(|s| TokenDigest::of(s.reveal()));
        let (no, now) = (ClientNo::draw(&self.random), self.clock.now());
        let row = ClientRow {
            secret: digest(&secret),
            registration: digest(&registration),
            ..ClientRow::new(id.as_str(), no, request.origin, &metadata, now)
        };
        let client = self.oauth.clients.client(&row)?;
        let created_at = row.created_at;
        self.store.write(AddClient { row, origins: origins(&metadata) }).await?;
        Ok(MadeClient { client, created_at, secret, registration })
    }

    /// Lists clients by their ids, suspended ones too.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn list_clients(&self, after: &str, limit: u32) -> Result<Vec<ClientRecord>, ClientError> {
        let rows = clients::list(&mut self.store.read().await?, after, limit).await?;
        rows.iter().map(|row| self.client_record(row)).collect()
    }

    /// The client with this id, also a suspended one.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn show_client(&self, id: &str) -> Result<ClientRecord, ClientError> {
        self.client_record(&self.any_client_row(id).await?)
    }

    /// Gives a client other metadata. A secret is drawn if it needs one now and has none, and is dropped
    /// if it needs none any more. What a client says of itself later does not undo what changes here.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn update_client(&self, id: &str, metadata: Metadata) -> Result<MadeClient, ClientError> {
        let row = self.any_client_row(id).await?;
        let (origin, before) = (row.origin, self.oauth.clients.client(&row)?);
        let metadata = match before.is_operators() {
            true => metadata,
            false => metadata.keep_changes(&before.metadata),
        };
        self.change_client(row, metadata, None, origin).await
    }

    /// Suspends a client: nothing works for it, its tokens included. Or lets it be used again.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn suspend_client(&self, id: &str, suspended: bool) -> Result<(), ClientError> {
        let since = suspended.then(|| self.clock.now());
        let found = self.store.write(SuspendClient { id: id.to_owned(), since }).await?;
        found.then_some(()).ok_or(ClientError::NotFound)
    }

    /// Removes a client. Who adds the id again makes another client: what was issued stays dead.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn remove_client(&self, id: &str) -> Result<(), ClientError> {
        let found = self.store.write(RemoveClient { id: id.to_owned() }).await?;
        found.then_some(()).ok_or(ClientError::NotFound)
    }

    /// Draws a new secret; the present one works on for a while.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn rotate_client_secret(&self, id: &str, keep: Duration) -> Result<MadeClient, ClientError> {
        let mut row = self.any_client_row(id).await?;
        let metadata = self.oauth.clients.client(&row)?.metadata.clone();
        let old = row.secret.ok_or(ClientError::Secret)?;
        let secret = self.draw_client_secret();
        row.secret = Some(TokenDigest::of(secret.reveal()));
        row.old_secret = (!keep.is_zero()).then(|| (old, self.clock.now().after(keep)));
        let made = self.write_client(row, &metadata).await?;
        Ok(MadeClient { secret: Some(secret), ..made })
    }

    /// Gives the row's client other metadata and, if it is given, another secret.
    pub(crate) async fn change_client(
        &self,
        mut row: ClientRow,
        metadata: Metadata,
        given: Option<&Secret>,
        origin: ClientOrigin,
    ) -> Result<MadeClient, ClientError> {
        let metadata = completed(metadata, &self.settings.oauth)?;
        row.origin = origin;
        // A client of an operator's lapses with no document that it once had.
        row.expires_at = row.expires_at.filter(|_| origin == ClientOrigin::MetadataDocument);
        // Nor does who once registered it change it any more.
        row.registration = row.registration.filter(|_| origin == ClientOrigin::Dynamic);
        let needs_secret = metadata.token_endpoint_auth_method.has_secret();
        if given.is_some_and(|s| !needs_secret || s.reveal().chars().count() < SHORTEST_SECRET) {
            return Err(ClientError::Secret);
        }
        let drawn =
            (needs_secret && row.secret.is_none() && given.is_none()).then(|| self.draw_client_secret());
        if let Some(secret) = given.or(drawn.as_ref()) {
            row.secret = Some(TokenDigest::of(secret.reveal()));
            row.old_secret = None;
        }
        if !needs_secret {
            row.secret = None;
            row.old_secret = None;
        }
        let made = self.write_client(row, &metadata).await?;
        Ok(MadeClient { secret: drawn, ..made })
    }

    async fn write_client(&self, row: ClientRow, metadata: &Metadata) -> Result<MadeClient, ClientError> {
        let mut row = row.with_metadata(metadata);
        self.store.write(ChangeClient { row: row.clone(), origins: origins(metadata) }).await?;
        row.version += 1;
        let client = self.oauth.clients.client(&row)?;
        Ok(MadeClient { client, created_at: row.created_at, secret: None, registration: None })
    }

    pub(crate) async fn any_client_row(&self, id: &str) -> Result<ClientRow, ClientError> {
        clients::find(&mut self.store.read().await?, id).await?.ok_or(ClientError::NotFound)
    }

    fn client_record(&self, row: &ClientRow) -> Result<ClientRecord, ClientError> {
        Ok(ClientRecord { client: self.oauth.clients.client(row)?, created_at: row.created_at })
    }

    fn draw_client_secret(&self) -> Secret {
        Token::draw_marked(Mark::CLIENT_SECRET, &self.random)
    }
}

/// What a client may ask for that does not say it: all that has a meaning here if it signs people in
/// (RFC 7591 §2 leaves it to the server), nothing if it acts for itself. The members must go together.
pub(crate) fn completed(mut metadata: Metadata, settings: &OAuthSettings) -> Result<Metadata, MetadataFault> {
    let signs_in = [GrantType::AuthorizationCode, GrantType::DeviceCode];
    let signs_in = metadata.grant_types.iter().any(|grant| signs_in.contains(grant));
    if metadata.scope.is_empty() && signs_in {
        metadata.scope = Scope::parse(&Scope::KNOWN.join(" ")).unwrap_or_default();
    }
    if !metadata.grant_types.contains(&GrantType::AuthorizationCode) {
        metadata.response_types.clear();
    }
    metadata.check()?;
    check_served(&metadata, settings)?;
    check_names(&metadata)?;
    check_keys(&metadata)?;
    check_subjects(&metadata)?;
    Ok(metadata)
}

/// Where no certificates of clients are asked for (RFC 8705), nobody could ever show one.
fn check_served(metadata: &Metadata, settings: &OAuthSettings) -> Result<(), MetadataFault> {
    let mtls = &settings.mtls;
    let no_certificates = Err(MetadataFault::Combination(
        "certificates of clients are not asked for at this server (`listen` or `proxy_header` of [oauth.mtls])",
    ));
    match metadata.token_endpoint_auth_method {
        AuthMethod::TlsClientAuth | AuthMethod::SelfSignedTls if !mtls.enabled => no_certificates,
        AuthMethod::TlsClientAuth if mtls.authorities.is_none() => Err(MetadataFault::Combination(
            "no authority of clients' certificates is known at this server (`ca_file` of [oauth.mtls])",
        )),
        _ if metadata.tls_client_certificate_bound_access_tokens && !mtls.enabled => no_certificates,
        AuthMethod::TlsClientAuth
        | AuthMethod::SelfSignedTls
        | AuthMethod::None
        | AuthMethod::Basic
        | AuthMethod::Post
        | AuthMethod::PrivateKeyJwt => Ok(()),
    }
}

/// A set of public keys has nothing private and nothing shared in it.
fn check_keys(metadata: &Metadata) -> Result<(), MetadataFault> {
    let keys = metadata.jwks.iter().flat_map(|jwks| &jwks.keys);
    let is_public = |key: &Value| {
        key.is_object() && key["kty"].is_string() && ["d", "k"].iter().all(|name| key.get(name).is_none())
    };
    let are_public = keys.into_iter().all(is_public);
    are_public.then_some(()).ok_or(MetadataFault::Combination("jwks has something else than public keys"))
}

/// OpenID Connect Core §8.1: without a sector, the host of the redirect URIs is it, so there must be one.
fn check_subjects(metadata: &Metadata) -> Result<(), MetadataFault> {
    let hosts: BTreeSet<Option<String>> = metadata.redirect_uris.iter().map(|uri| uri.host()).collect();
    let is_vague = metadata.subject_type == SubjectType::Pairwise
        && metadata.sector_identifier_uri.is_none()
        && hosts.len() > 1;
    (!is_vague)
        .then_some(())
        .ok_or(MetadataFault::Combination("pairwise subjects for several hosts need a sector_identifier_uri"))
}

/// Where its scripts come from: its redirect URIs, and what an operator adds.
pub(crate) fn origins(metadata: &Metadata) -> Vec<String> {
    let of_redirects = metadata.redirect_uris.iter().filter_map(|uri| uri.origin());
    let all: BTreeSet<String> = of_redirects.chain(metadata.allowed_origins.iter().cloned()).collect();
    all.into_iter().collect()
}

impl From<StoreError> for ClientError {
    fn from(error: StoreError) -> ClientError {
        ClientError::Unavailable(error.into())
    }
}
