//! The answer on its way to the client: query, fragment or form.

use askama::Template;
use countersign_model::oauth::redirect::{query, with_query};
use countersign_model::oauth::{ErrorCode, Parameters, RedirectUri, ResponseMode};
use countersign_ops::oauth::start_authorization::Answer;
use http::header::{self, HeaderValue};
use http::{Method, StatusCode};

use super::error::Error;
use super::layout::Shell;
use crate::http::{BodyError, Call, FormError, Reply};

/// Sends the browser to the client with the answer. After a form it goes by 303, so that what was typed
/// does not go along (RFC 9700 §4.12).
pub(super) fn answer(call: &Call<'_>, answer: &Answer) -> Reply {
    let uri = &answer.redirect_uri;
    let pairs = answer.parameters.iter().map(|(name, value)| (*name, value.as_str()));
    let location = match answer.mode {
        ResponseMode::FormPost | ResponseMode::FormPostJwt => return form_post(call, answer),
        ResponseMode::Fragment | ResponseMode::FragmentJwt => format!("{uri}#{}", query(pairs)),
        ResponseMode::Query | ResponseMode::Jwt | ResponseMode::QueryJwt => with_query(uri, pairs),
    };
    let reply = match *call.method() {
        Method::GET => Reply::found(&location),
        _ => Reply::see_other(&location),
    };
    // The page before is none of the client's business, and the code none of a cache's.
    reply.no_store().header(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"))
}

/// The parameters as a query.
pub(super) fn query_of(parameters: &Parameters) -> String {
    query(parameters.iter().flat_map(|(name, values)| values.iter().map(move |value| (name, value.as_str()))))
}

/// A request whose parameters cannot be told.
pub(super) fn unreadable(error: BodyError) -> Error {
    let reason = match error {
        BodyError::Form(FormError::Duplicate(_)) => "A parameter is given twice.",
        BodyError::Form(FormError::TooManyFields) => "There are too many parameters.",
        BodyError::Form(FormError::NotUtf8 | FormError::NotMultipart) | BodyError::Json(_) => {
            "The parameters cannot be read."
        }
        BodyError::UnsupportedType(_) => "The body is no form.",
    };
    Error::Refused { code: ErrorCode::InvalidRequest, reason }
}

/// A form that sends itself, with a button where no script runs (OAuth 2.0 Form Post Response Mode).
#[derive(Template)]
#[template(path = "form_post.html")]
struct FormPost<'a> {
    shell: &'a Shell<'a>,
    action: &'a str,
    fields: &'a [(&'static str, String)],
}

fn form_post(call: &Call<'_>, answer: &Answer) -> Reply {
    let origin = RedirectUri::register(&answer.redirect_uri).map(|uri| uri.form_action());
    let shell = Shell::of(call).leading_to(origin.unwrap_or_default());
    let page = FormPost { shell: &shell, action: &answer.redirect_uri, fields: &answer.parameters };
    shell.show(StatusCode::OK, &page)
}
