//! A device waits for its user (RFC 8628).
