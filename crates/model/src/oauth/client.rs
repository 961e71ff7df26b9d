//! Clients.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::metadata::Metadata;
use super::names::GrantType;
use super::redirect::RedirectUri;
use super::scope::Scope;
use crate::ids::Uuid;
use crate::random::Random;

/// The number of a client in the store: random, below 2^53, never given out twice. A client that was
/// removed and added again has another one, so what was issued to it before stays dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClientNo(pub i64);

impl ClientNo {
    /// Draws a new one.
    pub fn draw(random: &Random) -> ClientNo {
        ClientNo(random.positive(53))
    }
}

/// The id by which a client is known (RFC 6749 §2.2).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClientId(String);

impl ClientId {
    /// Reads an id: 1 to 512 visible ASCII characters. No UUID: a client must not pass for an account,
    /// whose `sub` is one (R108).
    pub fn parse(text: &str) -> Option<ClientId> {
        let is_id = (1..=512).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_graphic())
            && Uuid::parse(text).is_none();
        is_id.then(|| ClientId(text.to_owned()))
    }

    /// Draws one: 26 letters and digits.
    pub fn draw(random: &Random) -> ClientId {
        ClientId(random.text(b"0123456789abcdefghjkmnpqrstvwxyz", 26))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// If it can be the address of its client's metadata: the origin, such as `https://app.example.com`. It
    /// has a path, and neither a query, which would make any number of addresses of one document, nor what
    /// readers of URLs disagree about (draft-ietf-oauth-client-id-metadata-document §3). Its host is what
    /// people are shown, so it is in lower case: an `I` looks like an `l`.
    pub fn document_origin(&self) -> Option<String> {
        let origin = RedirectUri::register(&self.0).ok()?.origin()?;
        let path = self.0.strip_prefix(&origin)?;
        let is_plain = origin.starts_with("https://") && !origin.bytes().any(|b| b.is_ascii_uppercase());
        (is_plain && path.starts_with('/') && !path.contains('?')).then_some(origin)
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a client comes from. The number stands in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientOrigin {
    /// An operator's command.
    CommandLine = 1,
    /// The configuration.
    Configuration = 2,
    /// It registered itself (RFC 7591).
    Dynamic = 3,
    /// Its id is the address of its metadata.
    MetadataDocument = 4,
}

impl ClientOrigin {
    /// All of them.
    pub const ALL: [ClientOrigin; 4] = [
        ClientOrigin::CommandLine,
        ClientOrigin::Configuration,
        ClientOrigin::Dynamic,
        ClientOrigin::MetadataDocument,
    ];

    /// From the number in the store.
    pub fn from_number(number: i64) -> Option<ClientOrigin> {
        ClientOrigin::ALL.into_iter().find(|o| *o as i64 == number)
    }

    /// Whether an operator entered the client: everybody else may call themselves anything.
    pub fn is_operators(self) -> bool {
        match self {
            ClientOrigin::CommandLine | ClientOrigin::Configuration => true,
            ClientOrigin::Dynamic | ClientOrigin::MetadataDocument => false,
        }
    }
}

/// A client.
#[derive(Clone, Debug, PartialEq)]
pub struct Client {
    /// Its number in the store.
    pub no: ClientNo,
    /// Its id.
    pub id: ClientId,
    /// Rises with every change.
    pub version: i64,
    /// Where it comes from.
    pub origin: ClientOrigin,
    /// What it is and may do.
    pub metadata: Metadata,
    /// Whether it has a secret.
    pub has_secret: bool,
    /// Whether it is suspended.
    pub suspended: bool,
}

impl Client {
    /// Whether it may use this grant.
    pub fn may(&self, grant: GrantType) -> bool {
        self.metadata.grant_types.contains(&grant)
    }

    /// Whether it may ask for all of this.
    pub fn may_scope(&self, scope: &Scope) -> bool {
        scope.is_subset(&self.metadata.scope)
    }

    /// Whether an operator entered it: everybody else may call themselves anything.
    pub fn is_operators(&self) -> bool {
        self.origin.is_operators()
    }

    /// The host that stands for a client of a metadata document, with its port: what its document says is its
    /// own word.
    pub fn document_host(&self) -> Option<&str> {
        let host = host_of_document(self.id.as_str())?;
        (self.origin == ClientOrigin::MetadataDocument).then_some(host)
    }

    /// Its registered redirect URI that matches.
    pub fn redirect(&self, asked: &str) -> Option<&RedirectUri> {
        self.metadata.redirect_uris.iter().find(|uri| uri.matches(asked))
    }
}

/// The host in the id of a client that is known by its metadata document: no other client has an address for an id.
pub fn host_of_document(id: &str) -> Option<&str> {
    id.strip_prefix("https://")?.split('/').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_has_one_address() {
        let origin = |text| ClientId::parse(text).and_then(|id| id.document_origin());
        assert_eq!(origin("https://a.example/c.json").as_deref(), Some("https://a.example"));
        assert_eq!(origin("https://a.example:8443/").as_deref(), Some("https://a.example:8443"));
        for bad in [
            "https://a.example",
            "http://127.0.0.1/c",
            "https://a.example/c?x=1",
            "https://a.example?x/",
            "https://a.example/c#x",
            "https://user@a.example/c",
            "https://a.example/b/../c",
            "https://a.example/%2e%2e/c",
            "HTTPS://a.example/c",
            "https://exampIe.example/c",
            "com.example.app:/c",
            "app",
        ] {
            assert_eq!(origin(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_client_id_is_no_account() {
        assert!(ClientId::parse("app").is_some());
        assert!(ClientId::parse("https://app.example.com/client.json").is_some());
        for bad in ["", "a b", "ä", "6f1c1a2e-0f0e-4c83-9d3c-1f8a2b3c4d5e", &"a".repeat(513)] {
            assert_eq!(ClientId::parse(bad), None, "{bad}");
        }
        assert!(ClientId::parse(ClientId::draw(&Random::seeded(1)).as_str()).is_some());
    }
}
