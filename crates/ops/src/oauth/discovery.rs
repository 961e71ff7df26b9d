//! What this server can do (RFC 8414, OpenID Connect Discovery).
