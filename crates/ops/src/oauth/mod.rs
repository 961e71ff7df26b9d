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
    /// Keys of clients that were fetched.
    pub client_keys: client_keys::FetchedKeys,
    /// Metadata documents on their way.
    pub client_documents: client_documents::ClientDocuments,
    /// What discovery answers.
    pub documents: discovery::Documents,
    /// Status lists as they were made last.
    pub status_lists: status_list::StatusLists,
    /// Asks other servers.
    pub fetch: fetch::Fetch,
}
