//! Functions on a transaction: the only SQL in Countersign.
//!
//! One file per group of tables; each function takes a [`Tx`] and plain values, times and random
//! values among them. Whatever must happen once is one guarded statement (design 3.4).

pub mod accounts;
pub mod codes;
pub mod copy;
mod db;
pub mod identifiers;
pub mod keys;
pub mod limits;
pub mod meta;
mod migrate;
pub mod oauth;
pub mod outbox;
pub mod phones;
pub mod registrations;
pub mod sessions;
pub mod sweep;
pub mod tokens;

pub use db::{
    Database, InvalidDatabase, LookUp, Moment, Param, Row, Store, StoreError, Tx, Unusable, Value, Work,
    wait_until_closed,
};
pub use migrate::{MigrationName, OpenError};
