//! Reading a client's credentials and parameters.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_model::oauth::{AuthorizationDetails, Client, ErrorCode, Parameters, Scope};
use countersign_model::secret::Secret;
use countersign_ops::oauth::authenticate_client::{AuthenticateClientError, Credentials};
use countersign_ops::oauth::check_dpop::Proof;
use http::header::AUTHORIZATION;
use http::{HeaderName, StatusCode};

use super::error::OAuthError;
use crate::http::{BodyError, Call, decode_form_value};

impl From<AuthenticateClientError> for OAuthError {
    fn from(error: AuthenticateClientError) -> OAuthError {
        match error {
            AuthenticateClientError::Missing => {
                OAuthError::invalid_client("The request does not say which client it is from.")
            }
            AuthenticateClientError::Several => OAuthError::new(
                StatusCode::BAD_REQUEST,
                ErrorCode::InvalidRequest,
                "The client authenticates in more than one way, or under two ids.",
            ),
            AuthenticateClientError::Invalid => OAuthError::invalid_client(
                "The client is unknown, or not authenticated in the way that it is registered with.",
            ),
            AuthenticateClientError::WantsHeader => OAuthError::invalid_client(
                "The client is registered for client_secret_basic: its secret belongs into the Authorization header.",
            ),
            AuthenticateClientError::WantsBody => OAuthError::invalid_client(
                "The client is registered for client_secret_post: its secret belongs into the body.",
            ),
            AuthenticateClientError::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

const DPOP: HeaderName = HeaderName::from_static("dpop");

/// The parameters of a POST. A query beside it is refused, so that no parameter stands twice and no
/// secret stands in an address that proxies log (RFC 6749 §2.3.1).
pub(super) fn parameters(call: &Call<'_>) -> Result<Parameters, OAuthError> {
    let refused =
        |description| OAuthError::new(StatusCode::BAD_REQUEST, ErrorCode::InvalidRequest, description);
    if call.query_parameters().ok().is_none_or(|query| query.iter().next().is_some()) {
        return Err(refused("Parameters belong into the body, not into the query."));
    }
    call.form_parameters().map_err(|error| match error {
        BodyError::Form(_) => {
            refused("The body is not a form of at most 100 parameters, each of which stands once.")
        }
        BodyError::UnsupportedType(_) | BodyError::Json(_) => {
            refused("The body must be of type application/x-www-form-urlencoded.")
        }
    })
}

/// The parameters of a POST, and the client that has shown who it is with them or with the header.
pub(super) async fn authenticated(call: &Call<'_>) -> Result<(Arc<Client>, Parameters), OAuthError> {
    let parameters = parameters(call)?;
    let client = authenticate(call, &parameters).await?;
    Ok((client, parameters))
}

/// The URL under which the client sees the endpoints, as proofs name it (RFC 9449 §4.2): who has a certificate
/// goes to the aliases (RFC 8705 §5).
pub(super) fn reached_at<'c>(call: &Call<'c>, has_certificate: bool) -> &'c str {
    let settings = &call.core().settings;
    let alias = settings.oauth.mtls.url.as_deref().filter(|_| has_certificate);
    alias.unwrap_or(&settings.public_url)
}

/// The proof of possession that came to this URL, with this access token, if one came.
pub(super) fn proof<'a>(call: &'a Call<'_>, url: &'a str, access: Option<&'a str>) -> Option<Proof<'a>> {
    call.headers().contains_key(DPOP).then(|| Proof {
        // Two proofs are as good as a broken one (RFC 9449 §4.3).
        jwt: call.header(DPOP).unwrap_or_default(),
        method: call.method().as_str(),
        url,
        access,
        demand_nonce: call.core().settings.oauth.require_dpop_nonce,
    })
}

/// The client that has shown who it is.
pub(super) async fn authenticate(
    call: &Call<'_>,
    parameters: &Parameters,
) -> Result<Arc<Client>, OAuthError> {
    let basic = match call.headers().contains_key(AUTHORIZATION) {
        true => Some(read_basic(call.header(AUTHORIZATION)).ok_or(AuthenticateClientError::Invalid)?),
        false => None,
    };
    let certificate = call.certificate();
    let credentials = Credentials {
        basic,
        client_id: parameters.get("client_id"),
        secret: parameters.get("client_secret"),
        assertion_type: parameters.get("client_assertion_type"),
        assertion: parameters.get("client_assertion"),
        certificate: certificate.as_deref(),
    };
    Ok(call.core().authenticate_client(&credentials, call.source()).await?)
}

/// `scope`.
pub(super) fn scope(parameters: &Parameters) -> Result<Option<Scope>, OAuthError> {
    let scope = parameters.get("scope").map(Scope::parse).transpose();
    scope.map_err(|_| {
        let description = "The scope is not a list of at most 50 names.";
        OAuthError::new(StatusCode::BAD_REQUEST, ErrorCode::InvalidScope, description)
    })
}

/// `authorization_details` (RFC 9396).
pub(super) fn details(parameters: &Parameters) -> Result<Option<AuthorizationDetails>, OAuthError> {
    let details = parameters.get("authorization_details").map(AuthorizationDetails::parse).transpose();
    details.map_err(|_| {
        let description = "The authorization_details are no list of at most 20, each with a type.";
        OAuthError::new(StatusCode::BAD_REQUEST, ErrorCode::InvalidAuthorizationDetails, description)
    })
}

/// Id and secret of a header: each is encoded like a form's value before they are joined (RFC 6749 §2.3.1).
fn read_basic(header: Option<&str>) -> Option<(String, Secret)> {
    let (scheme, encoded) = header?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("Basic") {
        return None;
    }
    let joined = Secret::new(String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?);
    let (id, secret) = joined.reveal().split_once(':')?;
    let decoded = |text: &str| decode_form_value(text.as_bytes()).ok();
    Some((decoded(id)?, Secret::new(decoded(secret)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_and_secret_are_decoded_each_for_itself() {
        let read = |text: &str| read_basic(Some(&format!("basic {}", STANDARD.encode(text))));
        let (id, secret) = read("https%3A%2F%2Fapp.example%2Fid:a%3Ab+c:d").unwrap();
        assert_eq!((id.as_str(), secret.reveal()), ("https://app.example/id", "a:b c:d"));
        assert!(read("nothing parted").is_none());
        assert!(read("a:%ff").is_none());
        assert!(read_basic(Some("Bearer YTpi")).is_none());
        assert!(read_basic(Some("Basic ~~")).is_none());
        assert!(read_basic(None).is_none());
    }
}
