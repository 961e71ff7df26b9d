//! The vocabulary of the route table: what a surface exports and the router serves.

use std::future::Future;
use std::pin::Pin;

use http::Method;

use super::{Call, Reply};

/// A reply in the making.
pub type ReplyFuture<'a> = Pin<Box<dyn Future<Output = Reply> + Send + 'a>>;

/// What answers a request. Made by [`handler!`].
pub type Handler = for<'a> fn(&'a Call<'a>) -> ReplyFuture<'a>;

/// Turns `async fn(&Call<'_>) -> Result<Reply, E>` with `Reply: From<E>` into a [`Handler`].
macro_rules! handler {
    ($function:path) => {
        |call| Box::pin(async move { $function(call).await.unwrap_or_else(Into::into) })
    };
}
pub(crate) use handler;

/// How a path is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// GET that changes nothing; HEAD is answered by the same handler.
    Get,
    /// GET that acts, since its document says so: HEAD must not (001-11), so it is refused.
    GetThatActs,
    /// POST.
    Post,
    /// PATCH.
    Patch,
    /// PUT.
    Put,
    /// DELETE.
    Delete,
    /// OPTIONS, where scripts of other origins may ask (CORS).
    Options,
}

impl Verb {
    /// The methods that this verb serves.
    pub fn methods(self) -> &'static [Method] {
        match self {
            Verb::Get => &[Method::GET, Method::HEAD],
            Verb::GetThatActs => &[Method::GET],
            Verb::Post => &[Method::POST],
            Verb::Patch => &[Method::PATCH],
            Verb::Put => &[Method::PUT],
            Verb::Delete => &[Method::DELETE],
            Verb::Options => &[Method::OPTIONS],
        }
    }
}

/// A path of a surface. At most one `{parameter}`, always the last segment, which
/// [`Call::parameter`] gives. Written without a trailing slash: both forms are served.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// The path, without the prefix that the configuration may put before it.
    pub path: &'static str,
    /// What answers it.
    pub handlers: &'static [(Verb, Handler)],
}

/// What the plumbing refuses before or instead of a handler; each surface says it in its own form.
#[derive(Clone, Copy, Debug)]
pub enum Refusal<'a> {
    /// 404: no such path.
    NotFound,
    /// 405; the `Allow` header is added by the router.
    MethodNotAllowed(&'a Method),
    /// 408: the body did not arrive in time.
    BodyTooSlow,
    /// 400: the body broke off.
    BodyBroken,
    /// 413: the body is over the limit (R119).
    BodyTooLarge,
    /// 414: the path and query are over 8 KiB (R119).
    UriTooLong,
    /// 431: the headers are over 16 KiB (R119).
    HeadersTooLarge,
    /// 400: no `Host`, several, or one that is none (RFC 9112 §3.2).
    BadHost,
    /// 500: the handler panicked (R146).
    Fault,
}

impl Refusal<'_> {
    /// Its status.
    pub fn status(self) -> http::StatusCode {
        match self {
            Refusal::NotFound => http::StatusCode::NOT_FOUND,
            Refusal::MethodNotAllowed(_) => http::StatusCode::METHOD_NOT_ALLOWED,
            Refusal::BodyTooSlow => http::StatusCode::REQUEST_TIMEOUT,
            Refusal::BodyBroken | Refusal::BadHost => http::StatusCode::BAD_REQUEST,
            Refusal::BodyTooLarge => http::StatusCode::PAYLOAD_TOO_LARGE,
            Refusal::UriTooLong => http::StatusCode::URI_TOO_LONG,
            Refusal::HeadersTooLarge => http::StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Refusal::Fault => http::StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What to tell a person.
    pub fn message(self) -> &'static str {
        match self {
            Refusal::NotFound => "There is nothing at this path.",
            Refusal::MethodNotAllowed(_) => "This path does not answer this method.",
            Refusal::BodyTooSlow => "The request body did not arrive in time.",
            Refusal::BodyBroken => "The request body broke off.",
            Refusal::BodyTooLarge => "The request body is too large.",
            Refusal::UriTooLong => "The address of the request is too long.",
            Refusal::HeadersTooLarge => "The headers of the request are too large.",
            Refusal::BadHost => "The request must have one Host header that names a host.",
            Refusal::Fault => "Something went wrong on this server.",
        }
    }
}

/// How a surface words a [`Refusal`].
pub type Refuse = fn(Refusal<'_>) -> Reply;
