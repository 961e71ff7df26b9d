//! An assertion of another issuer for a token (RFC 7523 §2.1).
