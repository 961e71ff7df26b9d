//! The mail server and the SMS gateway: whether the one takes mail from here and the other can be reached.

use std::time::Duration;

use countersign_delivery::{SmsSettings, SmtpSecurity, SmtpSettings, test_mail_server};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::finding::Findings;
use crate::config::Settings;

const PATIENCE: Duration = Duration::from_secs(5);

/// Tries them.
pub async fn examine(settings: &Settings, findings: &mut Findings) {
    match &settings.delivery.smtp {
        Some(smtp) => mail(smtp, findings).await,
        None => findings.warning(
            "mail",
            "no mail server is configured: mail stays in the outbox",
            "set `host` and `from` in [smtp] before people are to get mail",
        ),
    }
    match &settings.delivery.sms {
        Some(sms) => gateway(sms, findings).await,
        None => findings.warning(
            "SMS",
            "no gateway is configured: SMS stay in the outbox",
            "set [sms] before people are to get codes by SMS",
        ),
    }
}

async fn mail(smtp: &SmtpSettings, findings: &mut Findings) {
    let usual = match smtp.security {
        SmtpSecurity::StartTls => 587,
        SmtpSecurity::Tls => 465,
        SmtpSecurity::None => 25,
    };
    let port = smtp.port.unwrap_or(usual);
    let place = format!("{}:{port}", smtp.host);
    // Just as the delivery worker does: greeting, certificate and password.
    match test_mail_server(smtp, "localhost", PATIENCE).await {
        Ok(()) => findings.good("mail", &format!("{place} takes mail from here")),
        Err(reason) => findings.problem(
            "mail",
            format!("{place} cannot be used: {reason}"),
            "check [smtp] (`host`, `port`, `security`, `ca_file`, `username`, `password`) and the firewall",
        ),
    }
}

async fn gateway(sms: &SmsSettings, findings: &mut Findings) {
    let url = sms.url.as_deref().unwrap_or("https://api.twilio.com");
    let Ok(parsed) = url.parse::<http::Uri>() else { return };
    let host = parsed.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let port = parsed.port_u16().unwrap_or(if parsed.scheme_str() == Some("http") { 80 } else { 443 });
    let connected = timeout(PATIENCE, TcpStream::connect((host.as_str(), port))).await;
    let advice = "check `url` in [sms], and the firewall";
    match connected {
        Ok(Ok(_)) => findings.good("SMS", &format!("{host}:{port} can be reached")),
        Ok(Err(error)) => {
            findings.problem("SMS", format!("{host}:{port} cannot be reached: {error}"), advice)
        }
        Err(_) => findings.problem("SMS", format!("{host}:{port} does not answer"), advice),
    }
}
