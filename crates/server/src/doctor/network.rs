//! The mail server and the SMS gateway: whether they can be reached from here.

use std::time::Duration;

use countersign_delivery::{SmsSettings, SmtpSecurity, SmtpSettings};
use tokio::io::AsyncReadExt;
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
    let greeted = timeout(PATIENCE, async {
        let mut stream =
            TcpStream::connect((smtp.host.as_str(), port)).await.map_err(|error| error.to_string())?;
        if smtp.security == SmtpSecurity::Tls {
            return Ok(());
        }
        let mut greeting = [0; 3];
        stream.read_exact(&mut greeting).await.map_err(|error| error.to_string())?;
        // RFC 5321 §3.1: 220 is the greeting of a server that takes mail.
        if greeting == *b"220" { Ok(()) } else { Err("it does not greet as a mail server".to_owned()) }
    });
    let advice = "check `host`, `port` and `security` in [smtp], and the firewall";
    match greeted.await {
        Ok(Ok(())) => findings.good("mail", &format!("{place} can be reached")),
        Ok(Err(reason)) => findings.problem("mail", format!("{place} cannot be used: {reason}"), advice),
        Err(_) => findings.problem("mail", format!("{place} does not answer"), advice),
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
