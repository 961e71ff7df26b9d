//! The operations of Countersign, each exactly once: one file per operation.
