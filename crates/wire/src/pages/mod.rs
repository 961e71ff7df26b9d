//! The pages behind the links in messages. Opening one changes nothing, since mail scanners open
//! links too; its button does (R037). The secret in the URL is all that a form needs: no cookie is
//! read or set, and no script runs.

mod error;
mod page;
mod routes;

pub use self::error::refuse;
pub use self::routes::ROUTES;
