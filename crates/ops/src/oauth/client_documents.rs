//! Clients whose id is the address of their metadata (draft-ietf-oauth-client-id-metadata-document): nobody
//! registers them, the document is fetched when it is needed and kept for a while.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use countersign_model::limit::{RetryAfter, Scope as Counted};
use countersign_model::oauth::{
    AuthMethod, ClientId, ClientNo, ClientOrigin, GrantType, Metadata, MetadataFault, Scope,
};
use countersign_model::time::Timestamp;
use countersign_store::oauth::clients::{self, ClientRow};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::fetch::{FetchError, Fresh};
use super::find_client::Found;
use super::manage_clients::{AddClient, ChangeClient, ClientError, completed, origins};
use crate::counting::NotCounted;
use crate::{Core, Repeated, Source, Unavailable};

/// A document holds at least as long, whatever its server says: anybody can ask for it.
const LEAST: Duration = Duration::from_secs(300);

/// If its server says nothing.
const UNSAID: Duration = Duration::from_secs(3600);

/// No document holds longer: what is withdrawn there must end here.
const LONGEST: Duration = Duration::from_secs(86_400);

/// A document that could not be had is asked for again, but not more often than this.
const AGAIN: Duration = Duration::from_secs(10);

/// More documents than this are not on their way at once.
const MOST: usize = 1000;

/// No more characters of what a document says go to the log.
const SHOWN: usize = 300;

/// Documents that were not taken: anybody can name an address, and another one at once.
static NOT_TAKEN: Repeated = Repeated::new();

/// Documents on their way, by address: whoever fetches one holds its lock, so that each is fetched once
/// however many ask. In it: when it failed last.
#[derive(Debug, Default)]
pub(crate) struct ClientDocuments(std::sync::Mutex<HashMap<String, Arc<Mutex<Option<Timestamp>>>>>);

impl ClientDocuments {
    /// `None` if too many are on their way.
    fn place(&self, url: &str) -> Option<Arc<Mutex<Option<Timestamp>>>> {
        // Nothing in there is ever half done.
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST {
            all.retain(|_, place| Arc::strong_count(place) > 1);
        }
        let has_room = all.len() < MOST || all.contains_key(url);
        has_room.then(|| Arc::clone(all.entry(url.to_owned()).or_default()))
    }
}

/// Why a document makes no client.
#[derive(Debug, thiserror::Error)]
enum DocumentError {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error("its client_id is not its address")]
    Another,
    #[error("a document that everybody can read holds no secret, and no method of authentication with one")]
    Secret,
    #[error(transparent)]
    Metadata(#[from] MetadataFault),
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// For the log, as a text, which is written escaped: it holds what a stranger's document says.
fn shown(error: &DocumentError) -> String {
    error.to_string().chars().take(SHOWN).collect()
}

impl Core {
    /// The client with this id that may be served, as [`Core::find_client`] gives it, with its document fetched
    /// anew if that is due. One that cannot be had is no client any more.
    pub(crate) async fn find_or_fetch_client(
        &self,
        id: &str,
        source: Source,
    ) -> Result<Option<Found>, Unavailable> {
        if !self.takes_document(id) {
            return self.find_client_row(id).await;
        }
        // In a box: what a fetch may have to wait for would be part of every client's request.
        Box::pin(self.find_or_fetch_document(id, source)).await
    }

    async fn find_or_fetch_document(&self, id: &str, source: Source) -> Result<Option<Found>, Unavailable> {
        let row = clients::find(&mut self.store.read().await?, id).await?;
        if !is_due(row.as_ref(), self.clock.now()) {
            return self.served(row);
        }
        let busy = Unavailable::Busy(RetryAfter(Duration::from_secs(1)));
        let place = self.oauth.client_documents.place(id).ok_or(busy)?;
        let mut failed_at = place.lock().await;
        // Somebody else may have fetched it meanwhile.
        let (row, now) = (clients::find(&mut self.store.read().await?, id).await?, self.clock.now());
        if !is_due(row.as_ref(), now) {
            return self.served(row);
        }
        if failed_at.is_some_and(|failed_at| now < failed_at.after(AGAIN)) {
            return Ok(None);
        }
        if row.is_none() {
            self.count_document(source).await?;
        }
        match self.fetch_client(id, row).await {
            Ok(row) => self.served(row),
            Err(DocumentError::Unavailable(unavailable)) => Err(unavailable),
            Err(error) => {
                if NOT_TAKEN
                    .may_write(|more| tracing::warn!(more, "and {more} more documents were not taken"))
                {
                    tracing::warn!(error = shown(&error), client = id, "a client's document was not taken");
                }
                *failed_at = Some(now);
                Ok(None)
            }
        }
    }

    /// Counts an address that is not known yet, or this server would ask others, and write rows, as often as
    /// anybody likes.
    async fn count_document(&self, source: Source) -> Result<(), Unavailable> {
        let rate = self.settings.limits.client_documents_per_source;
        let counter = self.source_counter(Counted::ClientDocument, rate, source);
        self.count(counter.into_iter().collect()).await.map_err(|error| match error {
            NotCounted::TooMany(after) => Unavailable::Busy(after),
            NotCounted::Unavailable(unavailable) => unavailable,
        })
    }

    /// Whether documents at this address make clients.
    pub(crate) fn takes_document(&self, id: &str) -> bool {
        let is_address = || ClientId::parse(id).is_some_and(|id| id.document_origin().is_some());
        self.settings.oauth.client_documents.iter().any(|pattern| fits(pattern, id)) && is_address()
    }

    /// What to tell a developer whose client was not found.
    pub(crate) fn why_no_client(&self, id: &str) -> &'static str {
        match self.takes_document(id) {
            true => {
                "The document at the client_id cannot be had, or describes no client that could be served."
            }
            false => "There is no such client.",
        }
    }

    /// Fetches a document and writes down what it says.
    async fn fetch_client(
        &self,
        id: &str,
        known: Option<ClientRow>,
    ) -> Result<Option<ClientRow>, DocumentError> {
        let Fresh { json, max_age } = self.oauth.outside.strangers.fetch.get_fresh(id).await?;
        let client = known.as_ref().map(|row| self.oauth.clients.client(row)).transpose();
        let client = client.map_err(Unavailable::from)?;
        let metadata = self.read_document(id, &json, client.as_ref().map(|client| &client.metadata)).await?;
        let now = self.clock.now();
        let is_known = known.is_some();
        let row = match known {
            Some(known) => known.with_metadata(&metadata),
            None => {
                let no = ClientNo::draw(&self.random);
                ClientRow::new(id, no, ClientOrigin::MetadataDocument, &metadata, now)
            }
        };
        let until = now.after(max_age.unwrap_or(UNSAID).clamp(LEAST, LONGEST));
        let row = ClientRow { expires_at: Some(until), ..row };
        let origins = origins(&metadata);
        let written = match is_known {
            true => self.store.write(ChangeClient { row, origins }).await,
            false => self.store.write(AddClient { row, origins }).await,
        };
        match written {
            // Or another node was faster.
            Ok(()) | Err(ClientError::Taken | ClientError::Changed) => {}
            Err(ClientError::Unavailable(unavailable)) => return Err(unavailable.into()),
            Err(ClientError::NotFound | ClientError::Id | ClientError::Secret | ClientError::Metadata(_)) => {
                return Err(Unavailable::Fault.into());
            }
        }
        let mut tx = self.store.read().await.map_err(Unavailable::from)?;
        Ok(clients::find(&mut tx, id).await.map_err(Unavailable::from)?)
    }

    /// What the document says of its client, as far as it may: what an operator decides about such clients is
    /// in the settings, and what they decide about this one is in `known`.
    async fn read_document(
        &self,
        id: &str,
        json: &Value,
        known: Option<&Metadata>,
    ) -> Result<Metadata, DocumentError> {
        let mut members = json.as_object().cloned().ok_or(DocumentError::Another)?;
        if members.get("client_id").is_none_or(|named| named != id) {
            return Err(DocumentError::Another);
        }
        if ["client_secret", "client_secret_expires_at"].iter().any(|name| members.contains_key(*name)) {
            return Err(DocumentError::Secret);
        }
        members.entry("token_endpoint_auth_method").or_insert(json!(AuthMethod::None));
        let settings = &self.settings.oauth;
        let mut metadata = self.read_own_words(&members, &settings.client_document_scopes, known).await?;
        match metadata.token_endpoint_auth_method {
            AuthMethod::None | AuthMethod::PrivateKeyJwt => {}
            AuthMethod::Basic | AuthMethod::Post | AuthMethod::TlsClientAuth | AuthMethod::SelfSignedTls => {
                return Err(DocumentError::Secret);
            }
        }
        // What needs nobody's consent in a browser is for clients that an operator knows.
        let grants = [GrantType::AuthorizationCode, GrantType::RefreshToken];
        metadata.grant_types.retain(|grant| grants.contains(grant));
        if !metadata.grant_types.contains(&GrantType::AuthorizationCode) {
            return Err(
                MetadataFault::Combination("a client of a document signs people in with codes").into()
            );
        }
        if metadata.scope.is_empty() {
            let of_people = Scope::parse(&Scope::KNOWN.join(" ")).unwrap_or_default();
            metadata.scope = of_people.union(&settings.client_document_scopes);
        }
        if !metadata.kept_members.iter().any(|name| name == "audience") {
            metadata.audience.clone_from(&settings.client_document_resources);
        }
        Ok(completed(metadata, settings)?)
    }
}

/// Whether the document has to be fetched. A client that an operator entered under such an id has none, and
/// one that is suspended stays so.
fn is_due(known: Option<&ClientRow>, now: Timestamp) -> bool {
    known.is_none_or(|row| {
        row.origin == ClientOrigin::MetadataDocument
            && row.suspended_at.is_none()
            && row.expires_at.is_none_or(|until| until <= now)
    })
}

/// Whether an address is the pattern, or below it.
fn fits(pattern: &str, url: &str) -> bool {
    let below = url.strip_prefix(pattern.trim_end_matches('/')).is_some_and(|rest| rest.starts_with('/'));
    pattern == "*" || pattern == url || below
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_a_whole_address_or_what_is_below_it() {
        assert!(fits("*", "https://a.example/c"));
        assert!(fits("https://a.example", "https://a.example/c"));
        assert!(fits("https://a.example/apps/", "https://a.example/apps/c"));
        assert!(fits("https://a.example/c", "https://a.example/c"));
        for other in ["https://a.example.evil/c", "https://a.example:8443/c", "https://b.example/c"] {
            assert!(!fits("https://a.example", other), "{other}");
        }
        assert!(!fits("https://a.example/apps", "https://a.example/apps2/c"));
    }
}
