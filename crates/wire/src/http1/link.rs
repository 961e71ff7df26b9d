//! The two directions of a connection: what came in and was not read yet, and writing.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Mutex;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

use super::body::BodyError;
use super::head::{self, Framing, Head, Malformed, Scan};
use super::{Stop, lock};

/// Read at once, unless more is known to come.
const READ_BYTES: usize = 4 * 1024;
/// A buffer with less room than this is replaced, and not before: a piece that somebody keeps holds on to the whole
/// buffer that it came in.
const ROOM_BYTES: usize = 1024;
/// So much of next requests is taken while one is answered.
const AHEAD_MAX_BYTES: usize = 16 * 1024;
/// After a last answer the client may still be sending, and would lose the answer if the connection were cut off.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 1024 * 1024;

pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// Why there is no next request.
#[derive(Debug)]
pub enum NoHead {
    /// One side has ended the connection.
    End,
    /// It broke.
    Broken(io::Error),
    /// What came is none.
    Malformed(Malformed),
}

/// A connection.
#[derive(Debug)]
pub struct Link<S> {
    stream: S,
    /// What came in and belongs to nothing yet.
    input: BytesMut,
    scan: Scan,
    /// What is left of the present request's body.
    body: Framing,
    /// What the client waits for before it sends the body (RFC 9110 section 10.1.1), as far as it was not said yet.
    to_say: &'static [u8],
    /// Whether it was said and may not have gone out.
    flushes: bool,
    /// Whether the buffer was made for a large body.
    is_large: bool,
    has_ended: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Link<S> {
    pub fn new(stream: S) -> Link<S> {
        Link {
            stream,
            input: BytesMut::new(),
            scan: Scan::default(),
            body: Framing::Length(0),
            to_say: b"",
            flushes: false,
            is_large: false,
            has_ended: false,
        }
    }

    /// The next request's head.
    pub fn poll_head(&mut self, context: &mut Context<'_>, stop: &Stop) -> Poll<Result<Head, NoHead>> {
        loop {
            match self.scan.end(&self.input) {
                Ok(Some(length)) => {
                    self.scan = Scan::default();
                    let head = self.input.split_to(length).freeze();
                    return Poll::Ready(head::read(&head).map_err(NoHead::Malformed));
                }
                Ok(None) => {}
                Err(malformed) => return Poll::Ready(Err(NoHead::Malformed(malformed))),
            }
            // An empty line may follow a request, and begins none.
            let is_idle = self.input.is_empty() || *self.input == b"\r\n"[..];
            if self.has_ended || is_idle && stop.is_asked() {
                return Poll::Ready(Err(NoHead::End));
            }
            // A connection may be idle for long.
            if self.input.is_empty() && std::mem::take(&mut self.is_large) {
                self.input = BytesMut::new();
            }
            ready!(self.poll_fill(context, usize::MAX)).map_err(NoHead::Broken)?;
        }
    }

    /// The request's body is what comes next, once the client has leave to send it, if it expects that.
    pub fn begin_body(&mut self, framing: Framing, expects_leave: bool) {
        self.body = framing;
        let waits = expects_leave && self.input.is_empty() && !self.body_is_over();
        self.to_say = if waits { CONTINUE } else { b"" };
    }

    /// How many bytes the body still has, if that is known.
    pub fn body_length(&self) -> Option<u64> {
        match self.body {
            Framing::Length(left) => Some(left),
            Framing::Chunked(_) => None,
        }
    }

    fn body_is_over(&self) -> bool {
        matches!(self.body, Framing::Length(0))
    }

    /// The next piece of the body.
    pub fn poll_body(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        loop {
            match self.buffered_body() {
                Ok(Some(piece)) => return Poll::Ready(Some(Ok(piece))),
                Ok(None) if self.body_is_over() => return Poll::Ready(None),
                Ok(None) => {}
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
            if self.has_ended {
                return Poll::Ready(Some(Err(BodyError::Ended)));
            }
            if ready!(self.poll_say(context)).is_err() || ready!(self.poll_fill(context, usize::MAX)).is_err()
            {
                return Poll::Ready(Some(Err(BodyError::Ended)));
            }
        }
    }

    /// Says what the client waits for.
    fn poll_say(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.to_say.is_empty() {
            let count = ready!(Pin::new(&mut self.stream).poll_write(context, self.to_say))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.to_say = self.to_say.get(count..).unwrap_or_default();
            self.flushes = true;
        }
        if self.flushes {
            ready!(Pin::new(&mut self.stream).poll_flush(context))?;
            self.flushes = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Nothing is said to who has not begun to wait; what was begun is said to its end.
    fn say_no_more(&mut self) {
        if self.to_say.len() == CONTINUE.len() {
            self.to_say = b"";
        }
    }

    /// What of the body has come in. None is no end: more may come.
    fn buffered_body(&mut self) -> Result<Option<Bytes>, BodyError> {
        match &mut self.body {
            Framing::Length(left) => {
                let count = usize::try_from(*left).unwrap_or(usize::MAX).min(self.input.len());
                *left -= count as u64;
                Ok((count > 0).then(|| self.input.split_to(count).freeze()))
            }
            Framing::Chunked(chunks) => {
                let mut data = BytesMut::new();
                let is_over = chunks.take(&mut self.input, &mut data).map_err(|_| BodyError::Chunks)?;
                if is_over {
                    self.body = Framing::Length(0);
                }
                Ok((!data.is_empty()).then(|| data.freeze()))
            }
        }
    }

    /// Leaves out what of the body nobody has read. Whether all of it has come in, so that a next request can follow.
    pub fn skip_body(&mut self) -> bool {
        while let Ok(Some(_)) = self.buffered_body() {}
        self.body_is_over()
    }

    /// Ready once the client has closed the connection, of whose next requests some may come in before. While the
    /// body is not read that is for the body to find.
    pub fn poll_gone(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while self.body_is_over() && self.input.len() < AHEAD_MAX_BYTES {
            let at_most = AHEAD_MAX_BYTES - self.input.len();
            if self.has_ended || ready!(self.poll_fill(context, at_most)).is_err() {
                return Poll::Ready(());
            }
        }
        Poll::Pending
    }

    /// Whether something came in that belongs to nothing yet.
    pub fn has_input(&self) -> bool {
        !self.input.is_empty()
    }

    fn poll_fill(&mut self, context: &mut Context<'_>, at_most: usize) -> Poll<io::Result<()>> {
        if self.input.capacity() - self.input.len() < ROOM_BYTES {
            // What is known to come is read together.
            let expected = self.body_length().and_then(|left| usize::try_from(left).ok()).unwrap_or(0);
            self.is_large |= expected > READ_BYTES;
            self.input.reserve(expected.clamp(READ_BYTES, 16 * READ_BYTES));
        }
        let mut room = (&mut self.input).limit(at_most);
        let count = ready!(pin!(self.stream.read_buf(&mut room)).poll(context))?;
        self.has_ended = count == 0;
        Poll::Ready(Ok(()))
    }
}

/// Writes all of it.
pub async fn write<S: AsyncRead + AsyncWrite + Unpin>(
    link: &Mutex<Link<S>>,
    mut bytes: &[u8],
) -> io::Result<()> {
    poll_fn(|context| {
        let mut link = lock(link);
        link.say_no_more();
        ready!(link.poll_say(context))?;
        while !bytes.is_empty() {
            let count = ready!(Pin::new(&mut link.stream).poll_write(context, bytes))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            bytes.advance(count);
        }
        Pin::new(&mut link.stream).poll_flush(context)
    })
    .await
}

/// Tells the client that nothing more will come.
pub async fn close<S: AsyncWrite + Unpin>(link: &Mutex<Link<S>>) -> io::Result<()> {
    poll_fn(|context| Pin::new(&mut lock(link).stream).poll_shutdown(context)).await
}

/// As [`close`], and lets the client finish what it is sending, within bounds.
pub async fn linger<S: AsyncRead + AsyncWrite + Unpin>(link: &Mutex<Link<S>>) -> io::Result<()> {
    close(link).await?;
    let mut left = LINGER_BYTES;
    let rest = poll_fn(|context| {
        let mut link = lock(link);
        while left > 0 && !link.has_ended {
            link.input.clear();
            ready!(link.poll_fill(context, usize::MAX))?;
            left = left.saturating_sub(link.input.len());
        }
        Poll::Ready(Ok(()))
    });
    tokio::time::timeout(LINGER, rest).await.unwrap_or(Ok(()))
}
