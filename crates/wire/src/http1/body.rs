//! The body of a request, read as the one who answers asks for it.

use std::error::Error;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite};

use super::link::Link;
use super::lock;

/// The body of a request, whichever version of HTTP it came by.
pub trait Incoming: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send {}

impl<B> Incoming for B where B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send {}

/// Why a body did not come as announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// The connection ended before it.
    #[error("the connection ended within the body")]
    Ended,
    /// Its chunks are malformed.
    #[error("the chunks of the body are malformed")]
    Chunks,
}

/// The body of the request that a connection is at.
#[derive(Debug)]
pub struct RequestBody<'c, S>(&'c Mutex<Link<S>>);

impl<'c, S> RequestBody<'c, S> {
    pub(super) fn of(link: &'c Mutex<Link<S>>) -> RequestBody<'c, S> {
        RequestBody(link)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Body for RequestBody<'_, S> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        lock(self.0).poll_body(context).map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        lock(self.0).body_length() == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        lock(self.0).body_length().map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
