//! OAuth 2 and OpenID Connect, as applications and browsers see them.

pub mod browser;
pub mod html;
pub mod provider;

mod access;
mod authorizing;
mod browser_sessions;
mod client_documents;
mod clients;
mod code_flow;
mod codes;
mod devices;
mod diagonal;
mod discovery;
mod dpop;
mod exchanging;
mod introspection;
mod jwt_bearer;
mod kept;
mod keys;
mod links;
mod logouts;
mod openidconnect_crate;
mod origins;
mod own_tokens;
mod page_codes;
mod pages;
mod real_clients;
mod refreshing;
mod registration;
mod request_objects;
mod requests;
mod rich_requests;
mod signed_answers;
mod single_claims;
mod suspension;
mod userinfo;
