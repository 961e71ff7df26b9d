//! What the server says on standard output when it is ready.

use std::fmt::Write as _;
use std::io::Write as _;

use countersign_delivery::{SmsSettings, SmtpSettings};
use countersign_model::time::Stopwatch;
use countersign_wire::SurfaceSettings;
use serde_json::json;

use super::listen::Addresses;
use super::{Announcement, Server};
use crate::config::{is_loopback, shows_self_signed_line, without_password};
use crate::failure::Outcome;

/// Says it.
///
/// # Errors
/// If nobody can hear it.
pub fn announce(server: &Server, announcement: &Announcement, since_start: Stopwatch) -> Outcome {
    let addresses = server.listeners.addresses;
    let said = match announcement {
        Announcement::AddressesJson => addresses_json(addresses),
        Announcement::Text { place } => text(server, place, since_start),
    };
    let mut out = std::io::stdout().lock();
    writeln!(out, "{said}")?;
    out.flush()?;
    if !is_loopback(addresses.metrics) {
        tracing::warn!(address = %addresses.metrics, "the metrics can be read from other machines");
    }
    if let Some(address) = addresses.line.filter(|_| shows_self_signed_line(&server.settings)) {
        tracing::warn!(
            %address,
            "the line surface shows other machines a self-signed certificate: set `certificate` and `key` in [line]"
        );
    }
    Ok(())
}

/// Where the server can be reached, for programs.
pub fn addresses_json(addresses: Addresses) -> String {
    let line = addresses.line.map(|address| address.to_string());
    let mut all = json!({
        "http": addresses.http.to_string(), "line": line, "metrics": addresses.metrics.to_string(),
    });
    if let Some(mtls) = addresses.mtls {
        all["mtls"] = mtls.to_string().into();
    }
    all.to_string()
}

fn text(server: &Server, place: &str, since_start: Stopwatch) -> String {
    let Server { settings, listeners, .. } = server;
    let addresses = listeners.addresses;
    let mut out = format!("Countersign {}\n\n", env!("CARGO_PKG_VERSION"));
    let mut row = |name: &str, text: &str| {
        let _ = writeln!(out, "  {name:<9} {text}");
    };
    row("HTTP", &settings.own_url(listeners.addresses.http));
    if settings.operations.public_url != settings.own_url(listeners.addresses.http) {
        row("", &format!("reached as {}", settings.operations.public_url));
    }
    row("  ouser", &surface(&settings.ouser, &["/send", "/register", "/login", "/refresh", "…"]));
    row(
        "  authd",
        &surface(&settings.authd, &["/v1/requests/accounts", "/v1/tokens/", "/v1/requests/credentials/"]),
    );
    row("  authv1", &surface(&settings.authv1, &["/auth/v1/registermember", "/auth/v1/tokenrequest", "…"]));
    row(
        "  rest",
        &surface(&settings.rest, &["/auth/register/", "/auth/login/", "/auth/profile/", "/auth/layer/"]),
    );
    row("  oauth", &surface(&settings.oauth, &["/.well-known/openid-configuration"]));
    if settings.oauth.enabled {
        row("  pages", &surface(&settings.oauth, &["/sign-up", "/sign-in", "/account"]));
    }
    row("", "/openapi.json  /health/live  /health/ready");
    match (addresses.line, &server.certificates.line) {
        (Some(address), Some(certificate)) => {
            row("line", &format!("{address} (TLS, certificate {})", certificate.path().display()));
        }
        (_, _) => row("line", "off"),
    }
    if let Some(address) = addresses.mtls {
        row("mTLS", &format!("https://{address} (for clients with certificates)"));
    }
    row("metrics", &format!("http://{}/metrics", addresses.metrics));
    row(
        "data",
        &format!("{} ({})", settings.data_dir.display(), without_password(settings.database.reveal())),
    );
    row("mail", &mail(settings.delivery.smtp.as_ref()));
    row("SMS", &sms(settings.delivery.sms.as_ref()));
    let _ = write!(out, "\n{}\n", next_steps(place, settings.oauth.enabled));
    let _ = write!(out, "\nready after {} ms; stop with Ctrl-C", since_start.elapsed().as_millis());
    out
}

fn surface(settings: &SurfaceSettings, paths: &[&str]) -> String {
    if !settings.enabled {
        return "off".to_owned();
    }
    let with_prefix = |path: &&str| match *path {
        "…" => "…".to_owned(),
        path => format!("{}{path}", settings.prefix),
    };
    paths.iter().map(with_prefix).collect::<Vec<_>>().join("  ")
}

fn mail(smtp: Option<&SmtpSettings>) -> String {
    smtp.map_or_else(
        || "stays in the outbox until [smtp] is set".to_owned(),
        |smtp| format!("by {}", smtp.host),
    )
}

fn sms(sms: Option<&SmsSettings>) -> String {
    match sms {
        None => "stays in the outbox until [sms] is set".to_owned(),
        Some(SmsSettings { url: Some(url), .. }) => {
            let host = url.parse::<http::Uri>().ok().and_then(|url| url.host().map(str::to_owned));
            format!("by {}", host.as_deref().unwrap_or("the gateway"))
        }
        Some(SmsSettings { url: None, .. }) => "by Twilio".to_owned(),
    }
}

/// The commands to try, as they reach this server from here.
fn next_steps(place: &str, has_clients: bool) -> String {
    let client = has_clients.then_some((
        "client add --spa http://localhost:5173/cb",
        "makes an application that signs people in",
    ));
    let steps = [
        Some(("tour", "walks through all surfaces, with accounts of its own")),
        client,
        Some(("outbox list", "shows the messages")),
        Some(("doctor", "says what is missing for production")),
    ];
    let command = |step: &str| format!("countersign {step}{place}");
    let steps: Vec<_> = steps.into_iter().flatten().map(|(step, does)| (command(step), does)).collect();
    let width = steps.iter().map(|(command, _)| command.chars().count()).max().unwrap_or(0);
    let rows = steps.iter().enumerate().map(|(number, (command, does))| {
        let title = if number == 0 { "Try" } else { "" };
        format!("  {title:<9} {command:<width$}  {does}")
    });
    rows.collect::<Vec<_>>().join("\n")
}
