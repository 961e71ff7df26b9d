//! Document 000, "OUser": verification codes, passwords and session tokens over seven paths.

mod error;
mod openapi;
mod reply;
mod request;
mod routes;

pub use self::error::refuse;
pub use self::openapi::Document;
pub use self::routes::ROUTES;
