//! The page that asks whether an application may have what it asks for. What the answer leads to is in
//! `authorize.rs` and `device.rs`.

use askama::Template;
use countersign_model::oauth::{AuthorizationDetails, Client, ClientOrigin, RedirectUri, Scope};
use countersign_ops::oauth::advance_flow::ScopeLine;
use countersign_ops::oauth::browser_session::BrowserSession;
use countersign_ops::oauth::start_authorization::Flow;
use http::StatusCode;

use super::cookies::Browser;
use super::details::{Detail, readable};
use super::layout::{Hidden, Shell};
use super::words::{Words, fill};
use crate::http::{Call, Reply};

/// The page.
#[derive(Template)]
#[template(path = "consent.html")]
pub(super) struct Consent<'a> {
    pub(super) shell: &'a Shell<'a>,
    pub(super) hidden: Hidden,
    pub(super) action: &'static str,
    pub(super) heading: String,
    pub(super) lead: String,
    pub(super) warning: String,
    pub(super) scopes: Vec<Line>,
    pub(super) details: Vec<Detail>,
    pub(super) notes: Vec<String>,
    /// More hidden fields.
    pub(super) fields: Vec<(&'static str, String)>,
    pub(super) links: Vec<(String, &'static str)>,
}

/// A thing that is asked for.
pub(super) struct Line {
    pub(super) text: String,
    pub(super) known: bool,
}

/// The page of a flow. Its form goes to `/consent` with `decision` = `allow` or `deny`, and `scope`, what
/// was shown, and the session of whom it was shown to.
pub(super) fn page(
    call: &Call<'_>,
    browser: &Browser,
    sealed: &str,
    flow: &Flow,
    session: &BrowserSession,
    scopes: &[ScopeLine],
    details: &AuthorizationDetails,
) -> Reply {
    let shell = Shell::of_flow(call, flow);
    let words = shell.words;
    let (app, who) = (client_name(&flow.client), session.profile.shown_name());
    let host = flow.request.redirect_uri.as_deref().map(host_of).unwrap_or_default();
    let scope: Vec<&str> = scopes.iter().map(|line| line.name.as_str()).collect();
    let page = Consent {
        hidden: Hidden::of(call, browser, sealed, "/consent"),
        action: "/consent",
        heading: fill(words.consent_title, &[("app", app)]),
        lead: fill(words.consent_lead, &[("app", app), ("who", who)]),
        warning: [warning(words, &flow.client), local_warning(words, flow).to_owned()]
            .join(" ")
            .trim()
            .to_owned(),
        scopes: scopes
            .iter()
            .map(|line| Line { text: scope_text(words, &line.name), known: line.known })
            .collect(),
        details: readable(words, details),
        notes: vec![fill(words.answer_goes_to, &[("host", &host)])],
        fields: vec![("scope", scope.join(" ")), ("session", session.session.to_string())],
        links: links(words, &flow.client),
        shell: &shell,
    };
    browser.mark(shell.show(StatusCode::OK, &page))
}

/// What to call the application. One that nobody entered or registered is its host: a name of its own choice
/// in a heading would pass for somebody else's.
pub(super) fn client_name(client: &Client) -> &str {
    let named = || client.metadata.client_name.as_deref().unwrap_or(client.id.as_str());
    client.document_host().unwrap_or_else(named)
}

/// Who may call themselves anything is told apart from whom an operator entered.
pub(super) fn warning(words: &Words, client: &Client) -> String {
    match (client.origin, client.document_host()) {
        (ClientOrigin::CommandLine | ClientOrigin::Configuration, _) => String::new(),
        (ClientOrigin::MetadataDocument, Some(host)) => {
            let app = client.metadata.client_name.as_deref().unwrap_or(client.id.as_str());
            fill(words.document_client, &[("app", app), ("host", host)])
        }
        (ClientOrigin::Dynamic | ClientOrigin::MetadataDocument, _) => words.unchecked_client.to_owned(),
    }
}

/// Any program on a device can take a port or a scheme and call itself by the id of such a client.
fn local_warning(words: &Words, flow: &Flow) -> &'static str {
    let asked = flow.request.redirect_uri.as_deref();
    let only = || flow.client.metadata.redirect_uris.first().map(RedirectUri::as_str);
    let is_local = asked.or_else(only).is_some_and(|uri| !uri.starts_with("https://"));
    if is_local && !flow.client.is_operators() { words.answer_stays_here } else { "" }
}

/// What a scope means.
pub(super) fn scope_text(words: &Words, name: &str) -> String {
    let text = match name {
        Scope::OPENID => words.scope_openid,
        Scope::PROFILE => words.scope_profile,
        Scope::EMAIL => words.scope_email,
        Scope::PHONE => words.scope_phone,
        Scope::OFFLINE => words.scope_offline,
        Scope::GROUPS => words.scope_groups,
        Scope::ROLES => words.scope_roles,
        other => return fill(words.scope_other, &[("scope", other)]),
    };
    text.to_owned()
}

/// Only https: what a client says of itself may be any URL.
pub(super) fn links(words: &Words, client: &Client) -> Vec<(String, &'static str)> {
    let metadata = &client.metadata;
    let all = [(&metadata.policy_uri, words.privacy), (&metadata.tos_uri, words.terms)];
    let https = |(url, text): (&Option<String>, &'static str)| {
        let url = url.as_ref().filter(|url| url.starts_with("https://"))?;
        Some((url.clone(), text))
    };
    all.into_iter().filter_map(https).collect()
}

/// The host of a redirect URI, or its scheme if it has none. In lower case: an `I` looks like an `l`.
pub(super) fn host_of(uri: &str) -> String {
    let host = match uri.split_once("://") {
        Some((_, rest)) if !rest.starts_with('/') => rest.split(['/', '?']).next(),
        Some(_) | None => uri.split(':').next(),
    };
    host.unwrap_or_default().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_shown_in_lower_case() {
        assert_eq!(host_of("https://PayPaI.example:8443/cb?x=A"), "paypai.example:8443");
        assert_eq!(host_of("com.example.App:/cb"), "com.example.app");
        assert_eq!(host_of("com.example.app:///cb"), "com.example.app");
    }
}
