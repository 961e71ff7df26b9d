//! Words of the specifications as types; serde reads and writes their registered spellings.

use serde::{Deserialize, Serialize};

/// How a client comes by a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum GrantType {
    /// RFC 6749 §4.1.
    #[serde(rename = "authorization_code")]
    AuthorizationCode,
    /// RFC 6749 §6.
    #[serde(rename = "refresh_token")]
    RefreshToken,
    /// RFC 6749 §4.4.
    #[serde(rename = "client_credentials")]
    ClientCredentials,
    /// RFC 8628.
    #[serde(rename = "urn:ietf:params:oauth:grant-type:device_code")]
    DeviceCode,
    /// RFC 8693.
    #[serde(rename = "urn:ietf:params:oauth:grant-type:token-exchange")]
    TokenExchange,
    /// RFC 7523 §2.1.
    #[serde(rename = "urn:ietf:params:oauth:grant-type:jwt-bearer")]
    JwtBearer,
}

impl GrantType {
    /// All of them.
    pub const ALL: [GrantType; 6] = [
        GrantType::AuthorizationCode,
        GrantType::RefreshToken,
        GrantType::ClientCredentials,
        GrantType::DeviceCode,
        GrantType::TokenExchange,
        GrantType::JwtBearer,
    ];

    /// The registered name.
    pub fn name(self) -> &'static str {
        match self {
            GrantType::AuthorizationCode => "authorization_code",
            GrantType::RefreshToken => "refresh_token",
            GrantType::ClientCredentials => "client_credentials",
            GrantType::DeviceCode => "urn:ietf:params:oauth:grant-type:device_code",
            GrantType::TokenExchange => "urn:ietf:params:oauth:grant-type:token-exchange",
            GrantType::JwtBearer => "urn:ietf:params:oauth:grant-type:jwt-bearer",
        }
    }

    /// From the registered name.
    pub fn from_name(name: &str) -> Option<GrantType> {
        GrantType::ALL.into_iter().find(|g| g.name() == name)
    }
}

/// What the authorization endpoint answers with: never a token (RFC 9700 §2.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ResponseType {
    /// A code.
    #[serde(rename = "code")]
    Code,
}

/// How the answer travels to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ResponseMode {
    /// In the query.
    #[serde(rename = "query")]
    Query,
    /// In the fragment.
    #[serde(rename = "fragment")]
    Fragment,
    /// In a form that posts itself.
    #[serde(rename = "form_post")]
    FormPost,
    /// JARM, in the query.
    #[serde(rename = "jwt")]
    Jwt,
    /// JARM, in the query.
    #[serde(rename = "query.jwt")]
    QueryJwt,
    /// JARM, in the fragment.
    #[serde(rename = "fragment.jwt")]
    FragmentJwt,
    /// JARM, in a form.
    #[serde(rename = "form_post.jwt")]
    FormPostJwt,
}

impl ResponseMode {
    /// All of them.
    pub const ALL: [ResponseMode; 7] = [
        ResponseMode::Query,
        ResponseMode::Fragment,
        ResponseMode::FormPost,
        ResponseMode::Jwt,
        ResponseMode::QueryJwt,
        ResponseMode::FragmentJwt,
        ResponseMode::FormPostJwt,
    ];

    /// The registered name.
    pub fn name(self) -> &'static str {
        match self {
            ResponseMode::Query => "query",
            ResponseMode::Fragment => "fragment",
            ResponseMode::FormPost => "form_post",
            ResponseMode::Jwt => "jwt",
            ResponseMode::QueryJwt => "query.jwt",
            ResponseMode::FragmentJwt => "fragment.jwt",
            ResponseMode::FormPostJwt => "form_post.jwt",
        }
    }

    /// From the registered name.
    pub fn from_name(name: &str) -> Option<ResponseMode> {
        ResponseMode::ALL.into_iter().find(|m| m.name() == name)
    }

    /// Whether the answer is one signed JWT (JARM).
    pub fn is_jwt(self) -> bool {
        match self {
            ResponseMode::Query | ResponseMode::Fragment | ResponseMode::FormPost => false,
            ResponseMode::Jwt
            | ResponseMode::QueryJwt
            | ResponseMode::FragmentJwt
            | ResponseMode::FormPostJwt => true,
        }
    }
}

/// How a client shows who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AuthMethod {
    /// It does not: a public client.
    #[serde(rename = "none")]
    None,
    /// RFC 6749 §2.3.1, header.
    #[serde(rename = "client_secret_basic")]
    Basic,
    /// RFC 6749 §2.3.1, body.
    #[serde(rename = "client_secret_post")]
    Post,
    /// RFC 7523 §2.2 with a key of its own.
    #[serde(rename = "private_key_jwt")]
    PrivateKeyJwt,
    /// RFC 8705 §2.1.
    #[serde(rename = "tls_client_auth")]
    TlsClientAuth,
    /// RFC 8705 §2.2.
    #[serde(rename = "self_signed_tls_client_auth")]
    SelfSignedTls,
}

impl AuthMethod {
    /// All of them.
    pub const ALL: [AuthMethod; 6] = [
        AuthMethod::None,
        AuthMethod::Basic,
        AuthMethod::Post,
        AuthMethod::PrivateKeyJwt,
        AuthMethod::TlsClientAuth,
        AuthMethod::SelfSignedTls,
    ];

    /// The registered name.
    pub fn name(self) -> &'static str {
        match self {
            AuthMethod::None => "none",
            AuthMethod::Basic => "client_secret_basic",
            AuthMethod::Post => "client_secret_post",
            AuthMethod::PrivateKeyJwt => "private_key_jwt",
            AuthMethod::TlsClientAuth => "tls_client_auth",
            AuthMethod::SelfSignedTls => "self_signed_tls_client_auth",
        }
    }

    /// Whether such a client has a secret.
    pub fn has_secret(self) -> bool {
        matches!(self, AuthMethod::Basic | AuthMethod::Post)
    }
}

/// Whether clients can compare whom they know (OpenID Connect Core §8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SubjectType {
    /// One subject everywhere.
    #[default]
    Public,
    /// One per sector.
    Pairwise,
}

/// What an access token looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenFormat {
    /// A random text that means something here only.
    Opaque,
    /// RFC 9068.
    Jwt,
}
