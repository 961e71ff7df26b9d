//! Document 001, "authd": accounts confirmed by mail, token pairs, password resets; and the form
//! grants of RFC 6749 at the same `/v1/tokens/`.

mod error;
mod grant;
mod openapi;
mod reply;
mod request;
mod routes;

pub use self::error::refuse;
pub use self::openapi::Document;
pub use self::routes::{LINKS, ROUTES};
