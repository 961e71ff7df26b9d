//! Devices that wait for their user (RFC 8628).
