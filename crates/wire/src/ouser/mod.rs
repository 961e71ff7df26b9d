//! Document 000, "OUser": verification codes, passwords and session tokens over seven paths.

mod error;
mod openapi;
mod reply;
mod request;
mod routes;

pub use self::error::refuse;
pub(crate) use self::openapi::describe;
pub use self::routes::ROUTES;
