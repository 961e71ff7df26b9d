//! A code that a device shows.

use countersign_ops::Unavailable;

use super::error::Error;
use crate::http::{Call, Reply};

pub(super) async fn show(_: &Call<'_>) -> Result<Reply, Error> {
    Err(Unavailable::Fault.into())
}

pub(super) async fn submit(_: &Call<'_>) -> Result<Reply, Error> {
    Err(Unavailable::Fault.into())
}
