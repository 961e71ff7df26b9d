//! The bodies of requests, read within bounds of size, time and memory.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use countersign_ops::Source;
use countersign_ops::shares::{Room, Share, Shares};

use crate::http::Refusal;
use crate::http1::Incoming;
use crate::settings::WireSettings;

/// What bodies that are still coming in may take in all.
const MAX_BYTES: u64 = 64 * 1024 * 1024;
/// What each counts for besides its bytes: its headers and whatever keeps its place. Over HTTP/2 a connection can have
/// a hundred of them (R121).
const PLACE_BYTES: u64 = 8 * 1024;

/// What bodies take that are still coming in.
#[derive(Debug, Default)]
pub(crate) struct Bodies(Arc<Shares>);

impl Bodies {
    /// The whole body.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn read<B: Incoming>(
        &self,
        body: B,
        source: Source,
        settings: &WireSettings,
    ) -> Result<Bytes, Refusal<'static>> {
        if body.is_end_stream() {
            return Ok(Bytes::new());
        }
        let limit = settings.body_bytes;
        if body.size_hint().lower() > limit as u64 {
            return Err(Refusal::BodyTooLarge);
        }
        let mut whole = pin!(self.collect(body, source, limit));
        // Most bodies have come with their headers and need no timer.
        match poll_fn(|context| Poll::Ready(whole.as_mut().poll(context))).await {
            Poll::Ready(read) => read,
            Poll::Pending => {
                tokio::time::timeout(settings.body_timeout, whole).await.unwrap_or(Err(Refusal::BodyTooSlow))
            }
        }
    }

    /// A body in one piece. Pieces are copied together as they come: each would hold on to the buffer that it came in,
    /// and a client may send them byte by byte.
    async fn collect<B: Incoming>(
        &self,
        body: B,
        source: Source,
        limit: usize,
    ) -> Result<Bytes, Refusal<'static>> {
        let mut body = pin!(body);
        let mut whole = BytesMut::new();
        let mut place: Option<Share> = None;
        loop {
            let mut next =
                poll_fn(|context| body.as_mut().poll_frame(context).map_err(|_| Refusal::BodyBroken));
            let frame = match poll_fn(|context| Poll::Ready(Pin::new(&mut next).poll(context))).await {
                Poll::Ready(frame) => frame,
                Poll::Pending => {
                    if place.is_none() {
                        let bytes = PLACE_BYTES + whole.len() as u64;
                        place = Some(self.0.take(source, bytes, room).map_err(too_many)?);
                    }
                    next.await
                }
            };
            let Some(frame) = frame else { return Ok(whole.freeze()) };
            let Ok(data) = frame?.into_data() else { continue };
            if whole.len() + data.len() > limit {
                return Err(Refusal::BodyTooLarge);
            }
            if whole.is_empty() && body.is_end_stream() {
                return Ok(data);
            }
            if let Some(place) = &mut place {
                place.grow(data.len() as u64, room).map_err(too_many)?;
            }
            whole.extend_from_slice(&data);
        }
    }
}

fn room(taken: u64) -> Room {
    Room::shared(MAX_BYTES.saturating_sub(taken))
}

/// There is no room to wait in.
fn too_many(_: u64) -> Refusal<'static> {
    Refusal::BodyTooSlow
}
