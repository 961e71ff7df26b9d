//! The targets of links in messages. Opening one changes nothing, its button does (R037).

use askama::Template;
use countersign_ops::reset_password::{ResetPassword as Reset, ResetPasswordError, ResetProof};
use http::StatusCode;

use super::coded::{RULE, password_hint};
use super::error::Error;
use super::layout::{FlowNotice, Shell};
use super::words;
use crate::http::{Accept, Call, Reply, is_cross_site};

/// The button of 002's verification mail.
#[derive(Template)]
#[template(path = "verify_email.html")]
struct VerifyEmail<'a> {
    shell: &'a Shell<'a>,
}

/// The form of 001's and 003's reset mails.
#[derive(Template)]
#[template(path = "reset_password.html")]
struct ResetPassword<'a> {
    shell: &'a Shell<'a>,
    password_hint: String,
    faults: Vec<String>,
}

pub(super) async fn ask_to_verify(call: &Call<'_>) -> Result<Reply, Error> {
    let shell = Shell::of(call);
    Ok(shell.show(StatusCode::OK, &VerifyEmail { shell: &shell }))
}

pub(super) async fn verify_email(call: &Call<'_>) -> Result<Reply, Error> {
    refuse_other_sites(call)?;
    call.core().verify_email(call.parameter(), call.source()).await?;
    confirmed(call).await
}

/// Tells that an address is confirmed.
pub(super) async fn confirmed(call: &Call<'_>) -> Result<Reply, Error> {
    let shell = Shell::of(call);
    let words = shell.words;
    Ok(done(call, &shell, words.confirmed, words.confirmed_text))
}

/// Tells that a link does not work, where a document's path did not say it.
pub(super) async fn invalid(_: &Call<'_>) -> Result<Reply, Error> {
    Err(Error::LinkInvalid)
}

pub(super) async fn ask_for_password(call: &Call<'_>) -> Result<Reply, Error> {
    Ok(ask(call, Vec::new()))
}

pub(super) async fn reset_password(call: &Call<'_>) -> Result<Reply, Error> {
    refuse_other_sites(call)?;
    let shell = Shell::of(call);
    let words = shell.words;
    let fields = call.fields(Accept::FORM).map_err(|_| Error::StartAgain)?;
    let new = match words::chosen_password(words, fields.text("password").unwrap_or_default()) {
        Ok(new) => new,
        Err(fault) => return Ok(ask(call, vec![fault.to_owned()])),
    };
    let proof = ResetProof::Link(call.parameter());
    let reset = Reset { proof, new: &new, rule: RULE, source: call.source() };
    match call.core().reset_password(reset).await {
        Ok(()) => Ok(done(call, &shell, words.password_changed, words.password_changed_text)),
        Err(ResetPasswordError::Password(faults)) => {
            Ok(ask(call, faults.iter().map(|fault| words::password_fault(words, fault)).collect()))
        }
        Err(ResetPasswordError::Invalid) => Err(Error::LinkInvalid),
        Err(ResetPasswordError::TooMany(after)) => Err(Error::TooMany(after)),
        Err(ResetPasswordError::Unavailable(why)) => Err(why.into()),
    }
}

/// The form, with what was wrong.
fn ask(call: &Call<'_>, faults: Vec<String>) -> Reply {
    let shell = Shell::of(call);
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let password_hint = password_hint(call, shell.words);
    shell.show(status, &ResetPassword { password_hint, faults, shell: &shell })
}

/// What was done. Who can sign in here is led there.
fn done(call: &Call<'_>, shell: &Shell<'_>, heading: &str, text: &str) -> Reply {
    let link = call.settings().oauth.enabled.then_some(("/sign-in", shell.words.sign_in));
    shell
        .show(StatusCode::OK, &FlowNotice { links: link.as_slice(), ..FlowNotice::new(shell, heading, text) })
}

/// The link is the secret of its form: another site does not know it (R125).
fn refuse_other_sites(call: &Call<'_>) -> Result<(), Error> {
    match is_cross_site(call.headers(), &call.core().settings.public_url) {
        true => Err(Error::CrossSite),
        false => Ok(()),
    }
}
