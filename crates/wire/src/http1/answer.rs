//! Answers on their way out, each as one piece.

use std::cell::RefCell;
use std::io;
use std::sync::Mutex;
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use countersign_model::time::wall_seconds;
use http::{Response, StatusCode, Version};
use http_body_util::Full;
use tokio::io::{AsyncRead, AsyncWrite};

use super::link::{self, Link};

/// A larger body is sent from where it is, and not copied behind its head.
const COPIED_MAX_BYTES: usize = 16 * 1024;

/// What the request wants of its answer.
#[derive(Clone, Copy, Debug)]
pub struct Wants {
    /// No body (RFC 9110 section 9.3.2).
    pub is_head: bool,
    /// Its version.
    pub version: Version,
}

impl Wants {
    /// What is no request wants a body.
    pub const MALFORMED: Wants = Wants { is_head: false, version: Version::HTTP_11 };
}

/// The space that the answers of a connection are written in, one after the other.
#[derive(Debug, Default)]
pub struct Answer(Vec<u8>);

impl Answer {
    /// Sends an answer, and says in it whether the connection goes on.
    ///
    /// # Errors
    /// What broke the connection.
    pub async fn write<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        link: &Mutex<Link<S>>,
        response: Response<Full<Bytes>>,
        wants: &Wants,
        goes_on: bool,
    ) -> io::Result<()> {
        let (head, body) = response.into_parts();
        let body = body.into_inner().unwrap_or_default();
        self.0.clear();
        self.write_head(&head, body.len(), wants, goes_on);
        if wants.is_head || !has_body(head.status) {
            return link::write(link, &self.0).await;
        }
        if body.len() <= COPIED_MAX_BYTES {
            self.0.extend_from_slice(&body);
            return link::write(link, &self.0).await;
        }
        link::write(link, &self.0).await?;
        link::write(link, &body).await
    }

    fn write_head(&mut self, head: &http::response::Parts, length: usize, wants: &Wants, goes_on: bool) {
        let out = &mut self.0;
        out.extend_from_slice(b"HTTP/1.1 ");
        out.extend_from_slice(head.status.as_str().as_bytes());
        out.push(b' ');
        out.extend_from_slice(head.status.canonical_reason().unwrap_or_default().as_bytes());
        out.extend_from_slice(b"\r\n");
        for (name, value) in &head.headers {
            out.extend_from_slice(name.as_str().as_bytes());
            out.extend_from_slice(b": ");
            out.extend_from_slice(value.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        if has_body(head.status) {
            out.extend_from_slice(b"content-length: ");
            out.extend_from_slice(itoa::Buffer::new().format(length).as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        match (goes_on, wants.version) {
            (false, _) => out.extend_from_slice(b"connection: close\r\n"),
            (true, Version::HTTP_10) => out.extend_from_slice(b"connection: keep-alive\r\n"),
            (true, _) => {}
        }
        out.extend_from_slice(b"date: ");
        write_date(out);
        out.extend_from_slice(b"\r\n\r\n");
    }
}

/// RFC 9110 section 6.4.1. Their answers name no length either (section 8.6).
fn has_body(status: StatusCode) -> bool {
    !matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

/// The second that was last written, and its text.
#[derive(Default)]
struct Date {
    second: u64,
    text: String,
}

thread_local! {
    static DATE: RefCell<Date> = RefCell::default();
}

/// RFC 9110 section 6.6.1.
fn write_date(out: &mut Vec<u8>) {
    let second = wall_seconds();
    DATE.with_borrow_mut(|date| {
        if date.second != second || date.text.is_empty() {
            *date = Date { second, text: httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(second)) };
        }
        out.extend_from_slice(date.text.as_bytes());
    });
}
