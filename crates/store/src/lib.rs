//! Functions on a transaction: the only SQL in Countersign.

/// A database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {}
