//! A client of the line protocol (document 002): requests and replies are lines over TLS.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};

use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};

use crate::{source, tls};

/// One TLS connection to the line listener.
pub struct LineClient {
    stream: StreamOwned<ClientConnection, TcpStream>,
    /// What was received beyond the last line.
    pending: Vec<u8>,
}

impl LineClient {
    /// Connects from a fresh source address.
    pub fn connect(server: SocketAddr) -> Self {
        Self::connect_from(source::fresh(), server)
    }

    /// Connects from a chosen source address; the handshake is done when this returns.
    pub fn connect_from(source: Ipv4Addr, server: SocketAddr) -> Self {
        Self::try_connect(source, server).expect("a TLS handshake with the line listener")
    }

    /// Connects; an error when the server refuses.
    pub fn try_connect(source: Ipv4Addr, server: SocketAddr) -> io::Result<Self> {
        let name = ServerName::try_from("localhost").expect("a name");
        let mut connection = ClientConnection::new(tls::trusting_client(), name).map_err(io::Error::other)?;
        let mut socket = source::connect(source, server)?;
        while connection.is_handshaking() {
            connection.complete_io(&mut socket)?;
        }
        Ok(Self { stream: StreamOwned::new(connection, socket), pending: Vec::new() })
    }

    /// Whether the server showed a certificate, and the protocol version that was agreed on.
    pub fn handshake(&self) -> (bool, Option<rustls::ProtocolVersion>) {
        let shown = self.stream.conn.peer_certificates().is_some_and(|chain| !chain.is_empty());
        (shown, self.stream.conn.protocol_version())
    }

    /// Sends one request and reads its one reply.
    pub fn ask(&mut self, request: &str) -> String {
        self.send(format!("{request}\n").as_bytes());
        self.reply().unwrap_or_else(|| panic!("the connection ended instead of a reply to {request:?}"))
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) {
        self.try_send(bytes).expect("the server reads");
    }

    /// Sends bytes as they are; an error when the server has closed.
    pub fn try_send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)?;
        self.stream.flush()
    }

    /// The next reply without its LF; `None` at the end of the connection.
    pub fn reply(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.pending.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.pending.drain(..=end).collect();
                return Some(String::from_utf8(line[..end].to_vec()).expect("a reply in UTF-8"));
            }
            let mut buffer = [0; 4096];
            match self.stream.read(&mut buffer) {
                Ok(0) => return self.end(),
                Ok(count) => self.pending.extend_from_slice(&buffer[..count]),
                // Without close_notify, or reset because the server had unread bytes: an end all the same.
                Err(error) if is_end(&error) => return self.end(),
                Err(error) => panic!("reading a reply: {error}"),
            }
        }
    }

    /// How long a write may block before it is an error.
    pub fn set_write_timeout(&mut self, timeout: std::time::Duration) {
        self.stream.sock.set_write_timeout(Some(timeout)).expect("a timeout that is not zero");
    }

    /// Closes the sending side of the TCP connection after a TLS close, and keeps reading.
    pub fn half_close(&mut self) {
        self.stream.conn.send_close_notify();
        let _ = self.stream.flush();
        let _ = self.stream.sock.shutdown(Shutdown::Write);
    }

    fn end(&self) -> Option<String> {
        assert!(self.pending.is_empty(), "the connection ended within a reply: {:?}", self.pending);
        None
    }
}

fn is_end(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted
    )
}
