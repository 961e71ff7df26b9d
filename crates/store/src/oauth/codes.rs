//! Authorization codes, as digests.
