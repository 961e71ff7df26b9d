//! Which JWTs have been revoked (Token Status List).
