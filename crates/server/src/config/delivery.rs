//! `[smtp]`, `[sms]` and `[delivery]`. Which of them belong together is checked where delivery is set up.

use std::time::Duration;

use countersign_delivery::{DeliverySettings, SmsFormat, SmsSettings, SmtpSecurity, SmtpSettings};
use countersign_model::identifier::Identifier;

use super::reader::{MASK, Reader};
use super::settings::is_positive;

/// Reads the three sections.
pub fn read(reader: &mut Reader<'_>) -> DeliverySettings {
    let positive = "a duration above 0, such as \"5s\"";
    let default = DeliverySettings::default();
    DeliverySettings {
        smtp: smtp(reader),
        sms: sms(reader),
        templates_dir: reader.path("delivery.templates_dir"),
        max_attempts: reader.checked(
            "delivery.max_attempts",
            default.max_attempts,
            "a number from 1 to 100",
            |n| (1..=100).contains(n),
        ),
        first_retry: reader.checked("delivery.first_retry", default.first_retry, positive, is_positive),
        poll: reader.checked("delivery.poll", default.poll, positive, is_positive),
    }
}

fn smtp(reader: &mut Reader<'_>) -> Option<SmtpSettings> {
    let host = reader.parsed("smtp.host", "the name of the mail server", non_empty);
    let port = reader.optional_checked("smtp.port", "a port from 1 to 65535", |port: &u16| *port > 0);
    let security = reader.choice(
        "smtp.security",
        &[("starttls", SmtpSecurity::StartTls), ("tls", SmtpSecurity::Tls), ("none", SmtpSecurity::None)],
    );
    let settings = SmtpSettings {
        host: host.clone().unwrap_or_default(),
        port,
        security,
        allow_plaintext: reader.or("smtp.allow_plaintext", false),
        ca_file: reader.path("smtp.ca_file"),
        username: reader.parsed("smtp.username", "a text that is not empty", non_empty),
        password: reader.secret("smtp.password"),
        from: reader.parsed("smtp.from", "an address or `Name <address>`", mailbox).unwrap_or_default(),
        timeout: timeout(reader, "smtp.timeout"),
    };
    if host.is_none() && reader.is_written("smtp.from") && !reader.is_written("smtp.host") {
        reader.missing("`smtp.from` is set, so `smtp.host` must be too: the name of the mail server");
    }
    if host.is_some() && !reader.is_written("smtp.from") {
        reader.missing("`smtp.host` is set, so `smtp.from` must be too: the sender of all mail");
    }
    if settings.password.is_some() && !reader.is_written("smtp.username") {
        reader.missing("`smtp.password` is set, so `smtp.username` must be too");
    }
    if settings.username.is_some()
        && !reader.is_written("smtp.password")
        && !reader.is_written("smtp.password_file")
    {
        reader.missing("`smtp.username` is set, so `smtp.password` or `smtp.password_file` must be too");
    }
    host.map(|_| settings)
}

fn sms(reader: &mut Reader<'_>) -> Option<SmsSettings> {
    let url = reader.masked("sms.url", "a URL that starts with http:// or https://", http_url, shown_url);
    let template = "a JSON text with {{to}} and {{text}}";
    let template = reader.masked("sms.template", template, json_template, |_| MASK.to_owned());
    let format = reader.choice("sms.format", &[("twilio", SmsFormat::Twilio), ("json", SmsFormat::Json)]);
    let settings = SmsSettings {
        url,
        format,
        allow_plaintext: reader.or("sms.allow_plaintext", false),
        ca_file: reader.path("sms.ca_file"),
        account_sid: reader.parsed("sms.account_sid", "a text that is not empty", non_empty),
        auth_token: reader.secret("sms.auth_token"),
        from: reader.parsed("sms.from", "a number or a sender's name", non_empty),
        template,
        headers: reader.texts("sms.headers").into_iter().collect(),
        timeout: timeout(reader, "sms.timeout"),
    };
    // Twilio's own URL follows from the account.
    (settings.url.is_some() || settings.account_sid.is_some()).then_some(settings)
}

fn timeout(reader: &mut Reader<'_>, key: &str) -> Duration {
    let allowed = "a duration above 0, such as \"20s\"";
    reader.checked(key, Duration::from_secs(20), allowed, is_positive)
}

fn non_empty(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty() && !text.contains(char::is_control)).then(|| text.to_owned())
}

fn mailbox(text: &str) -> Option<String> {
    let text = non_empty(text)?;
    let address = match text.split_once('<') {
        Some((_, rest)) => rest.strip_suffix('>')?,
        None => &text,
    };
    Identifier::email(address).ok()?;
    Some(text.clone())
}

/// An absolute `http` or `https` URL.
pub fn http_url(text: &str) -> Option<String> {
    let url: http::Uri = text.parse().ok()?;
    let scheme = url.scheme_str()?;
    (matches!(scheme, "http" | "https") && url.host().is_some_and(|host| !host.is_empty()))
        .then(|| text.to_owned())
}

/// Gateways take their keys as a user of the URL or in its query.
fn shown_url(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return MASK.to_owned() };
    let (rest, query) = rest.split_at(rest.find(['?', '#']).unwrap_or(rest.len()));
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (user, host) = match authority.rsplit_once('@') {
        Some((_, host)) => (format!("{MASK}@"), host),
        None => (String::new(), authority),
    };
    let query = query.get(..1).map_or(String::new(), |mark| format!("{mark}{MASK}"));
    format!("{scheme}://{user}{host}{path}{query}")
}

/// The placeholders stand inside JSON strings, so the template itself is JSON.
fn json_template(text: &str) -> Option<String> {
    serde_json::from_str::<serde_json::Value>(text).ok()?;
    (text.contains("{{to}}") && text.contains("{{text}}")).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_its_secrets() {
        for (url, shown) in [
            ("https://sms.example.com/x", "https://sms.example.com/x"),
            ("https://u:canary@h:1/x?key=canary", "https://********@h:1/x?********"),
            ("https://canary@h?canary/@canary", "https://********@h?********"),
            ("http://h/x#canary", "http://h/x#********"),
        ] {
            assert_eq!(shown_url(url), shown);
        }
    }
}
