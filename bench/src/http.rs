//! A client of HTTP/1.1 over one kept connection, as cheap as can be: it must never be what is measured.

use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A status and a body; nothing else of an answer is looked at.
#[derive(Debug)]
pub struct Answer<'a> {
    pub status: u16,
    pub body: &'a [u8],
}

/// One connection that sends a request and waits for its answer.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    reusable: bool,
}

/// What the header section of an answer says about the rest.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    length: usize,
    close: bool,
}

impl Connection {
    pub async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(4096), reusable: true })
    }

    /// Whether the server keeps the connection for another request.
    pub fn is_reusable(&self) -> bool {
        self.reusable
    }

    /// Sends a whole request and reads its whole answer.
    pub async fn exchange(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        self.reusable = false;
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let end = loop {
            let seen = self.buffer.len().saturating_sub(3);
            self.fill().await?;
            if let Some(end) = self.buffer[seen..].windows(4).position(|four| four == b"\r\n\r\n") {
                break seen + end + 4;
            }
        };
        let head = parse_head(&self.buffer[..end])?;
        while self.buffer.len() < end + head.length {
            self.fill().await?;
        }
        if self.buffer.len() > end + head.length {
            return Err(Error::new(ErrorKind::InvalidData, "more bytes than the answer has"));
        }
        self.reusable = !head.close;
        Ok(Answer { status: head.status, body: &self.buffer[end..] })
    }

    async fn fill(&mut self) -> Result<()> {
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

fn parse_head(bytes: &[u8]) -> Result<Head> {
    let invalid = |what: &str| Error::new(ErrorKind::InvalidData, what.to_owned());
    let text = std::str::from_utf8(bytes).map_err(|_| invalid("header section is not text"))?;
    let mut lines = text.split("\r\n");
    let status = lines
        .next()
        .and_then(|line| line.strip_prefix("HTTP/1.1 "))
        .and_then(|line| line.get(..3))
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| invalid("no status line"))?;
    let mut length = if status == 204 || status == 304 { Some(0) } else { None };
    let mut close = false;
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        if name.eq_ignore_ascii_case("content-length") {
            length = Some(value.trim().parse().map_err(|_| invalid("content-length is not a number"))?);
        } else if name.eq_ignore_ascii_case("connection") {
            close = value.trim().eq_ignore_ascii_case("close");
        }
    }
    let length = length.ok_or_else(|| invalid("no content-length: other framings are not read here"))?;
    Ok(Head { status, length, close })
}

/// A `GET` of a page as a browser of no known language asks for it.
pub fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n").into_bytes()
}

/// A `GET` with the header that 004 asks for.
pub fn get_with_token(path: &str, token: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Token {token}\r\n\r\n").into_bytes()
}

/// A `POST` of a form, with what stands behind `Basic` in the header.
pub fn post_form(path: &str, basic: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {basic}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// A `POST` of a JSON body.
pub fn post_json(path: &str, body: &serde_json::Value) -> Vec<u8> {
    let body = body.to_string();
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_status_length_and_close() {
        let head = parse_head(b"HTTP/1.1 200 OK\r\ncontent-length: 12\r\nConnection: close\r\n\r\n").ok();
        assert_eq!(head, Some(Head { status: 200, length: 12, close: true }));
        let head = parse_head(b"HTTP/1.1 204 No Content\r\n\r\n").ok();
        assert_eq!(head, Some(Head { status: 204, length: 0, close: false }));
        assert!(parse_head(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
    }
}
