//! A token is not needed any more (RFC 7009).
