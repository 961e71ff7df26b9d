//! JSON Web Signatures over aws-lc: signing with our keys, verifying with anybody's.

pub(crate) mod jwk;
pub(crate) mod sign;
pub(crate) mod verify;
