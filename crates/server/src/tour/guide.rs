//! Sends what the tour sends and shows it.

use std::error::Error;
use std::io;
use std::time::Duration;

use countersign_model::message::{Contents, Template};
use countersign_model::time::Stopwatch;
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use super::answer::Answer;
use super::line::LineConnection;
use super::made::Made;
use super::shorten;
use super::target::Target;
use crate::cli::output::{printable, say};
use crate::failure::{Failure, Outcome};

/// No answer may take longer: the slowest is the first Layer token, which waits for its key.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(50);

/// A body to send.
pub enum Body<'b> {
    /// None.
    Empty,
    /// As JSON.
    Json(Value),
    /// As a form.
    Form(&'b [(&'b str, &'b str)]),
}

/// A request and what is to come of it.
pub struct Step<'s> {
    /// The method.
    pub method: Method,
    /// The path, with the surface's prefix.
    pub path: String,
    /// `Authorization`.
    pub authorization: Option<String>,
    /// The body.
    pub body: Body<'s>,
    /// The status that the document names.
    pub expect: u16,
    /// What the step has shown, if so.
    pub shows: &'s str,
}

/// Leads through the tour.
pub struct Guide<'t> {
    target: &'t Target,
    pub(super) client: Client,
    chapters: u32,
    checks: u32,
    /// What goes again at the end.
    pub made: Made,
}

impl<'t> Guide<'t> {
    /// At this server.
    ///
    /// # Errors
    /// If this machine cannot speak HTTP.
    pub fn new(target: &'t Target) -> Outcome<Guide<'t>> {
        let client = Client::builder().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none()).build();
        let client = client.map_err(|error| Failure::failed(format!("cannot speak HTTP: {error}")))?;
        Ok(Guide { target, client, chapters: 0, checks: 0, made: Made::default() })
    }

    /// Where the tour is.
    pub fn target(&self) -> &'t Target {
        self.target
    }

    /// The first words.
    ///
    /// # Errors
    /// If nobody reads.
    pub fn welcome(&self) -> Outcome {
        say(&format!("A tour of Countersign at {}", self.target.base))?;
        say(&format!("  {}", self.target.described))?;
        say("  One account, five APIs. → is what a client sends, ← what it gets; secrets are shortened.")
    }

    /// The last words: what to do next.
    ///
    /// # Errors
    /// If nobody reads.
    pub fn farewell(&self) -> Outcome {
        say(&format!("\nAll {} checks as documented.\n\nNext", self.checks))?;
        if self.target.is_own() {
            say(
                "  countersign serve                start a server that stays; its data is in ./countersign-data",
            )?;
        }
        say("  countersign outbox list          the messages, as long as no mail server is configured")?;
        say("  countersign account add --help   accounts without registration")?;
        say("  countersign doctor               what is missing for production")
    }

    /// Begins a chapter.
    ///
    /// # Errors
    /// If nobody reads.
    pub fn chapter(&mut self, title: &str) -> Outcome {
        self.chapters += 1;
        say(&format!("\n{}. {title}", self.chapters))
    }

    /// Notes a check that has passed.
    ///
    /// # Errors
    /// If nobody reads.
    pub fn passed(&mut self, shows: &str) -> Outcome {
        self.checks += 1;
        say(&format!("  ✓ {shows}"))
    }

    /// POSTs JSON.
    ///
    /// # Errors
    /// If the answer is not as documented.
    pub async fn post(&mut self, path: String, body: Value, expect: u16, shows: &str) -> Outcome<Answer> {
        let body = Body::Json(body);
        self.step(Step { method: Method::POST, path, authorization: None, body, expect, shows }).await
    }

    /// Sends a request, shows it and its answer.
    ///
    /// # Errors
    /// If the answer is not as documented.
    pub async fn step(&mut self, step: Step<'_>) -> Outcome<Answer> {
        say("")?;
        say(&format!("  → {} {}{}", step.method, self.target.base, step.path))?;
        let mut request = self.client.request(step.method, format!("{}{}", self.target.base, step.path));
        if let Some(authorization) = step.authorization {
            say(&format!("    Authorization: {}", shorten::field("Authorization", &authorization)))?;
            request = request.header("Authorization", authorization);
        }
        request = match step.body {
            Body::Empty => request,
            Body::Json(value) => {
                say(&format!("    {}", shorten::json(&value)))?;
                request.header("Content-Type", "application/json").body(value.to_string())
            }
            Body::Form(fields) => {
                say(&format!("    {}", shorten::form(fields)))?;
                request.form(fields)
            }
        };
        let response = request.send().await.map_err(|error| unreachable_server(&self.target.base, error))?;
        let status = response.status();
        let text = response.text().await.map_err(|error| unreachable_server(&self.target.base, error))?;
        let body: Value = serde_json::from_str(&text).unwrap_or_else(|_| json!(text));
        say(&format!("  ← {status}"))?;
        if !text.is_empty() {
            say(&format!("    {}", printable(&shorten::json(&body).to_string())))?;
        }
        self.check_status(status, step.expect, step.shows)?;
        Ok(Answer(body))
    }

    /// Notes what an answer shows, if it has the status that the document names.
    ///
    /// # Errors
    /// If it has another.
    pub(super) fn check_status(&mut self, status: StatusCode, expect: u16, shows: &str) -> Outcome {
        if status.as_u16() != expect {
            say(&format!("  ✗ {shows}"))?;
            return Err(Failure::failed(format!("the answer has status {status}, not {expect}")));
        }
        self.passed(shows)
    }

    /// Sends a line of document 002, shows it and its answer.
    ///
    /// # Errors
    /// If the answer does not begin as expected.
    pub async fn line(
        &mut self,
        connection: &mut LineConnection,
        request: &str,
        expect: &str,
        shows: &str,
    ) -> Outcome<String> {
        say("")?;
        say(&format!("  → {}", shorten::line(request)))?;
        let answer = tokio::time::timeout(PATIENCE, connection.ask(request)).await;
        let answer = answer.map_err(|_| Failure::failed("the line surface does not answer"))??;
        say(&format!("  ← {}", printable(&shorten::line(&answer))))?;
        if answer != expect && !answer.starts_with(&format!("{expect} ")) {
            say(&format!("  ✗ {shows}"))?;
            return Err(Failure::failed(format!("the answer is not `{expect}`")));
        }
        self.passed(shows)?;
        Ok(answer)
    }

    /// The newest message of a kind to somebody, read in the outbox.
    ///
    /// # Errors
    /// If there is none.
    pub async fn message(&mut self, to: &str, template: Template) -> Outcome<Contents> {
        let watch = Stopwatch::start();
        while watch.elapsed() < PATIENCE {
            let messages = self.target.core.list_messages(None).await;
            let messages =
                messages.map_err(|error| Failure::failed(format!("cannot read the outbox: {error}")))?;
            let is_wanted = |contents: &Contents| contents.to == to;
            let mut wanted = messages.into_iter().rev().filter(|message| message.template == template.into());
            if let Some(contents) = wanted.find_map(|message| message.contents.filter(is_wanted)) {
                let secret =
                    contents.link.as_ref().or(contents.code.as_ref()).map_or("", |secret| secret.reveal());
                self.passed(&format!("the outbox has a message to {to}: {secret}"))?;
                return Ok(contents);
            }
            tokio::time::sleep(POLL).await;
        }
        Err(Failure::failed(format!("the outbox has no message {} to {to}", template.name())))
    }
}

/// Why a request had no answer, down to its cause: the outermost error says only that there is none.
pub(super) fn unreachable_server(base: &str, error: reqwest::Error) -> Failure {
    let error = error.without_url();
    let outermost: &(dyn Error + 'static) = &error;
    let causes = || std::iter::successors(Some(outermost), |&cause| beneath(cause));
    let mut why = String::new();
    for cause in causes().map(ToString::to_string) {
        if !why.contains(&cause) {
            why = if why.is_empty() { cause } else { format!("{why}: {cause}") };
        }
    }
    let is_distrusted = |cause: &(dyn Error + 'static)| {
        matches!(cause.downcast_ref::<rustls::Error>(), Some(rustls::Error::InvalidCertificate(_)))
    };
    let is_refused = |cause: &(dyn Error + 'static)| {
        let error = cause.downcast_ref::<io::Error>();
        error.is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
    };
    if causes().any(is_distrusted) {
        return Failure::failed(format!("the certificate of {base} is not accepted: {why}")).advice(
            "it must be for the name in this URL, from an authority that this machine trusts; the environment variable \
             SSL_CERT_FILE names a file with others",
        );
    }
    let failure = Failure::failed(format!("{base} does not answer: {why}"));
    match causes().any(is_refused) {
        true => failure.advice(
            "nothing listens there: start the server with `countersign serve`, or name another with --url",
        ),
        false => failure,
    }
}

/// What an error wraps. One of the system does not call it its source.
fn beneath<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    match wrapped {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}
