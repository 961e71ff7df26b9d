//! A request as a signed object (RFC 9101).
