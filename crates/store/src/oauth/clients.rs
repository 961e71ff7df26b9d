//! Clients and where their scripts come from.
