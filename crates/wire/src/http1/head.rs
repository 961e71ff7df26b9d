//! The head of a request: its line and its header fields, read in one way or not at all (RFC 9112 sections 2 to 6).

use std::mem::MaybeUninit;

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode, Uri, Version};
use http_body_util::Full;

use super::chunks::Chunks;
use crate::http::Reply;

/// The most header fields.
pub(super) const FIELDS: usize = 100;
/// An 8 KiB request line and a 16 KiB header block (R119); the surfaces refuse each in their form, this refuses
/// both together.
pub(super) const MAX_BYTES: usize = 24 * 1024 + 512;

/// What cannot be read as a request. The connection ends with the answer: nobody knows where a next one would begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// RFC 9112 section 2.2 would let a recipient take it; a proxy in front may not, and see another request.
    #[error("A line of the request does not end in CR LF.")]
    BareLineFeed,
    /// Not a method, a target and a version, which is 1.0 or 1.1.
    #[error("The request line is not one of HTTP/1.1.")]
    RequestLine,
    /// Not a name, a colon and a value; or folded.
    #[error("A header line is malformed.")]
    Field,
    /// More than [`FIELDS`], or more bytes than may be.
    #[error("The address and the headers of the request are too large.")]
    TooLarge,
    /// Not a number, or more than one (RFC 9112 section 6.3 rule 5 lets a recipient take equal ones; refused, like a list).
    #[error("The Content-Length of the request is not one number.")]
    Length,
    /// Anything but `chunked`, or in HTTP/1.0.
    #[error("The only transfer coding here is chunked, in HTTP/1.1.")]
    Coding,
    /// Both (RFC 9112 section 6.1).
    #[error("The request has both Content-Length and Transfer-Encoding.")]
    LengthAndCoding,
}

impl Malformed {
    fn status(self) -> StatusCode {
        match self {
            Malformed::TooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Malformed::BareLineFeed
            | Malformed::RequestLine
            | Malformed::Field
            | Malformed::Length
            | Malformed::Coding
            | Malformed::LengthAndCoding => StatusCode::BAD_REQUEST,
        }
    }

    pub(super) fn response(self) -> Response<Full<Bytes>> {
        Reply::message(self.status(), &self.to_string()).into_response()
    }
}

/// How the end of a body is known (RFC 9112 section 6.3).
#[derive(Debug)]
pub enum Framing {
    /// So many bytes are left.
    Length(u64),
    /// Until the last chunk.
    Chunked(Chunks),
}

/// A head.
#[derive(Debug)]
pub struct Head {
    /// What it says.
    pub request: Request<()>,
    /// What follows it.
    pub framing: Framing,
    /// Whether another request may follow on the connection (RFC 9112 section 9.3).
    pub persists: bool,
    /// Whether the client waits for leave before it sends the body (RFC 9110 section 10.1.1).
    pub expects_leave: bool,
}

/// Looks for the end of a head in what has come so far, each byte once.
#[derive(Debug, Default)]
pub struct Scan {
    /// Where the line begins that has not ended.
    line: usize,
    /// Up to where it was looked at.
    seen: usize,
}

impl Scan {
    /// The length of the head, once all of it is there.
    ///
    /// # Errors
    /// [`Malformed`] for lines that end in no CR LF, and for too many bytes.
    pub fn end(&mut self, bytes: &[u8]) -> Result<Option<usize>, Malformed> {
        while let Some(at) = bytes.get(self.seen..).and_then(|rest| memchr::memchr(b'\n', rest)) {
            let (line, end) = (self.line, self.seen + at);
            if end == line || bytes.get(end - 1) != Some(&b'\r') {
                return Err(Malformed::BareLineFeed);
            }
            (self.line, self.seen) = (end + 1, end + 1);
            if end == line + 1 && line > 0 {
                return if end < MAX_BYTES { Ok(Some(end + 1)) } else { Err(Malformed::TooLarge) };
            }
        }
        self.seen = bytes.len();
        if bytes.len() <= MAX_BYTES { Ok(None) } else { Err(Malformed::TooLarge) }
    }
}

/// Reads a whole head, as [`Scan`] has found it.
///
/// # Errors
/// [`Malformed`].
pub fn read(bytes: &Bytes) -> Result<Head, Malformed> {
    let mut fields = [const { MaybeUninit::uninit() }; FIELDS];
    let mut parsed = httparse::Request::new(&mut []);
    let is_whole = parsed.parse_with_uninit_headers(bytes, &mut fields).map_err(|error| match error {
        httparse::Error::HeaderName | httparse::Error::HeaderValue => Malformed::Field,
        httparse::Error::TooManyHeaders => Malformed::TooLarge,
        httparse::Error::NewLine
        | httparse::Error::Status
        | httparse::Error::Token
        | httparse::Error::Version => Malformed::RequestLine,
    })?;
    let (httparse::Status::Complete(length), Some(method), Some(target), Some(minor)) =
        (is_whole, parsed.method, parsed.path, parsed.version)
    else {
        return Err(Malformed::RequestLine);
    };
    if length != bytes.len() || !is_target(method, target) {
        return Err(Malformed::RequestLine);
    }
    let mut request = Request::new(());
    *request.method_mut() = Method::from_bytes(method.as_bytes()).map_err(|_| Malformed::RequestLine)?;
    *request.uri_mut() =
        Uri::from_maybe_shared(bytes.slice_ref(target.as_bytes())).map_err(|_| Malformed::RequestLine)?;
    *request.version_mut() = if minor == 0 { Version::HTTP_10 } else { Version::HTTP_11 };
    let mut says = Says::default();
    let headers = request.headers_mut();
    headers.reserve(parsed.headers.len());
    for field in parsed.headers.iter() {
        let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| Malformed::Field)?;
        says.read(&name, field.value)?;
        let value =
            HeaderValue::from_maybe_shared(bytes.slice_ref(field.value)).map_err(|_| Malformed::Field)?;
        headers.append(name, value);
    }
    let version = request.version();
    Ok(Head {
        framing: says.framing(version)?,
        persists: says.persists(version),
        expects_leave: says.expects_leave && version == Version::HTTP_11,
        request,
    })
}

/// A path or a URL (RFC 9112 section 3.2), or the `*` of OPTIONS. Not what a reader of URLs would cut off or a proxy
/// take for something else: a fragment, another scheme, letters beyond ASCII.
fn is_target(method: &str, target: &str) -> bool {
    let has_scheme =
        |scheme: &str| target.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    let has_form = target.starts_with('/') || has_scheme("http://") || has_scheme("https://");
    (has_form || method == "OPTIONS" && target == "*") && target.is_ascii() && !target.contains('#')
}

/// What the fields say about the connection, read as they pass.
#[derive(Debug, Default)]
struct Says {
    length: Option<u64>,
    /// How many transfer codings, and whether the last one is `chunked`.
    codings: usize,
    is_chunked: bool,
    closes: bool,
    keeps: bool,
    expects_leave: bool,
}

impl Says {
    fn read(&mut self, name: &HeaderName, value: &[u8]) -> Result<(), Malformed> {
        if name == header::CONTENT_LENGTH {
            if self.length.replace(length(value)?).is_some() {
                return Err(Malformed::Length);
            }
        } else if name == header::TRANSFER_ENCODING {
            self.codings += 1;
            self.is_chunked = value.eq_ignore_ascii_case(b"chunked");
        } else if name == header::CONNECTION {
            for option in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
                self.closes |= option.eq_ignore_ascii_case(b"close");
                self.keeps |= option.eq_ignore_ascii_case(b"keep-alive");
            }
        } else if name == header::EXPECT {
            self.expects_leave |= value.eq_ignore_ascii_case(b"100-continue");
        }
        Ok(())
    }

    fn framing(&self, version: Version) -> Result<Framing, Malformed> {
        match (self.codings, self.length) {
            (0, length) => Ok(Framing::Length(length.unwrap_or(0))),
            (_, Some(_)) => Err(Malformed::LengthAndCoding),
            (1, None) if self.is_chunked && version == Version::HTTP_11 => {
                Ok(Framing::Chunked(Chunks::default()))
            }
            (_, None) => Err(Malformed::Coding),
        }
    }

    fn persists(&self, version: Version) -> bool {
        !self.closes && (self.keeps || version == Version::HTTP_11)
    }
}

fn length(value: &[u8]) -> Result<u64, Malformed> {
    let digits =
        std::str::from_utf8(value).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    digits.and_then(|digits| digits.parse().ok()).ok_or(Malformed::Length)
}
