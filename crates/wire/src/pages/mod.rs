//! What a browser navigates to: the pages behind the links in messages, and those that sign people in
//! for applications. Opening one changes nothing, since mail scanners open links too; its button does
//! (R037). No page needs a script.

mod account;
mod authorize;
mod coded;
mod consent;
mod cookies;
mod details;
mod device;
mod error;
mod form;
mod icon;
mod layout;
mod links;
mod logout;
mod new_password;
mod page;
mod recover;
mod respond;
mod routes;
mod sign_in;
mod sign_in_code;
mod sign_up;
mod verify_address;
mod words;

pub use self::error::refuse_visit;
pub use self::page::refuse;
pub use self::routes::{FLOW_ROUTES, ROUTES};
