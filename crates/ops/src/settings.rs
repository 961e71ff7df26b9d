//! What an operator can set about accounts, sessions, codes and limits, as meant.
//!
//! The server builds this from its configuration; [`Settings::default`] is what holds without one.

use std::sync::Arc;
use std::time::Duration;

use countersign_model::identifier::Region;
use countersign_model::limit::{Quota, Rate};
use countersign_model::oauth::{ConfiguredClaims, Jwks, Scope, TokenFormat};
use countersign_model::password::Floor;
use countersign_model::secret::Secret;
use countersign_model::session::TokenPurpose;

use crate::breached_list::BreachedList;
use crate::oauth::client_authorities::ClientAuthorities;
use countersign_model::time::Timestamp;

/// Everything the operations look up instead of deciding it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The base of every link in a message, without a trailing slash. Never taken from a request (R040).
    pub public_url: String,
    /// What stands before 001's paths, and so in its links.
    pub authd_prefix: String,
    /// What is added to every surface's password rule.
    pub password_floor: Floor,
    /// Passwords that are refused wherever common ones are.
    pub breached_list: Option<Arc<BreachedList>>,
    /// The region of phone numbers without `+`.
    pub phone_region: Option<Region>,
    /// Registration answers alike for taken and free addresses (acceptance decision 9).
    pub conceal_accounts: bool,
    /// How long codes and links work.
    pub codes: CodeLifetimes,
    /// How long tokens work.
    pub sessions: SessionLifetimes,
    /// How often things may be tried.
    pub limits: Limits,
    /// How long a message that was not sent is kept, and with it whom it was for.
    pub keep_messages: Duration,
    /// 004's Layer tokens.
    pub layer: LayerSettings,
    /// OAuth and OpenID Connect.
    pub oauth: OAuthSettings,
    /// How the pages look.
    pub pages: PageSettings,
}

/// How long codes and links work.
#[derive(Clone, Copy, Debug)]
pub struct CodeLifetimes {
    /// 000's verification codes.
    pub verification: Duration,
    /// 001's confirmation and 002's e-mail link.
    pub confirmation: Duration,
    /// 001's and 003's reset links.
    pub reset: Duration,
    /// 002's SMS code.
    pub phone: Duration,
}

/// How long tokens work from the moment they are issued.
#[derive(Clone, Copy, Debug)]
pub struct SessionLifetimes {
    /// 000's `session_token`.
    pub ouser: Duration,
    /// 001's `access`.
    pub authd_access: Duration,
    /// 001's `refresh`.
    pub authd_refresh: Duration,
    /// 002's token.
    pub line: Duration,
    /// 003's `oauth_token`.
    pub authv1: Duration,
    /// 004's `token`.
    pub rest: Duration,
    /// A browser at the pages, however often it is used.
    pub browser: Duration,
    /// The same if it is not used.
    pub browser_idle: Duration,
    /// OAuth's access token, if its client has no other.
    pub oauth_access: Duration,
    /// OAuth's refresh token, if its client has no other.
    pub oauth_refresh: Duration,
    /// How long a session goes on from the sign-in that started it, however often it is refreshed
    /// (R064). A session that cannot be refreshed ends with its token.
    pub absolute: Duration,
    /// A token that was refreshed and comes back within this time is refused; later it ends its
    /// whole session, since then two parties hold it (R071).
    pub reuse_grace: Duration,
}

impl SessionLifetimes {
    /// The lifetime of a token of this purpose.
    pub fn of(&self, purpose: TokenPurpose) -> Duration {
        match purpose {
            TokenPurpose::OuserSession => self.ouser,
            TokenPurpose::AuthdAccess => self.authd_access,
            TokenPurpose::AuthdRefresh => self.authd_refresh,
            TokenPurpose::LineToken => self.line,
            TokenPurpose::AuthV1Token => self.authv1,
            TokenPurpose::RestToken => self.rest,
            TokenPurpose::BrowserSession => self.browser.min(self.browser_idle),
            TokenPurpose::OAuthAccess => self.oauth_access,
            TokenPurpose::OAuthRefresh => self.oauth_refresh,
        }
    }

    /// How long a browser is signed in at most.
    pub fn longest_browser(&self) -> Duration {
        self.browser.min(self.absolute)
    }

    /// When a browser's session ends that is used now; `None` if that is not worth a write: one for each tenth
    /// of the idle time is enough.
    pub fn browser_until(
        &self,
        started_at: Timestamp,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let longest = started_at.after(self.longest_browser());
        let until = now.after(self.browser_idle).min(longest);
        let step = if until == longest { Duration::ZERO } else { self.browser_idle / 10 };
        (until > expires_at && until >= expires_at.after(step)).then_some(until)
    }

    /// When the first token of a session that starts now ends.
    pub fn end_of_first(&self, purpose: TokenPurpose, now: Timestamp) -> Timestamp {
        let end = now.after(self.of(purpose));
        match purpose {
            TokenPurpose::OuserSession
            | TokenPurpose::AuthdAccess
            | TokenPurpose::AuthdRefresh
            | TokenPurpose::AuthV1Token
            | TokenPurpose::BrowserSession
            | TokenPurpose::OAuthAccess
            | TokenPurpose::OAuthRefresh => end.min(now.after(self.absolute)),
            TokenPurpose::LineToken | TokenPurpose::RestToken => end,
        }
    }
}

/// How often things may be tried.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Sign-ins per account.
    pub sign_in_per_account: Rate,
    /// Sign-ins and code tries per source.
    pub sign_in_per_source: Rate,
    /// Messages per address or number.
    pub messages_per_target: Rate,
    /// Messages per source: so few that it takes a hundred sources to use up those of the server.
    pub messages_per_source: Rate,
    /// Messages of the whole server.
    pub messages_total: Rate,
    /// Tries of a source to make an account (001, 002, 003, 004).
    pub registrations_per_source: Rate,
    /// Addresses of metadata documents that one source brings up.
    pub client_documents_per_source: Rate,
    /// 003's password resets per e-mail.
    pub resets: Quota,
    /// Sessions of an account on one surface; the oldest end for more (R072).
    pub sessions_per_account: u32,
    /// Tries that one source has at an SMS code of 002 before it is void for that source.
    pub phone_code_tries: u32,
}

/// 004's Layer identity tokens.
#[derive(Clone, Debug)]
pub struct LayerSettings {
    /// `iss`: `layer:///providers/<uuid>`; drawn at first start if not set.
    pub provider_id: Option<String>,
    /// `kid`: `layer:///keys/<uuid>`; drawn at first start if not set.
    pub key_id: Option<String>,
    /// The RSA key as PEM (PKCS#1 or PKCS#8); made at first start if not set.
    pub key_pem: Option<Secret>,
    /// `exp` less `iat`.
    pub token_lifetime: Duration,
}

/// OAuth 2 and OpenID Connect. How long access and refresh tokens work stands in [`SessionLifetimes`].
#[derive(Clone, Debug)]
pub struct OAuthSettings {
    /// How long an ID token is good.
    pub id_token: Duration,
    /// How long a code may be redeemed.
    pub code: Duration,
    /// How long a pushed request may be used.
    pub pushed_request: Duration,
    /// How long a device waits.
    pub device_code: Duration,
    /// What access tokens look like if their client does not say.
    pub access_token_format: TokenFormat,
    /// Who may register clients.
    pub registration: Registration,
    /// Whose metadata documents make clients (draft-ietf-oauth-client-id-metadata-document): addresses and
    /// what they begin with, or `*` for everybody's.
    pub client_documents: Vec<String>,
    /// The resources that such clients may ask for.
    pub client_document_resources: Vec<String>,
    /// What such clients may ask for besides the claims of people.
    pub client_document_scopes: Scope,
    /// Certificates of clients.
    pub mtls: MtlsSettings,
    /// Who may say whom a client acts for.
    pub trusted_issuers: Vec<TrustedIssuer>,
    /// Claims that the operator adds.
    pub claims: Arc<ConfiguredClaims>,
    /// Private hosts and networks that may be fetched from.
    pub fetch_allowed: Vec<String>,
    /// The types of authorization details that clients may be registered for (RFC 9396).
    pub authorization_details_types: Vec<String>,
    /// How old a signing key gets.
    pub key_rotation: Duration,
    /// How long a key is published before it signs.
    pub key_published_before: Duration,
    /// Whether every DPoP proof must have a nonce.
    pub require_dpop_nonce: bool,
}

/// Certificates of clients (RFC 8705).
#[derive(Clone, Debug, Default)]
pub struct MtlsSettings {
    /// Whether a certificate can get here at all.
    pub enabled: bool,
    /// Where clients that have one go, if not to the public URL; without a trailing slash.
    pub url: Option<String>,
    /// Whose certificates name clients.
    pub authorities: Option<ClientAuthorities>,
}

/// Who may say whom a client acts for (RFC 7523 §2.1).
#[derive(Clone, Debug, PartialEq)]
pub struct TrustedIssuer {
    /// `iss`.
    pub issuer: String,
    /// What it signs with.
    pub keys: IssuerKeys,
    /// What it may call this server besides the issuer and the token endpoint.
    pub audience: Vec<String>,
    /// How it names people.
    pub subject: AssertedSubject,
    /// What can be had by its word, of what the client may have.
    pub scope: Scope,
    /// The clients that may use its word; every client of the grant type if there is none.
    pub clients: Vec<String>,
}

/// The keys of a trusted issuer.
#[derive(Clone, Debug, PartialEq)]
pub enum IssuerKeys {
    /// These.
    Fixed(Jwks),
    /// Those at this address.
    At(String),
}

/// How an assertion names an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssertedSubject {
    /// `sub` is the account's public id.
    AccountId,
    /// `sub` is the username.
    Username,
    /// `email` is the account's address, which both sides have verified.
    Email,
}

/// Who may register clients (RFC 7591).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Registration {
    /// Nobody.
    Off,
    /// Who has this token.
    Token(Secret),
    /// Everybody.
    Open,
}

/// How the pages look.
#[derive(Clone, Debug)]
pub struct PageSettings {
    /// What the service is called.
    pub name: String,
    /// Its picture.
    pub logo_url: Option<String>,
    /// The colour of buttons and links.
    pub accent: Option<String>,
    /// The colour behind.
    pub background: Option<String>,
    /// The language of whoever asks for none that is here.
    pub language: String,
}

impl PageSettings {
    /// The languages that there are, in the order in which discovery names them.
    pub const LANGUAGES: [&'static str; 7] = ["en", "de", "fr", "es", "pt", "ja", "zh"];
}

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            public_url: "http://127.0.0.1:8080".to_owned(),
            authd_prefix: String::new(),
            password_floor: Floor::default(),
            breached_list: None,
            phone_region: None,
            conceal_accounts: false,
            codes: CodeLifetimes {
                verification: MINUTE * 10,
                confirmation: DAY * 5,
                reset: HOUR * 12,
                phone: HOUR,
            },
            sessions: SessionLifetimes {
                ouser: DAY * 30,
                authd_access: HOUR,
                authd_refresh: DAY * 5,
                line: DAY,
                authv1: DAY * 90,
                rest: DAY * 3650,
                browser: DAY * 30,
                browser_idle: DAY * 14,
                oauth_access: MINUTE * 5,
                oauth_refresh: DAY * 30,
                absolute: DAY * 365,
                reuse_grace: Duration::from_secs(10),
            },
            limits: Limits {
                sign_in_per_account: Rate { burst: 10, interval: MINUTE / 2 },
                sign_in_per_source: Rate { burst: 300, interval: Duration::from_millis(500) },
                messages_per_target: Rate { burst: 20, interval: MINUTE * 3 },
                messages_per_source: Rate { burst: 100, interval: Duration::from_secs(36) },
                messages_total: Rate { burst: 10_000, interval: Duration::from_millis(360) },
                registrations_per_source: Rate { burst: 1000, interval: Duration::from_secs(1) },
                client_documents_per_source: Rate { burst: 30, interval: MINUTE * 5 },
                resets: Quota { count: 3, window: DAY },
                sessions_per_account: 200,
                phone_code_tries: 5,
            },
            keep_messages: DAY * 30,
            layer: LayerSettings {
                provider_id: None,
                key_id: None,
                key_pem: None,
                token_lifetime: MINUTE * 5,
            },
            oauth: OAuthSettings::default(),
            pages: PageSettings::default(),
        }
    }
}

impl Default for OAuthSettings {
    fn default() -> OAuthSettings {
        OAuthSettings {
            id_token: MINUTE * 5,
            code: MINUTE,
            pushed_request: MINUTE,
            device_code: MINUTE * 10,
            access_token_format: TokenFormat::Opaque,
            registration: Registration::Off,
            client_documents: Vec::new(),
            client_document_resources: Vec::new(),
            client_document_scopes: Scope::default(),
            mtls: MtlsSettings::default(),
            trusted_issuers: Vec::new(),
            claims: Arc::default(),
            fetch_allowed: Vec::new(),
            authorization_details_types: Vec::new(),
            key_rotation: DAY * 90,
            key_published_before: DAY,
            require_dpop_nonce: false,
        }
    }
}

impl Default for PageSettings {
    fn default() -> PageSettings {
        PageSettings {
            name: "Countersign".to_owned(),
            logo_url: None,
            accent: None,
            background: None,
            language: "en".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_that_is_used_goes_on_and_ends_nevertheless() {
        let lifetimes = Settings::default().sessions;
        let begin = Timestamp::from_micros(1_700_000_000_000_000);
        let mut expires_at = lifetimes.end_of_first(TokenPurpose::BrowserSession, begin);
        assert_eq!(expires_at, begin.after(DAY * 14));
        let mut writes = 0;
        for hour in 0..30 * 24 {
            let now = begin.after(HOUR * hour);
            assert!(now < expires_at, "it ends after {hour} hours");
            if let Some(until) = lifetimes.browser_until(begin, expires_at, now) {
                assert!(until > expires_at);
                (expires_at, writes) = (until, writes + 1);
            }
        }
        assert_eq!(expires_at, begin.after(DAY * 30));
        assert!(writes <= 13, "{writes} writes");
    }
}
