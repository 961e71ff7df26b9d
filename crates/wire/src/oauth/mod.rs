//! OAuth 2 and OpenID Connect: what programs call. What browsers see is in `pages`.

mod cors;
mod device;
mod discovery;
mod error;
mod introspect;
mod par;
mod register;
mod request;
mod revoke;
mod routes;
mod token;
mod token_reply;
mod userinfo;

pub use self::error::refuse;
pub use self::routes::ROUTES;
