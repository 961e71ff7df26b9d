//! What this server can do (RFC 8414, OpenID Connect Discovery): only what is there and on.

use std::sync::OnceLock;

use bytes::Bytes;
use countersign_model::key::Algorithm;
use countersign_model::oauth::claims::{ACR_CODE, ACR_PASSWORD, of_scope};
use countersign_model::oauth::{AuthMethod, GrantType, ResponseMode, Scope};
use serde_json::{Value, json};

use crate::{Core, MtlsSettings, OAuthSettings, PageSettings, Registration, Settings};

impl OAuthSettings {
    /// Whether tokens can be had by this grant: what is announced, and what the token endpoint takes.
    pub fn serves_grant(&self, grant: GrantType) -> bool {
        match grant {
            GrantType::AuthorizationCode
            | GrantType::RefreshToken
            | GrantType::ClientCredentials
            | GrantType::DeviceCode
            | GrantType::TokenExchange => true,
            GrantType::JwtBearer => !self.trusted_issuers.is_empty(),
        }
    }
}

impl MtlsSettings {
    /// Whether clients can show in this way who they are.
    fn serves_method(&self, method: AuthMethod) -> bool {
        match method {
            AuthMethod::None | AuthMethod::Basic | AuthMethod::Post | AuthMethod::PrivateKeyJwt => true,
            AuthMethod::SelfSignedTls => self.enabled,
            AuthMethod::TlsClientAuth => self.enabled && self.authorities.is_some(),
        }
    }
}

/// The names of those that are served.
fn served<T: Copy>(
    all: &[T],
    is_served: impl Fn(T) -> bool,
    name: impl Fn(T) -> &'static str,
) -> Vec<&'static str> {
    all.iter().copied().filter(|one| is_served(*one)).map(name).collect()
}

/// RFC 8705 §3.3 and §5: where clients with certificates go instead.
fn add_certificates(metadata: &mut Value, mtls: &MtlsSettings) {
    if !mtls.enabled {
        return;
    }
    metadata["tls_client_certificate_bound_access_tokens"] = true.into();
    let Some(url) = &mtls.url else { return };
    metadata["mtls_endpoint_aliases"] = json!({
        "token_endpoint": format!("{url}/oauth2/token"),
        "userinfo_endpoint": format!("{url}/oauth2/userinfo"),
        "introspection_endpoint": format!("{url}/oauth2/introspect"),
        "revocation_endpoint": format!("{url}/oauth2/revoke"),
        "device_authorization_endpoint": format!("{url}/oauth2/device_authorization"),
        "pushed_authorization_request_endpoint": format!("{url}/oauth2/par"),
    });
}

/// The documents, as they are sent: they do not change while the server runs.
#[derive(Debug, Default)]
pub(crate) struct Documents {
    server: OnceLock<Bytes>,
    resource: OnceLock<Bytes>,
}

impl Core {
    /// What `/.well-known/openid-configuration` and `/.well-known/oauth-authorization-server` answer.
    pub fn server_metadata(&self) -> Bytes {
        let make = || Bytes::from(server_metadata(&self.settings).to_string());
        self.oauth.documents.server.get_or_init(make).clone()
    }

    /// What `/.well-known/oauth-protected-resource` answers (RFC 9728): userinfo is the one resource here.
    pub fn resource_metadata(&self) -> Bytes {
        let make = || Bytes::from(resource_metadata(&self.settings).to_string());
        self.oauth.documents.resource.get_or_init(make).clone()
    }
}

fn server_metadata(settings: &Settings) -> Value {
    let issuer = &settings.public_url;
    let at = |path: &str| format!("{issuer}{path}");
    let algorithms = Algorithm::ALL.map(Algorithm::name);
    let oauth = &settings.oauth;
    let grants = served(&GrantType::ALL, |grant| oauth.serves_grant(grant), GrantType::name);
    let auth_methods = served(&AuthMethod::ALL, |method| oauth.mtls.serves_method(method), AuthMethod::name);
    let confidential: Vec<&str> =
        auth_methods.iter().copied().filter(|method| *method != AuthMethod::None.name()).collect();
    let mut metadata = json!({
        "issuer": issuer,
        "authorization_endpoint": at("/oauth2/authorize"),
        "token_endpoint": at("/oauth2/token"),
        "userinfo_endpoint": at("/oauth2/userinfo"),
        "jwks_uri": at("/oauth2/jwks"),
        "introspection_endpoint": at("/oauth2/introspect"),
        "revocation_endpoint": at("/oauth2/revoke"),
        "device_authorization_endpoint": at("/oauth2/device_authorization"),
        "end_session_endpoint": at("/oauth2/logout"),
        "pushed_authorization_request_endpoint": at("/oauth2/par"),
        "require_pushed_authorization_requests": false,
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
        "scopes_supported": scopes(oauth),
        "response_types_supported": ["code"],
        "response_modes_supported": ResponseMode::ALL.map(ResponseMode::name),
        "authorization_signing_alg_values_supported": algorithms,
        "grant_types_supported": grants,
        "subject_types_supported": ["public", "pairwise"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
        "token_endpoint_auth_methods_supported": auth_methods,
        "token_endpoint_auth_signing_alg_values_supported": algorithms,
        "introspection_endpoint_auth_methods_supported": confidential,
        "introspection_endpoint_auth_signing_alg_values_supported": algorithms,
        "revocation_endpoint_auth_methods_supported": auth_methods,
        "revocation_endpoint_auth_signing_alg_values_supported": algorithms,
        "id_token_signing_alg_values_supported": algorithms,
        "userinfo_signing_alg_values_supported": algorithms,
        "introspection_signing_alg_values_supported": algorithms,
        "dpop_signing_alg_values_supported": algorithms,
        "claims_supported": claims(oauth),
        "claim_types_supported": ["normal"],
        "acr_values_supported": [ACR_PASSWORD, ACR_CODE],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "ui_locales_supported": PageSettings::LANGUAGES,
        "claims_parameter_supported": true,
        "request_parameter_supported": true,
        "request_object_signing_alg_values_supported": algorithms,
        "require_signed_request_object": false,
        // Its default is true (OpenID Connect Discovery §3).
        "request_uri_parameter_supported": false,
    });
    add_certificates(&mut metadata, &settings.oauth.mtls);
    if !settings.oauth.client_documents.is_empty() {
        metadata["client_id_metadata_document_supported"] = true.into();
    }
    let types = &settings.oauth.authorization_details_types;
    if !types.is_empty() {
        metadata["authorization_details_types_supported"] = json!(types);
    }
    if settings.oauth.registration != Registration::Off {
        metadata["registration_endpoint"] = at("/oauth2/register").into();
    }
    metadata
}

fn resource_metadata(settings: &Settings) -> Value {
    let mut metadata = json!({
        "resource": settings.public_url,
        "authorization_servers": [settings.public_url],
        "scopes_supported": scopes(&settings.oauth),
        "bearer_methods_supported": ["header", "body"],
        "dpop_signing_alg_values_supported": Algorithm::ALL.map(Algorithm::name),
    });
    if settings.oauth.mtls.enabled {
        metadata["tls_client_certificate_bound_access_tokens"] = true.into();
    }
    metadata
}

/// Those with a meaning here, and those that the operator has given one by claims.
fn scopes(oauth: &OAuthSettings) -> Vec<&str> {
    let configured = oauth.claims.scopes().into_iter().filter(|scope| !Scope::KNOWN.contains(scope));
    Scope::KNOWN.into_iter().chain(configured).collect()
}

/// Those that an ID token or userinfo has; nobody knows when a profile was changed.
fn claims(oauth: &OAuthSettings) -> Vec<&str> {
    let of_tokens = ["sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash", "sid"];
    let of_people = Scope::KNOWN.iter().flat_map(|scope| of_scope(scope).iter().copied());
    let of_people = of_people.filter(|name| *name != "updated_at");
    of_tokens.into_iter().chain(of_people).chain(oauth.claims.names()).collect()
}
