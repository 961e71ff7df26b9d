//! What a token is (RFC 7662).
