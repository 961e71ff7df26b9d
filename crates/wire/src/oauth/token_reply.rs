//! What the token endpoint answers (RFC 6749 §5.1).
