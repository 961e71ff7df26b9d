//! The userinfo endpoint (OpenID Connect Core §5.3).

use countersign_model::oauth::ErrorCode;
use countersign_ops::oauth::check_dpop::DpopError;
use countersign_ops::oauth::userinfo::{PresentedToken, UserinfoError};
use http::header::{AUTHORIZATION, HeaderValue};
use http::{Method, StatusCode};

use super::error::OAuthError;
use super::{cors, request};
use crate::http::{Call, Reply};

const JWT: HeaderValue = HeaderValue::from_static("application/jwt");

/// What proofs of possession may be signed with (RFC 9449 §7.1).
const ALGORITHMS: &str = "ES256 RS256 EdDSA";

/// A token and the scheme that it came with.
struct Shown {
    token: String,
    as_dpop: bool,
}

pub(super) async fn answer(call: &Call<'_>) -> Result<Reply, OAuthError> {
    let shown = read(call)?;
    let certificate = call.certificate();
    let url = format!("{}/oauth2/userinfo", request::reached_at(call, certificate.is_some()));
    let proof = request::proof(call, &url, Some(&shown.token));
    let certificate = certificate.as_deref();
    let presented = PresentedToken { token: &shown.token, as_dpop: shown.as_dpop, proof, certificate };
    let told = call.core().userinfo(presented).await.map_err(|error| refused(call, error, shown.as_dpop))?;
    let reply = match told.signed {
        Some(signed) => Reply::bytes(StatusCode::OK, JWT, signed),
        None => Reply::json(StatusCode::OK, &told.claims),
    };
    Ok(match told.client {
        Some(client) => cors::allow(call, &client, reply.no_store()),
        None => reply.no_store(),
    })
}

pub(super) async fn preflight(call: &Call<'_>) -> Result<Reply, OAuthError> {
    cors::preflight(call).await
}

/// The token of the header, or of a form (RFC 6750 §2.1 and §2.2). Never of the query, which proxies log
/// (RFC 9700 §4.3.2), and of one place only.
fn read(call: &Call<'_>) -> Result<Shown, OAuthError> {
    let in_form = match call.method() {
        &Method::POST if !call.body_is_empty() => {
            let form = call.form_parameters().map_err(|_| malformed())?;
            form.get("access_token").map(str::to_owned)
        }
        _ => None,
    };
    match (call.headers().contains_key(AUTHORIZATION), in_form) {
        (true, None) => read_header(call.header(AUTHORIZATION)).ok_or_else(malformed),
        (false, Some(token)) => Ok(Shown { token, as_dpop: false }),
        (true, Some(_)) => Err(malformed()),
        // RFC 6750 §3.1: whoever shows nothing is told no error.
        (false, None) => Err(OAuthError {
            challenge: Some({
                let metadata = metadata(call);
                format!("Bearer {metadata}, DPoP algs=\"{ALGORITHMS}\", {metadata}")
            }),
            ..OAuthError::new(
                StatusCode::UNAUTHORIZED,
                ErrorCode::InvalidToken,
                "The request has no access token.",
            )
        }),
    }
}

fn read_header(header: Option<&str>) -> Option<Shown> {
    let (scheme, token) = header?.split_once(' ')?;
    let as_dpop = scheme.eq_ignore_ascii_case("DPoP");
    let is_token = |token: &str| !token.is_empty() && !token.contains(' ');
    let is_known = as_dpop || scheme.eq_ignore_ascii_case("Bearer");
    (is_known && is_token(token)).then(|| Shown { token: token.to_owned(), as_dpop })
}

/// Where clients learn who gives tokens for this (RFC 9728 §5.1).
fn metadata(call: &Call<'_>) -> String {
    let base = &call.core().settings.public_url;
    format!("resource_metadata=\"{base}/.well-known/oauth-protected-resource\"")
}

fn malformed() -> OAuthError {
    OAuthError {
        challenge: Some("Bearer error=\"invalid_request\"".to_owned()),
        ..OAuthError::new(
            StatusCode::BAD_REQUEST,
            ErrorCode::InvalidRequest,
            "The access token belongs into one Authorization header, or into a form.",
        )
    }
}

fn refused(call: &Call<'_>, error: UserinfoError, as_dpop: bool) -> OAuthError {
    let scheme = if as_dpop { "DPoP" } else { "Bearer" };
    let error = match error {
        UserinfoError::Invalid => OAuthError::new(
            StatusCode::UNAUTHORIZED,
            ErrorCode::InvalidToken,
            "The access token is unknown, expired or ended, or is bound to a key or certificate that was not shown.",
        ),
        UserinfoError::Scope => OAuthError::new(
            StatusCode::FORBIDDEN,
            ErrorCode::InsufficientScope,
            "The access token has not the scope openid.",
        ),
        // RFC 9449 §7.1 and §9: at a resource it is a 401.
        UserinfoError::Dpop(DpopError::Invalid) => {
            OAuthError { status: StatusCode::UNAUTHORIZED, ..OAuthError::from(DpopError::Invalid) }
        }
        UserinfoError::Dpop(error @ DpopError::Nonce(_)) => {
            OAuthError { status: StatusCode::UNAUTHORIZED, ..OAuthError::from(error) }
        }
        UserinfoError::Dpop(DpopError::Unavailable(unavailable))
        | UserinfoError::Unavailable(unavailable) => return unavailable.into(),
    };
    let mut challenge = format!("{scheme} error=\"{}\"", error.code.text());
    if error.status == StatusCode::FORBIDDEN {
        challenge.push_str(", scope=\"openid\"");
    }
    if error.status == StatusCode::UNAUTHORIZED {
        challenge.push_str(&format!(", {}", metadata(call)));
    }
    if as_dpop {
        challenge.push_str(&format!(", algs=\"{ALGORITHMS}\""));
    }
    OAuthError { challenge: Some(challenge), ..error }
}
