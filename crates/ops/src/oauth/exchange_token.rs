//! A token for another (RFC 8693).
