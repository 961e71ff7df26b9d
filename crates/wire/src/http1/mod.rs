//! HTTP/1.1 on one connection (RFC 9112): a request is read, answered and followed by the next.
//!
//! Our own, since every request passes it and since what is read in two ways must not be read at all (R122;
//! docs/decisions/0010-http1.md). It knows what small requests and whole answers need, and nothing else: no
//! upgrades, no tunnels, no answers that stream. What is malformed ends the connection with an answer.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::Full;
use tokio::io::{AsyncRead, AsyncWrite};

mod answer;
mod body;
mod chunks;
mod head;
mod link;

pub use self::body::Incoming;

use self::answer::{Answer, Wants};
use self::body::RequestBody;
use self::head::{Head, Malformed};
use self::link::{Link, NoHead};

/// What answers the requests of a connection.
pub trait Respond {
    /// A request has begun to come in, and more of its head is waited for. May be told several times.
    fn head_has_begun(&self);

    /// The answer to a request. It is given up if the client closes the connection before it is ready.
    fn respond<B: Incoming>(&self, request: Request<B>)
    -> impl Future<Output = Response<Full<Bytes>>> + Send;
}

/// Asks a connection to end: after the answer in the making, or at once if there is none.
#[derive(Debug, Default)]
pub struct Stop(AtomicBool);

impl Stop {
    /// Asks. The connection looks when it is polled next.
    pub fn ask(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Serves a connection until either side ends it. It keeps no time: whoever runs it drops it when it is too slow.
///
/// # Errors
/// What broke the connection.
pub async fn serve<S, R>(stream: S, respond: &R, stop: &Stop) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
    R: Respond,
{
    let link = Mutex::new(Link::new(stream));
    let mut answer = Answer::default();
    loop {
        let read = poll_fn(|context| {
            let mut link = lock(&link);
            let read = link.poll_head(context, stop);
            if read.is_pending() && link.has_input() {
                respond.head_has_begun();
            }
            read
        });
        let read = read.await;
        let head = match read {
            Ok(head) => head,
            Err(NoHead::End) => return link::close(&link).await,
            Err(NoHead::Broken(error)) => return Err(error),
            Err(NoHead::Malformed(malformed)) => return refuse(&link, &mut answer, malformed).await,
        };
        let Head { request, framing, persists, expects_leave } = head;
        let wants = Wants { is_head: *request.method() == Method::HEAD, version: request.version() };
        lock(&link).begin_body(framing, expects_leave);
        next_in_line().await;
        let Some(response) = answered(&link, respond, request).await else { return Ok(()) };
        let is_whole = lock(&link).skip_body();
        let goes_on = persists && is_whole && !stop.is_asked();
        next_in_line().await;
        answer.write(&link, response, &wants, goes_on).await?;
        if !goes_on {
            let is_done = is_whole && !lock(&link).has_input();
            return if is_done { link::close(&link).await } else { link::linger(&link).await };
        }
    }
}

/// The answer, or none if the client is gone before.
async fn answered<S, R>(
    link: &Mutex<Link<S>>,
    respond: &R,
    request: Request<()>,
) -> Option<Response<Full<Bytes>>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
    R: Respond,
{
    let request = request.map(|()| RequestBody::of(link));
    let mut answering = pin!(respond.respond(request));
    poll_fn(|context| match answering.as_mut().poll(context) {
        Poll::Ready(response) => Poll::Ready(Some(response)),
        Poll::Pending => lock(link).poll_gone(context).map(|()| None),
    })
    .await
}

/// Lets the other connections of this thread come as far as this one. Requests that came in together are then all
/// read, all answered and all sent one after the other, and what each of the three needs stays in the processor's
/// caches (docs/decisions/0008-hot-path.md).
async fn next_in_line() {
    let mut is_first = true;
    poll_fn(|context| match std::mem::take(&mut is_first) {
        true => {
            context.waker().wake_by_ref();
            Poll::Pending
        }
        false => Poll::Ready(()),
    })
    .await;
}

async fn refuse<S>(link: &Mutex<Link<S>>, answer: &mut Answer, malformed: Malformed) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    answer.write(link, malformed.response(), &Wants::MALFORMED, false).await?;
    link::linger(link).await
}

/// Only ever taken for a moment, and by nobody else at that moment: the body of a request and the loop above are
/// polled by one task.
fn lock<S>(link: &Mutex<Link<S>>) -> MutexGuard<'_, Link<S>> {
    link.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
