//! Clients that must hear of an end (OpenID Connect Back-Channel Logout). Rows come from `grants`.
