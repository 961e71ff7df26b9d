//! The authorization endpoint, seen from the browser.

use countersign_ops::Unavailable;

use super::error::Error;
use crate::http::{Call, Reply};

pub(super) async fn authorize(_: &Call<'_>) -> Result<Reply, Error> {
    Err(Unavailable::Fault.into())
}

pub(super) async fn go_on(_: &Call<'_>) -> Result<Reply, Error> {
    Err(Unavailable::Fault.into())
}

pub(super) async fn consent(_: &Call<'_>) -> Result<Reply, Error> {
    Err(Unavailable::Fault.into())
}
