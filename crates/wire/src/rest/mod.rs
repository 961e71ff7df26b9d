//! Document 004: accounts, profiles and Layer tokens in the style of Django REST framework, whose
//! texts its clients know.

mod error;
mod openapi;
mod reply;
mod request;
mod routes;
mod token_header;

pub use self::error::refuse;
pub use self::openapi::Document;
pub use self::routes::ROUTES;
