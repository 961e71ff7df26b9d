//! A device asks whether its user has decided (RFC 8628 §3.4).
