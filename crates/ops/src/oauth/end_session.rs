//! Signs out at a client's wish (OpenID Connect RP-Initiated Logout).
