//! One connection: handshake, then lines and their answers in order, until either side is done.

use std::sync::Arc;
use std::time::Duration;

use countersign_model::time::Stopwatch;
use countersign_ops::{Core, Source};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::command;
use super::frame::{FrameError, Frames};
use super::listener::LineSettings;
use super::reply::{Refusal, Reply};
use super::request::{self, ParseError};
use crate::http::RequestIds;
use crate::metrics::Metrics;

/// What a connection works with.
pub struct Context {
    /// The operations.
    pub core: Arc<Core>,
    /// Bounds.
    pub settings: LineSettings,
    /// Counts requests.
    pub metrics: Arc<Metrics>,
    /// Turns true when the server stops.
    pub shutdown: watch::Receiver<bool>,
    /// Names requests.
    pub(crate) request_ids: Arc<RequestIds>,
    /// Who is connected.
    pub source: Source,
}

/// How long a client that is being closed gets to read its last answer.
const LINGER: Duration = Duration::from_secs(1);

/// How much more of what it sends is read meanwhile.
const LINGER_MAX_BYTES: usize = 64 * 1024;

/// Whether the conversation goes on after an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Listen,
    Close,
}

/// Serves one connection to its end.
pub async fn serve(socket: TcpStream, tls: TlsAcceptor, mut context: Context) {
    let age = Stopwatch::start();
    // Answers are small and the client waits for each.
    let _ = socket.set_nodelay(true);
    let handshake = timeout(context.settings.handshake, tls.accept(socket));
    let mut stream = tokio::select! {
        () = stopped(&mut context.shutdown) => return,
        accepted = handshake => match accepted {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return tracing::debug!(%error, "line: no handshake"),
            Err(_) => return tracing::debug!("line: handshake took too long"),
        },
    };
    if let Err(error) = converse(&mut stream, &mut context, age).await {
        tracing::debug!(%error, "line: connection ended");
    }
    close(&mut stream).await;
}

/// Completes when the server stops.
pub async fn stopped(shutdown: &mut watch::Receiver<bool>) {
    // A sender that is gone means the same.
    let _ = shutdown.wait_for(|stop| *stop).await;
}

/// Answers line after line. The next line is read only once the answer to the last has been taken,
/// so a client that pipelines holds up nobody but itself.
async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    context: &mut Context,
    age: Stopwatch,
) -> Result<(), FrameError> {
    let mut frames = Frames::new(context.settings.deadlines, age.elapsed());
    loop {
        let line = tokio::select! {
            biased;
            () = stopped(&mut context.shutdown) => return Ok(()),
            line = frames.next_line(stream) => line,
        };
        let (reply, next) = match line {
            Ok(Some(line)) => match answer(context, line).await {
                Some(answered) => answered,
                None => continue,
            },
            Ok(None) => return Ok(()),
            Err(FrameError::TooLong) => (Reply::Refused(Refusal::Syntax(Vec::new())), Next::Close),
            Err(error) => return Err(error),
        };
        send(stream, &reply, context.settings.deadlines.line).await?;
        if next == Next::Close {
            return Ok(());
        }
    }
}

/// The answer to one line; `None` to a blank one.
async fn answer(context: &Context, line: &[u8]) -> Option<(Reply, Next)> {
    let stopwatch = Stopwatch::start();
    let request = request::parse(line).transpose()?;
    let (request_id, _) = context.request_ids.next();
    let (command, reply, next) = match request {
        Ok(request) => {
            let command = request.command();
            (command, request_id.scope(command::obey(context, request)).await, Next::Listen)
        }
        Err(error) => {
            let next = if error == ParseError::Garbage { Next::Close } else { Next::Listen };
            ("none", Reply::Refused(error.into()), next)
        }
    };
    context.metrics.line.answered(command, &reply);
    let micros = u64::try_from(stopwatch.elapsed().as_micros()).unwrap_or(u64::MAX);
    tracing::debug!(%request_id, command, outcome = reply.outcome(), micros, "line: request answered");
    Some((reply, next))
}

async fn send<S: AsyncWrite + Unpin>(
    stream: &mut S,
    reply: &Reply,
    deadline: Duration,
) -> Result<(), FrameError> {
    let line = reply.to_line();
    let sent = timeout(deadline, async {
        stream.write_all(line.reveal().as_bytes()).await?;
        stream.flush().await
    });
    Ok(sent.await.map_err(|_| FrameError::Late)??)
}

/// Ends our side, then reads on for a moment: a socket closed with unread bytes is reset, and a
/// reset can destroy the last answer before the client has read it.
async fn close<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) {
    let mut discarded = [0; 4096];
    let lingered = timeout(LINGER, async {
        stream.shutdown().await?;
        let mut total = 0;
        while total < LINGER_MAX_BYTES {
            match stream.read(&mut discarded).await? {
                0 => break,
                count => total += count,
            }
        }
        Ok::<(), std::io::Error>(())
    });
    // The connection is over whatever comes of it.
    let _ = lingered.await;
}
