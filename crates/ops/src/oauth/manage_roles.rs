//! Roles of accounts and groups.
