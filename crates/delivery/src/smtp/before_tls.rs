//! The stream under a connection that starts in plain text.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// The first byte of every TLS handshake record (RFC 8446 §5.1), with which no SMTP command starts.
const HANDSHAKE: u8 = 0x16;

/// Hands out one byte at a time until TLS starts.
///
/// Otherwise the reader above would take along what follows the answer to STARTTLS, and hold it for
/// replies that came over TLS: whoever is on the way could say all that the server has to say
/// (CVE-2021-33515 and its kind). So it stays here, where it makes the handshake fail.
#[derive(Debug)]
pub(super) struct BeforeTls {
    tcp: TcpStream,
    in_plain_text: bool,
}

impl BeforeTls {
    pub(super) fn new(tcp: TcpStream) -> BeforeTls {
        BeforeTls { tcp, in_plain_text: true }
    }
}

impl AsyncRead for BeforeTls {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.in_plain_text || into.remaining() == 0 {
            return Pin::new(&mut this.tcp).poll_read(context, into);
        }
        let mut byte = [0];
        let mut one = ReadBuf::new(&mut byte);
        ready!(Pin::new(&mut this.tcp).poll_read(context, &mut one))?;
        into.put_slice(one.filled());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for BeforeTls {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if bytes.first() == Some(&HANDSHAKE) {
            this.in_plain_text = false;
        }
        Pin::new(&mut this.tcp).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_shutdown(context)
    }
}

impl AsyncTokioStream for BeforeTls {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.peer_addr()
    }
}
