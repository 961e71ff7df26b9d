//! OAuth 2 and OpenID Connect: one file for each operation.

pub mod advance_flow;
mod answer;
pub mod authenticate_client;
pub mod browser_session;
pub mod check_dpop;
pub mod client_authorities;
pub mod client_certificate;
pub mod client_credentials;
pub(crate) mod client_documents;
pub(crate) mod client_keys;
pub mod consents;
pub mod deliver_logouts;
pub mod device;
pub mod discovery;
pub mod exchange_code;
pub mod exchange_token;
pub(crate) mod fetch;
pub mod find_client;
pub(crate) mod id_token_hint;
pub mod introspect;
pub(crate) mod issue;
pub mod jwt_bearer;
pub(crate) mod keep_keys;
pub mod keys;
pub mod manage_clients;
pub mod manage_groups;
pub mod manage_roles;
mod membership;
mod person_claims;
pub mod plan_clients;
pub mod plan_logout;
pub mod poll_device;
pub(crate) mod presented;
pub mod push_request;
pub(crate) mod read_request;
pub mod refresh_grant;
pub mod register_client;
mod request_object;
pub mod revoke;
mod single_claims;
pub mod start_authorization;
pub mod status_list;
mod subject;
mod token_claims;
mod use_once;
pub mod userinfo;

/// What OAuth works with besides the store.
pub(crate) struct OAuth {
    /// The signing keys.
    pub keys: std::sync::Arc<keys::Keys>,
    /// Clients that were read.
    pub clients: find_client::ClientCache,
    /// What asks other servers.
    pub outside: Outsides,
    /// Metadata documents on their way.
    pub client_documents: client_documents::ClientDocuments,
    /// What discovery answers.
    pub documents: discovery::Documents,
    /// Status lists as they were made last.
    pub status_lists: status_list::StatusLists,
}

/// Strangers must not use up what operators' clients need.
pub(crate) struct Outsides {
    /// For operators' clients and for issuers that they trust.
    pub operators: Outside,
    /// For everybody else.
    pub strangers: Outside,
}

/// What asks other servers, and what they said.
pub(crate) struct Outside {
    /// Asks them.
    pub fetch: fetch::Fetch,
    /// Keys that were fetched.
    pub keys: client_keys::FetchedKeys,
}

impl Outside {
    /// That has asked nobody yet.
    pub fn new(settings: &crate::OAuthSettings) -> Outside {
        Outside {
            fetch: fetch::Fetch::new(&settings.fetch_allowed),
            keys: client_keys::FetchedKeys::default(),
        }
    }
}

impl Outsides {
    /// That have asked nobody yet.
    pub fn new(settings: &crate::OAuthSettings) -> Outsides {
        Outsides { operators: Outside::new(settings), strangers: Outside::new(settings) }
    }

    /// For a client.
    pub fn of(&self, client: &countersign_model::oauth::Client) -> &Outside {
        match client.is_operators() {
            true => &self.operators,
            false => &self.strangers,
        }
    }
}

#[cfg(test)]
mod tests {
    use countersign_model::oauth::{Client, ClientId, ClientNo, ClientOrigin, Metadata};
    use countersign_model::random::Random;

    use super::*;

    fn client(origin: ClientOrigin) -> Client {
        Client {
            no: ClientNo(1),
            id: ClientId::draw(&Random::seeded(1)),
            version: 1,
            origin,
            metadata: Metadata::default(),
            has_secret: false,
            suspended: false,
        }
    }

    #[test]
    fn strangers_do_not_use_up_what_operators_need() {
        for stranger in [ClientOrigin::Dynamic, ClientOrigin::MetadataDocument] {
            let outside = Outsides::new(&crate::OAuthSettings::default());
            let theirs = outside.of(&client(stranger));
            let turns: Vec<_> = (0..).map_while(|number| theirs.keys.turn(&number.to_string())).collect();
            let look_ups = theirs.fetch.take_all_places();
            assert!(!turns.is_empty() && theirs.keys.turn("new").is_none() && theirs.fetch.is_busy());
            for operator in [ClientOrigin::CommandLine, ClientOrigin::Configuration] {
                let ours = outside.of(&client(operator));
                assert!(ours.keys.turn("new").is_some(), "{stranger:?}");
                assert!(!ours.fetch.is_busy(), "{stranger:?}");
            }
            drop(look_ups);
        }
    }
}
