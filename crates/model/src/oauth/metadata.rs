//! What a client is and may do, under the names of RFC 7591 §2 and its registry.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::names::{AuthMethod, GrantType, ResponseMode, ResponseType, SubjectType, TokenFormat};
use super::redirect::{RedirectFault, RedirectUri};
use super::scope::Scope;
use crate::key::Algorithm;

/// More characters of a client's name would push what matters out of sight.
macro_rules! longest_name {
    () => {
        100
    };
}
const LONGEST_NAME: usize = longest_name!();
/// What a name must be.
const READABLE: &str =
    concat!("at most ", longest_name!(), " characters long, without characters that control or turn text");
/// What a list must be.
const LIST: &str = "a list of texts";

/// A set of public keys (RFC 7517 §5), as it was given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Jwks {
    /// The keys.
    pub keys: Vec<Value>,
}

/// A client's metadata. Members that are not known are dropped (RFC 7591 §2).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs)] // Each is the member of that name in the registry of RFC 7591 §4.1.
pub struct Metadata {
    pub redirect_uris: Vec<RedirectUri>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub post_logout_redirect_uris: Vec<RedirectUri>,
    pub grant_types: Vec<GrantType>,
    pub response_types: Vec<ResponseType>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub response_modes: Vec<ResponseMode>,
    pub token_endpoint_auth_method: AuthMethod,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_endpoint_auth_signing_alg: Option<Algorithm>,
    pub scope: Scope,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tos_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_uri: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks: Option<Jwks>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub software_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub software_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sector_identifier_uri: Option<String>,
    pub subject_type: SubjectType,
    pub id_token_signed_response_alg: Algorithm,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub userinfo_signed_response_alg: Option<Algorithm>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub introspection_signed_response_alg: Option<Algorithm>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_signed_response_alg: Option<Algorithm>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_object_signing_alg: Option<Algorithm>,
    pub require_signed_request_object: bool,
    pub require_pushed_authorization_requests: bool,
    pub dpop_bound_access_tokens: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_client_auth_subject_dn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_client_auth_san_dns: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_client_auth_san_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_client_auth_san_ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_client_auth_san_email: Option<String>,
    pub tls_client_certificate_bound_access_tokens: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_max_age: Option<u32>,
    pub require_auth_time: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub default_acr_values: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backchannel_logout_uri: Option<String>,
    pub backchannel_logout_session_required: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initiate_login_uri: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub authorization_details_types: Vec<String>,
    /// Ours: whether a code must be bound to a verifier.
    pub require_pkce: bool,
    /// Ours: what its access tokens look like; the server's setting if it does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_token_format: Option<TokenFormat>,
    /// An operator's: the resources it may ask for, or stands for at introspection.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub audience: Vec<String>,
    /// An operator's: the groups that may sign in; everybody if there is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// An operator's: nobody is asked for consent.
    pub first_party: bool,
    /// An operator's: it may introspect the tokens of the five documents.
    pub introspect_documents: bool,
    /// An operator's: seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_token_lifetime: Option<u64>,
    /// An operator's: seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token_lifetime: Option<u64>,
    /// An operator's: origins whose scripts may read answers, besides those of its redirect URIs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_origins: Vec<String>,
    /// An operator's: members that stay as they are, whatever the client says of itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kept_members: Vec<String>,
}

impl Default for Metadata {
    /// RFC 7591 §2: authorization code with a secret in the header.
    fn default() -> Metadata {
        Metadata {
            redirect_uris: Vec::new(),
            post_logout_redirect_uris: Vec::new(),
            grant_types: vec![GrantType::AuthorizationCode],
            response_types: vec![ResponseType::Code],
            response_modes: Vec::new(),
            token_endpoint_auth_method: AuthMethod::Basic,
            token_endpoint_auth_signing_alg: None,
            scope: Scope::default(),
            client_name: None,
            client_uri: None,
            logo_uri: None,
            tos_uri: None,
            policy_uri: None,
            contacts: Vec::new(),
            jwks: None,
            jwks_uri: None,
            software_id: None,
            software_version: None,
            application_type: None,
            sector_identifier_uri: None,
            subject_type: SubjectType::Public,
            id_token_signed_response_alg: Algorithm::Es256,
            userinfo_signed_response_alg: None,
            introspection_signed_response_alg: None,
            authorization_signed_response_alg: None,
            request_object_signing_alg: None,
            require_signed_request_object: false,
            require_pushed_authorization_requests: false,
            dpop_bound_access_tokens: false,
            tls_client_auth_subject_dn: None,
            tls_client_auth_san_dns: None,
            tls_client_auth_san_uri: None,
            tls_client_auth_san_ip: None,
            tls_client_auth_san_email: None,
            tls_client_certificate_bound_access_tokens: false,
            default_max_age: None,
            require_auth_time: false,
            default_acr_values: Vec::new(),
            backchannel_logout_uri: None,
            backchannel_logout_session_required: false,
            initiate_login_uri: None,
            authorization_details_types: Vec::new(),
            require_pkce: true,
            access_token_format: None,
            audience: Vec::new(),
            groups: Vec::new(),
            first_party: false,
            introspect_documents: false,
            access_token_lifetime: None,
            refresh_token_lifetime: None,
            allowed_origins: Vec::new(),
            kept_members: Vec::new(),
        }
    }
}

/// Why metadata is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetadataFault {
    /// A redirect URI cannot be registered.
    #[error("{member}: {uri}: {fault}")]
    RedirectUri {
        /// The list that it is in.
        member: &'static str,
        /// As it was given.
        uri: String,
        /// Why.
        fault: RedirectFault,
    },
    /// An address that is no https URL.
    #[error("{0} must be an https URL, or one of http on 127.0.0.1, [::1] or localhost")]
    Url(&'static str),
    /// Members that do not go together.
    #[error("{0}")]
    Combination(&'static str),
    /// A value that is not served here: the member, and what it may be.
    #[error("{0} must be {1}")]
    Unsupported(&'static str, &'static str),
    /// A value of the wrong type, or none of those that there are.
    #[error("{member}: {reason}")]
    Unreadable {
        /// The member.
        member: String,
        /// In the words of whoever reads it, with the value.
        reason: String,
    },
}

impl MetadataFault {
    /// Which member is wrong and what is allowed, for whoever sent it: without what was sent, which could be anything.
    pub fn rule(&self) -> String {
        match self {
            MetadataFault::RedirectUri { member, fault, .. } => {
                format!("{member} has one that is refused: {fault}")
            }
            MetadataFault::Unreadable { member, .. } if member == "jwks" => {
                format!("{member} must be an object whose keys are a list of public keys")
            }
            // As serde writes it, and `InvalidScope`.
            MetadataFault::Unreadable { member, reason } => match reason.rsplit_once(", expected ") {
                Some((_, "a sequence")) => format!("{member} must be {LIST}"),
                Some((_, expected)) => format!("{member} must be {expected}"),
                None => format!("{member} has a value that cannot be read"),
            },
            MetadataFault::Url(_) | MetadataFault::Combination(_) | MetadataFault::Unsupported(..) => {
                self.to_string()
            }
        }
    }
}

impl Metadata {
    /// Members that only an operator sets: who registers itself loses them.
    pub const OPERATORS: [&'static str; 8] = [
        "audience",
        "groups",
        "first_party",
        "introspect_documents",
        "access_token_lifetime",
        "refresh_token_lifetime",
        "allowed_origins",
        "kept_members",
    ];

    /// Reads metadata; what is missing has the defaults of RFC 7591 §2.
    ///
    /// # Errors
    /// [`MetadataFault`].
    pub fn from_json(json: &Value) -> Result<Metadata, MetadataFault> {
        let members = json.as_object().ok_or(MetadataFault::Unsupported("metadata", "an object"))?;
        for list in ["redirect_uris", "post_logout_redirect_uris"] {
            for uri in members.get(list).and_then(Value::as_array).into_iter().flatten() {
                let text = uri.as_str().ok_or(MetadataFault::Unsupported(list, LIST))?;
                RedirectUri::register(text).map_err(|fault| MetadataFault::RedirectUri {
                    member: list,
                    uri: text.to_owned(),
                    fault,
                })?;
            }
        }
        if let Ok(metadata) = serde_json::from_value(json.clone()) {
            return Ok(metadata);
        }
        // One member alone tells which it is.
        let fault = |(name, value): (&String, &Value)| {
            let alone = Map::from_iter([(name.clone(), value.clone())]);
            let error = serde_json::from_value::<Metadata>(Value::Object(alone)).err()?;
            Some(MetadataFault::Unreadable { member: name.clone(), reason: error.to_string() })
        };
        let unknown = MetadataFault::Unsupported("metadata", "an object of members that are known");
        Err(members.iter().find_map(fault).unwrap_or(unknown))
    }

    /// The names by which a certificate is known (RFC 8705 §2.1.2).
    fn certificate_names(&self) -> impl Iterator<Item = &String> {
        let names = [
            &self.tls_client_auth_subject_dn,
            &self.tls_client_auth_san_dns,
            &self.tls_client_auth_san_uri,
            &self.tls_client_auth_san_ip,
            &self.tls_client_auth_san_email,
        ];
        names.into_iter().flatten()
    }

    /// As it is stored and shown: without secrets.
    pub fn to_json(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// Whether the members go together.
    ///
    /// # Errors
    /// [`MetadataFault`].
    pub fn check(&self) -> Result<(), MetadataFault> {
        let has_code = self.grant_types.contains(&GrantType::AuthorizationCode);
        let is_public = self.token_endpoint_auth_method == AuthMethod::None;
        let no_keys = self.jwks.is_none() && self.jwks_uri.is_none();
        let faults = [
            (
                has_code && self.redirect_uris.is_empty(),
                "redirect_uris must have one for the grant authorization_code",
            ),
            (
                is_public && self.grant_types.contains(&GrantType::ClientCredentials),
                "grant_types has client_credentials, which a token_endpoint_auth_method of none cannot have",
            ),
            (
                is_public && !self.require_pkce,
                "require_pkce must be true if token_endpoint_auth_method is none",
            ),
            (self.jwks.is_some() && self.jwks_uri.is_some(), "jwks and jwks_uri are both given"),
            (
                self.token_endpoint_auth_method == AuthMethod::PrivateKeyJwt && no_keys,
                "token_endpoint_auth_method private_key_jwt needs jwks or jwks_uri",
            ),
            (
                self.require_signed_request_object && no_keys,
                "require_signed_request_object needs jwks or jwks_uri",
            ),
        ];
        let certificate_faults = [
            (
                self.token_endpoint_auth_method == AuthMethod::SelfSignedTls && no_keys,
                "token_endpoint_auth_method self_signed_tls_client_auth needs jwks or jwks_uri",
            ),
            (
                self.token_endpoint_auth_method == AuthMethod::TlsClientAuth
                    && self.certificate_names().count() != 1,
                "token_endpoint_auth_method tls_client_auth needs one of tls_client_auth_subject_dn, _san_dns, \
                 _san_uri, _san_ip and _san_email, and no other",
            ),
            (
                self.dpop_bound_access_tokens && self.tls_client_certificate_bound_access_tokens,
                "dpop_bound_access_tokens and tls_client_certificate_bound_access_tokens are both given",
            ),
        ];
        let faults = faults.into_iter().chain(certificate_faults);
        if let Some((_, words)) = faults.into_iter().find(|(is_fault, _)| *is_fault) {
            return Err(MetadataFault::Combination(words));
        }
        if self.client_name.as_deref().is_some_and(|name| !is_name(name)) {
            return Err(MetadataFault::Unsupported("client_name", READABLE));
        }
        let urls = [
            ("client_uri", &self.client_uri),
            ("logo_uri", &self.logo_uri),
            ("tos_uri", &self.tos_uri),
            ("policy_uri", &self.policy_uri),
            ("jwks_uri", &self.jwks_uri),
            ("sector_identifier_uri", &self.sector_identifier_uri),
            ("backchannel_logout_uri", &self.backchannel_logout_uri),
            ("initiate_login_uri", &self.initiate_login_uri),
        ];
        for (name, url) in urls {
            // The same rules: https, or http on this machine.
            let is_url = |url: &String| RedirectUri::register(url).is_ok_and(|uri| uri.origin().is_some());
            if !url.as_ref().is_none_or(is_url) {
                return Err(MetadataFault::Url(name));
            }
        }
        Ok(())
    }
}

/// A name that people can read, and the rest of a page beside it.
fn is_name(name: &str) -> bool {
    name.chars().count() <= LONGEST_NAME && !name.contains(|c: char| c.is_control() || turns_text(c))
}

/// Whether a character changes the direction of the text around it, which then reads otherwise than it is
/// (Unicode Technical Report 36 §2.5).
pub(super) fn turns_text(c: char) -> bool {
    matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn metadata_is_read_with_the_defaults_of_its_specification() {
        let read = Metadata::from_json(&json!({ "redirect_uris": ["https://a.example/cb"] })).unwrap();
        assert_eq!(read.token_endpoint_auth_method, AuthMethod::Basic);
        assert!(read.require_pkce && read.check().is_ok());
        let named =
            |name: &str| Metadata { client_name: Some(name.to_owned()), ..read.clone() }.check().is_ok();
        assert!(named("Bücher für alle") && named("کتاب‌خانه") && named(&"n".repeat(100)));
        for bad in ["a\nb", "evil\u{202e}knab", "\u{2066}x", &"n".repeat(101)] {
            assert!(!named(bad), "{bad:?}");
        }
        assert_eq!(Metadata::from_json(&read.to_json()).unwrap(), read);
        let bad = |json| Metadata::from_json(&json).unwrap_err();
        let fault = bad(json!({ "grant_types": ["implicit"] })).to_string();
        assert!(fault.starts_with("grant_types: ") && fault.contains("authorization_code"), "{fault}");
        for (wrong, rule) in [
            (json!({ "scope": "a  b" }), "scope must be names parted by single spaces, at most 50"),
            (json!({ "contacts": "a@example.com" }), "contacts must be a list of texts"),
            (json!({ "jwks": { "keys": 1 } }), "jwks must be an object whose keys are a list of public keys"),
        ] {
            assert_eq!(bad(wrong).rule(), rule);
        }
        assert_eq!(
            bad(json!({ "redirect_uris": ["JavaScript:alert(1)"] })),
            MetadataFault::RedirectUri {
                member: "redirect_uris",
                uri: "JavaScript:alert(1)".into(),
                fault: RedirectFault::Dangerous
            }
        );
    }
}
