//! Signing out at a client's wish.

use countersign_ops::Unavailable;

use super::error::Error;
use crate::http::{Call, Reply};

pub(super) async fn ask(_: &Call<'_>) -> Result<Reply, Error> {
    Err(Unavailable::Fault.into())
}

pub(super) async fn logout(_: &Call<'_>) -> Result<Reply, Error> {
    Err(Unavailable::Fault.into())
}

pub(super) async fn signed_out(_: &Call<'_>) -> Result<Reply, Error> {
    Err(Unavailable::Fault.into())
}
