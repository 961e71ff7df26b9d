//! The pages behind the links in messages. Opening one changes nothing, since mail scanners open
//! links too; its button does (R037). The secret in the URL is all that a form needs: no cookie is
//! read or set, and no script runs.

mod account;
mod authorize;
mod cookies;
mod device;
mod error;
mod flowing;
mod layout;
mod logout;
mod page;
mod recover;
mod respond;
mod routes;
mod sign_in;
mod sign_in_code;
mod sign_up;
mod steps;

pub use self::error::refuse;
pub use self::routes::{FLOW_ROUTES, ROUTES};
