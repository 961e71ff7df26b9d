//! Access tokens that clients got for themselves, as digests.
