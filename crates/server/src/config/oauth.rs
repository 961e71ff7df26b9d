//! `[oauth]` and `[pages]`.

use std::time::Duration;

use countersign_model::oauth::{Scope, TokenFormat};
use countersign_ops::{OAuthSettings, PageSettings, Registration};
use countersign_wire::SurfaceSettings;

use super::reader::Reader;
use super::settings::is_positive;

const POSITIVE: &str = "a duration above 0, such as \"10m\"";

/// Whether the surface is served. It has no prefix: its paths follow the issuer.
pub fn surface(reader: &mut Reader<'_>) -> SurfaceSettings {
    SurfaceSettings { enabled: reader.or("surfaces.oauth.enabled", true), prefix: String::new() }
}

/// How long tokens work if their client does not say: access, refresh.
pub fn token_lifetimes(reader: &mut Reader<'_>, access: Duration, refresh: Duration) -> (Duration, Duration) {
    (
        reader.checked("oauth.access_token", access, POSITIVE, is_positive),
        reader.checked("oauth.refresh_token", refresh, POSITIVE, is_positive),
    )
}

/// Reads `[oauth]`.
pub fn read(reader: &mut Reader<'_>) -> OAuthSettings {
    let default = OAuthSettings::default();
    let registration = registration(reader);
    let access_token_format = reader
        .choice("oauth.access_token_format", &[("opaque", TokenFormat::Opaque), ("jwt", TokenFormat::Jwt)]);
    let client_documents =
        reader.checked("oauth.client_documents", default.client_documents, ADDRESSES, |texts| {
            are_addresses(texts)
        });
    let client_document_resources =
        reader.or("oauth.client_document_resources", default.client_document_resources);
    let client_document_scopes = scopes(reader, "oauth.client_document_scopes");
    let fetch_allowed = reader.or("oauth.fetch_allowed", default.fetch_allowed);
    let authorization_details_types =
        reader.or("oauth.authorization_details_types", default.authorization_details_types);
    let require_dpop_nonce = reader.or("oauth.require_dpop_nonce", default.require_dpop_nonce);
    let mut lifetime = |key, default| reader.checked(key, default, POSITIVE, is_positive);
    OAuthSettings {
        id_token: lifetime("oauth.id_token", default.id_token),
        code: lifetime("oauth.code", default.code),
        pushed_request: lifetime("oauth.pushed_request", default.pushed_request),
        device_code: lifetime("oauth.device_code", default.device_code),
        key_rotation: lifetime("oauth.key_rotation", default.key_rotation),
        key_published_before: lifetime("oauth.key_published_before", default.key_published_before),
        access_token_format,
        registration,
        client_documents,
        client_document_resources,
        client_document_scopes,
        // `mtls.rs` reads it.
        mtls: default.mtls,
        // They are tables, which `issuers.rs` and `claims.rs` read.
        trusted_issuers: default.trusted_issuers,
        claims: default.claims,
        fetch_allowed,
        authorization_details_types,
        require_dpop_nonce,
    }
}

const ADDRESSES: &str = "a list of https URLs without a query, or [\"*\"] for all";

fn are_addresses(texts: &[String]) -> bool {
    let is_address = |text: &String| {
        let host = text.strip_prefix("https://").and_then(|rest| rest.split('/').next());
        text == "*" || (host.is_some_and(|host| !host.is_empty()) && !text.contains(['?', '#', '*', '@']))
    };
    texts.iter().all(is_address)
}

fn scopes(reader: &mut Reader<'_>, key: &str) -> Scope {
    let read = |names: &[String]| Scope::parse(&names.join(" ")).ok();
    let names =
        reader.checked(key, Vec::new(), "a list of scopes", |names: &Vec<String>| read(names).is_some());
    read(&names).unwrap_or_default()
}

#[derive(Clone, Copy)]
enum Who {
    Nobody,
    TokenHolders,
    Everybody,
}

fn registration(reader: &mut Reader<'_>) -> Registration {
    let choices = [("off", Who::Nobody), ("token", Who::TokenHolders), ("open", Who::Everybody)];
    let who = reader.choice("oauth.registration", &choices);
    let token = reader.secret("oauth.registration_token");
    match (who, token) {
        (Who::Nobody, _) => Registration::Off,
        (Who::Everybody, _) => Registration::Open,
        (Who::TokenHolders, Some(token)) => Registration::Token(token),
        (Who::TokenHolders, None) => {
            reader.missing("`oauth.registration` is \"token\", so `oauth.registration_token` must be set");
            Registration::Off
        }
    }
}

/// Reads `[pages]`.
pub fn pages(reader: &mut Reader<'_>) -> PageSettings {
    let default = PageSettings::default();
    let named = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    PageSettings {
        name: reader.parsed("pages.name", "a name", named).unwrap_or(default.name),
        logo_url: reader.parsed("pages.logo_url", "an https URL", https_url),
        accent: reader.parsed("pages.accent", "a colour such as \"#0b57d0\"", colour),
        background: reader.parsed("pages.background", "a colour such as \"#ffffff\"", colour),
        language: reader
            .choice("pages.language", &PageSettings::LANGUAGES.map(|lang| (lang, lang)))
            .to_owned(),
    }
}

/// It stands in a page's policy, so nothing that ends a word there.
fn https_url(text: &str) -> Option<String> {
    let is_plain = |b: u8| b.is_ascii_graphic() && !matches!(b, b'"' | b'\'' | b'<' | b'>' | b';' | b',');
    (text.strip_prefix("https://").is_some_and(|rest| !rest.is_empty()) && text.bytes().all(is_plain))
        .then(|| text.to_owned())
}

fn colour(text: &str) -> Option<String> {
    let digits = text.strip_prefix('#')?;
    (matches!(digits.len(), 3 | 6) && digits.bytes().all(|b| b.is_ascii_hexdigit())).then(|| text.to_owned())
}
