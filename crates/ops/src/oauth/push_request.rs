//! A request is pushed before the browser goes (RFC 9126).
