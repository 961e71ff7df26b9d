//! A refresh token for new tokens (RFC 6749 §6).
