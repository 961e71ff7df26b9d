//! Requests of HTTP/1.1: read the same in whatever pieces they come, and whatever is taken another server (hyper) reads
//! the same, so that no proxy in front sees other requests than this server (R122).
#![no_main]

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll};

use bytes::Bytes;
use countersign_wire::http1::{self, Incoming, Respond, Stop};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use libfuzzer_sys::fuzz_target;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A client that sends so many bytes at once, and takes all that comes back.
struct Client<'i> {
    left: &'i [u8],
    piece: usize,
}

impl AsyncRead for Client<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let count = self.piece.min(self.left.len()).min(into.remaining());
        let (now, left) = self.left.split_at(count);
        into.put_slice(now);
        self.left = left;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Client<'_> {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// What was read: the request without its body, and its body if it came whole.
type Read = (String, Option<Bytes>);

/// Notes what it is asked.
#[derive(Default)]
struct Notes(Mutex<Vec<Read>>);

impl Notes {
    fn taken(self) -> Vec<Read> {
        self.0.into_inner().expect("no panic")
    }
}

impl Respond for Notes {
    fn head_has_begun(&self) {}

    async fn respond<B: Incoming>(&self, request: Request<B>) -> Response<Full<Bytes>> {
        let (parts, body) = request.into_parts();
        let head = format!("{:?} {} {} {:?}", parts.version, parts.method, parts.uri, parts.headers);
        let body = Box::pin(body).collect().await.ok().map(|body| body.to_bytes());
        self.0.lock().expect("no panic").push((head, body));
        Response::new(Full::new(Bytes::new()))
    }
}

async fn read_here(input: &[u8], piece: usize) -> Vec<Read> {
    let notes = Notes::default();
    let _ = http1::serve(Client { left: input, piece }, &notes, &Stop::default()).await;
    notes.taken()
}

async fn read_by_hyper(input: &[u8]) -> Vec<Read> {
    let notes = Notes::default();
    let client = TokioIo::new(Client { left: input, piece: input.len() });
    let service = service_fn(|request| async { Ok::<_, Infallible>(notes.respond(request).await) });
    // Otherwise the end of the input would be taken for a client that waits for no answer.
    let served =
        Builder::new().half_close(true).max_header_size(64 * 1024).serve_connection(client, service).await;
    drop(served);
    notes.taken()
}

fuzz_target!(|input: &[u8]| {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(async {
        let whole = read_here(input, input.len()).await;
        for piece in [1, 7] {
            assert_eq!(read_here(input, piece).await, whole, "in pieces of {piece}");
        }
        let elsewhere = read_by_hyper(input).await;
        for (place, here) in whole.iter().enumerate() {
            let (head, body) = here;
            assert!(body.is_some() || place + 1 == whole.len(), "something follows a broken body: {whole:?}");
            match elsewhere.get(place) {
                // What is refused here may be taken there.
                Some(there) => {
                    assert!(here == there || body.is_none() && *head == there.0, "{here:?}, {there:?}")
                }
                // It answers a client of HTTP/1.0 once.
                None => assert!(whole.iter().any(|(head, _)| head.starts_with("HTTP/1.0")), "{whole:?}"),
            }
        }
    });
});
