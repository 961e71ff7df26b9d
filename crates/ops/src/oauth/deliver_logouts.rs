//! Tells clients that a session has ended (OpenID Connect Back-Channel Logout).
