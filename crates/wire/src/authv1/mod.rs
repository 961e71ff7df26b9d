//! Document 003: an OAuth-styled token service, under `/auth/v1` and, as its example shows, under
//! `/rest/auth/v1` too.

mod error;
mod openapi;
mod reply;
mod request;
mod routes;

pub use self::error::refuse;
pub use self::openapi::Document;
pub use self::routes::ROUTES;
