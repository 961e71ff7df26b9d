//! OAuth 2 and OpenID Connect.

pub mod browsers;
pub mod client_tokens;
pub mod clients;
pub mod codes;
pub mod consents;
pub mod device_polls;
pub mod devices;
pub mod grants;
pub mod groups;
pub mod logouts;
pub mod pushed;
pub mod refresh_tokens;
pub mod seen;
pub mod signed_tokens;
pub mod statuses;
