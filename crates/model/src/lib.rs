//! Types and pure rules of Countersign: no IO, no async, no wire format.
//!
//! Everything here is a value or a function on values. The two seams to the outside
//! world, [`time::Clock`] and [`random::Random`], live here so that every other crate
//! takes time and randomness from one place and tests can replace both.

pub mod account;
pub mod code;
pub mod identifier;
pub mod ids;
pub mod key;
pub mod keyring;
pub mod limit;
pub mod message;
pub mod oauth;
pub mod password;
pub mod random;
pub mod secret;
pub mod session;
pub mod shard;
pub mod stored;
pub mod time;
