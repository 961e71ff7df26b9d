//! Under which name a client knows an account.

use countersign_model::ids::Uuid;
use countersign_model::oauth::{Client, RedirectUri, SubjectType};

use crate::Core;

impl Core {
    /// The subject (OpenID Connect Core §8): the account's public id, or one that only the clients of the
    /// same sector share.
    pub(crate) fn subject(&self, client: &Client, account: Uuid) -> String {
        match client.metadata.subject_type {
            SubjectType::Public => account.to_string(),
            SubjectType::Pairwise => self.keyring.pairwise(&sector(client), account),
        }
    }
}

/// The host that stands for the sector (OpenID Connect Core §8.1). A client without any is a sector of its
/// own.
fn sector(client: &Client) -> String {
    let metadata = &client.metadata;
    let named = metadata.sector_identifier_uri.as_deref().and_then(|uri| RedirectUri::register(uri).ok());
    let host = named.as_ref().or(metadata.redirect_uris.first()).and_then(RedirectUri::host);
    host.unwrap_or_else(|| format!("client:{}", client.id))
}
