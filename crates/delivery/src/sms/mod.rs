//! SMS over HTTP, by a gateway of the operator's choice.

mod json_body;

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use countersign_model::message::Message;
use countersign_model::secret::Secret;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Certificate, Client, RequestBuilder, Response, StatusCode, Url, redirect, tls};

use crate::failure::{Failure, chain_of};
use crate::settings::{SetupError, SmsFormat, SmsSettings, is_loopback};
use json_body::JsonBody;

/// How much of an answer is read; what matters is its status.
const ANSWER_BYTES: usize = 16 * 1024;

/// The way to the SMS gateway.
pub struct Sms {
    client: Client,
    url: Url,
    headers: HeaderMap,
    body: Body,
    timeout: Duration,
}

/// What the gateway expects.
enum Body {
    Twilio { account_sid: String, auth_token: Secret, from: String },
    Json(JsonBody),
}

impl Sms {
    /// Reads the settings; connects to nobody yet.
    ///
    /// # Errors
    /// [`SetupError`].
    pub fn new(settings: &SmsSettings) -> Result<Sms, SetupError> {
        let body = body(settings)?;
        let url = url(settings)?;
        let host = url.host_str().unwrap_or_default().to_owned();
        if url.scheme() == "http" && !is_loopback(&host) {
            if !settings.allow_plaintext {
                return Err(SetupError::Plaintext { setting: "sms.url", section: "sms", host });
            }
            tracing::warn!(host, "SMS with codes travel unprotected: sms.url is http");
        }
        let mut headers = headers(&settings.headers)?;
        if settings.format == SmsFormat::Json && !headers.contains_key(CONTENT_TYPE) {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        Ok(Sms {
            client: client(settings, is_loopback(&host))?,
            headers,
            url,
            body,
            timeout: settings.timeout,
        })
    }

    /// The longest that [`Sms::send`] takes.
    pub(crate) fn longest(&self) -> Duration {
        self.timeout
    }

    /// Sends one SMS.
    pub(crate) async fn send(&self, message: &Message, to: &str, text: &str) -> Result<(), Failure> {
        if !is_number(to) {
            return Err(Failure::never("the number is none"));
        }
        let request = self.client.post(self.url.clone()).headers(self.headers.clone());
        // A gateway that knows it takes a repeated try for what it is.
        let request = request.header("Idempotency-Key", message.id.to_string());
        let answer = self.with_body(request, to, text).send().await;
        let answer = answer.map_err(|error| {
            let what = if error.is_timeout() { "the SMS gateway is too slow" } else { "the SMS gateway" };
            Failure::later(format!("{what}: {}", chain_of(&error.without_url())))
        })?;
        judge(answer).await
    }

    fn with_body(&self, request: RequestBuilder, to: &str, text: &str) -> RequestBuilder {
        match &self.body {
            Body::Twilio { account_sid, auth_token, from } => request
                .basic_auth(account_sid, Some(auth_token.reveal()))
                .form(&[("To", to), ("From", from), ("Body", text)]),
            Body::Json(template) => request.body(template.fill(to, text)),
        }
    }
}

/// What the gateway's answer means. Its words may repeat the number, so only numbers are kept of it.
async fn judge(answer: Response) -> Result<(), Failure> {
    let status = answer.status();
    let wait = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let code = read_code(answer).await;
    if status.is_success() {
        return Ok(());
    }
    let reason = match code {
        Some(code) => format!("the SMS gateway said {} (its code {code})", status.as_u16()),
        None => format!("the SMS gateway said {}", status.as_u16()),
    };
    let may_pass = matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
    if status.is_client_error() && !may_pass {
        return Err(Failure::Never(reason));
    }
    Err(Failure::Later { reason, wait: wait.map(Duration::from_secs) })
}

/// The number under `code` in a JSON answer (Twilio's error code). Reads the answer to its end if
/// that is near, so that the connection can be used again.
async fn read_code(mut answer: Response) -> Option<i64> {
    let mut read = Vec::new();
    while let Ok(Some(chunk)) = answer.chunk().await {
        if read.len() + chunk.len() > ANSWER_BYTES {
            return None;
        }
        read.extend_from_slice(&chunk);
    }
    serde_json::from_slice::<serde_json::Value>(&read).ok()?.get("code")?.as_i64()
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or(text);
    (1..=20).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
}

fn invalid(setting: &'static str, problem: impl Into<String>) -> SetupError {
    SetupError::Invalid { setting, problem: problem.into() }
}

fn body(settings: &SmsSettings) -> Result<Body, SetupError> {
    let given = |name, value: &Option<String>| {
        value.clone().filter(|value| !value.is_empty()).ok_or(SetupError::Missing(name))
    };
    match settings.format {
        SmsFormat::Twilio => Ok(Body::Twilio {
            account_sid: given("sms.account_sid", &settings.account_sid)?,
            auth_token: settings.auth_token.clone().ok_or(SetupError::Missing("sms.auth_token"))?,
            from: given("sms.from", &settings.from)?,
        }),
        SmsFormat::Json => {
            let template = given("sms.template", &settings.template)?;
            let body = JsonBody::parse(&template, settings.from.as_deref());
            Ok(Body::Json(body.map_err(|problem| invalid("sms.template", problem))?))
        }
    }
}

fn url(settings: &SmsSettings) -> Result<Url, SetupError> {
    let text = match (&settings.url, settings.format, &settings.account_sid) {
        (Some(url), _, _) => url.clone(),
        (None, SmsFormat::Twilio, Some(sid)) if sid.bytes().all(|b| b.is_ascii_alphanumeric()) => {
            format!("https://api.twilio.com/2010-04-01/Accounts/{sid}/Messages.json")
        }
        (None, SmsFormat::Twilio, Some(_)) => {
            return Err(invalid("sms.account_sid", "letters and digits only"));
        }
        (None, SmsFormat::Twilio, None) | (None, SmsFormat::Json, _) => {
            return Err(SetupError::Missing("sms.url"));
        }
    };
    let url = Url::parse(&text).map_err(|error| invalid("sms.url", error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(invalid("sms.url", "not an http or https URL"));
    }
    Ok(url)
}

fn headers(given: &BTreeMap<String, Secret>) -> Result<HeaderMap, SetupError> {
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let parsed = HeaderName::from_bytes(name.as_bytes());
        let parsed =
            parsed.map_err(|_| invalid("sms.headers", format!("`{name}` is no name of a header field")))?;
        let value = HeaderValue::from_str(value.reveal());
        let mut value = value.map_err(|_| {
            invalid("sms.headers", format!("the value of `{name}` is none of a header field"))
        })?;
        value.set_sensitive(true);
        headers.insert(parsed, value);
    }
    Ok(headers)
}

fn client(settings: &SmsSettings, to_this_machine: bool) -> Result<Client, SetupError> {
    let mut builder = Client::builder()
        // A redirect would take the code, and the credentials, to where nobody configured.
        .redirect(redirect::Policy::none())
        .tls_version_min(tls::Version::TLS_1_2)
        .timeout(settings.timeout)
        .user_agent("countersign");
    if to_this_machine {
        builder = builder.no_proxy();
    }
    if let Some(path) = &settings.ca_file {
        let named = |problem: String| invalid("sms.ca_file", format!("{}: {problem}", path.display()));
        let pem = fs::read(path).map_err(|error| named(error.to_string()))?;
        let certificates = Certificate::from_pem_bundle(&pem).map_err(|error| named(chain_of(&error)))?;
        if certificates.is_empty() {
            return Err(named("there is no certificate in it".to_owned()));
        }
        builder = builder.tls_certs_merge(certificates);
    }
    builder.build().map_err(|error| invalid("sms.url", chain_of(&error)))
}

#[cfg(test)]
mod tests;
