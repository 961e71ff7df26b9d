//! Functions on a transaction: the only SQL in Countersign.
