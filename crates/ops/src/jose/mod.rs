//! JSON Web Signatures over aws-lc: signing with our keys, verifying with anybody's.

pub(crate) mod verify;
