//! A client registers itself (RFC 7591, RFC 7592).
