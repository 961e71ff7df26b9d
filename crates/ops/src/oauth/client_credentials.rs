//! A client gets a token for itself (RFC 6749 §4.4).
