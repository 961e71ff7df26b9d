//! Replies: a status, a body in the exact media type that a document wants, a few headers.

use bytes::Bytes;
use countersign_model::limit::RetryAfter;
use http::header::{self, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use http_body_util::Full;
use serde::Serialize;

/// `application/json` without a parameter, as 004's clients compare it byte by byte (004-29).
const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// The spelling of 001-02.
const JSON_UTF8: HeaderValue = HeaderValue::from_static("application/json; charset=UTF-8");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// A reply on its way out. The service adds the headers that every reply bears, among them
/// `Cache-Control: no-store` wherever a reply does not set that header itself.
#[derive(Debug)]
pub struct Reply(Response<Full<Bytes>>);

impl Reply {
    /// Without a body.
    pub fn empty(status: StatusCode) -> Reply {
        let mut response = Response::new(Full::new(Bytes::new()));
        *response.status_mut() = status;
        Reply(response)
    }

    /// With a body of the given type.
    pub fn bytes(status: StatusCode, content_type: HeaderValue, body: impl Into<Bytes>) -> Reply {
        let mut response = Response::new(Full::new(body.into()));
        *response.status_mut() = status;
        response.headers_mut().insert(header::CONTENT_TYPE, content_type);
        Reply(response)
    }

    /// `application/json`.
    pub fn json(status: StatusCode, value: &impl Serialize) -> Reply {
        Reply::serialized(status, JSON, value)
    }

    /// `application/json; charset=UTF-8`.
    pub fn json_utf8(status: StatusCode, value: &impl Serialize) -> Reply {
        Reply::serialized(status, JSON_UTF8, value)
    }

    /// `{"message": …}`, the form of 000, of 003 and of paths that belong to no surface.
    pub fn message(status: StatusCode, text: &str) -> Reply {
        #[derive(Serialize)]
        struct Message<'a> {
            message: &'a str,
        }
        Reply::json(status, &Message { message: text })
    }

    /// A page.
    pub fn html(status: StatusCode, page: String) -> Reply {
        Reply::bytes(status, HTML, page)
    }

    /// Plain text.
    pub fn text(status: StatusCode, text: impl Into<Bytes>) -> Reply {
        Reply::bytes(status, TEXT, text)
    }

    fn serialized(status: StatusCode, content_type: HeaderValue, value: &impl Serialize) -> Reply {
        // Only a map with keys that are no texts, or a failing `Serialize`, cannot be written.
        let mut body = Vec::with_capacity(512);
        match serde_json::to_writer(&mut body, value) {
            Ok(()) => Reply::bytes(status, content_type, body),
            Err(_) => Reply::empty(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }

    /// Sets a header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Reply {
        self.0.headers_mut().insert(name, value);
        self
    }

    /// `Cache-Control: no-store`. Every reply bears it unless it sets another; replies with
    /// a token say so themselves.
    #[must_use]
    pub fn no_store(self) -> Reply {
        self.header(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))
    }

    /// `Retry-After` in seconds (RFC 9110 §10.2.3).
    #[must_use]
    pub fn retry_after(self, after: RetryAfter) -> Reply {
        self.header(header::RETRY_AFTER, HeaderValue::from(after.seconds()))
    }

    /// `WWW-Authenticate`, which every 401 must bear (RFC 9110 §15.5.2, X-12). Never `Basic`:
    /// browsers would ask for a password in a window of their own.
    #[must_use]
    pub fn challenge(self, scheme: &'static str) -> Reply {
        self.header(header::WWW_AUTHENTICATE, HeaderValue::from_static(scheme))
    }

    /// 303: the browser goes on with a GET, whatever it has sent.
    pub fn see_other(location: &str) -> Reply {
        Reply::moved(StatusCode::SEE_OTHER, location)
    }

    /// 302: the answer to a GET of the authorization endpoint.
    pub fn found(location: &str) -> Reply {
        Reply::moved(StatusCode::FOUND, location)
    }

    fn moved(status: StatusCode, location: &str) -> Reply {
        match HeaderValue::from_str(location) {
            Ok(location) => Reply::empty(status).header(header::LOCATION, location),
            Err(_) => Reply::empty(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }

    /// One more `Set-Cookie`.
    #[must_use]
    pub fn set_cookie(mut self, cookie: &str) -> Reply {
        if let Ok(mut value) = HeaderValue::from_str(cookie) {
            value.set_sensitive(true);
            self.0.headers_mut().append(header::SET_COOKIE, value);
        }
        self
    }

    /// Anybody may keep it for so many seconds.
    #[must_use]
    pub fn cached(self, seconds: u32) -> Reply {
        let value = HeaderValue::from_str(&format!("public, max-age={seconds}"));
        self.header(header::CACHE_CONTROL, value.unwrap_or(HeaderValue::from_static("no-store")))
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.0.status()
    }

    /// What is sent.
    pub fn into_response(self) -> Response<Full<Bytes>> {
        self.0
    }
}
