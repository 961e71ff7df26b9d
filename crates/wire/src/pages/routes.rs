//! The paths of the pages. They have no prefix: links in messages lead here.

use countersign_model::password::{Fault, Password, Rule};
use countersign_ops::reset_password::{ResetPassword as Reset, ResetProof};
use http::StatusCode;

use super::error::Error;
use super::page::{self, Notice, ResetPassword, VerifyEmail};
use super::{account, authorize, device, logout, recover, sign_in, sign_in_code, sign_up};
use crate::http::{Accept, Call, Reply, Route, Verb, is_cross_site};
use crate::wording;

/// Turns `async fn(&Call<'_>) -> Result<Reply, Error>` into a handler. What an error looks like depends on the
/// call too: on its language.
macro_rules! page {
    ($function:path) => {
        |call| Box::pin(async move { $function(call).await.unwrap_or_else(|error| error.reply(call)) })
    };
}

/// The paths.
pub const ROUTES: &[Route] = &[
    Route {
        path: "/verify-email/{link}",
        handlers: &[(Verb::Get, page!(ask_to_verify)), (Verb::Post, page!(verify_email))],
    },
    Route {
        path: "/reset-password/{link}",
        handlers: &[(Verb::Get, page!(ask_for_password)), (Verb::Post, page!(reset_password))],
    },
];

/// The paths of sign-in for clients, served with OAuth.
pub const FLOW_ROUTES: &[Route] = &[
    Route {
        path: "/oauth2/authorize",
        handlers: &[(Verb::Get, page!(authorize::authorize)), (Verb::Post, page!(authorize::authorize))],
    },
    Route { path: "/oauth2/continue", handlers: &[(Verb::Get, page!(authorize::go_on))] },
    Route { path: "/consent", handlers: &[(Verb::Post, page!(authorize::consent))] },
    Route {
        path: "/oauth2/logout",
        handlers: &[(Verb::Get, page!(logout::ask)), (Verb::Post, page!(logout::logout))],
    },
    Route { path: "/signed-out", handlers: &[(Verb::Get, page!(logout::signed_out))] },
    Route { path: "/select-account", handlers: &[(Verb::Post, page!(sign_in::select_account))] },
    Route {
        path: "/sign-in",
        handlers: &[(Verb::Get, page!(sign_in::show)), (Verb::Post, page!(sign_in::submit))],
    },
    Route {
        path: "/sign-in/code",
        handlers: &[(Verb::Get, page!(sign_in_code::show)), (Verb::Post, page!(sign_in_code::submit))],
    },
    Route {
        path: "/sign-up",
        handlers: &[(Verb::Get, page!(sign_up::show)), (Verb::Post, page!(sign_up::submit))],
    },
    Route {
        path: "/recover",
        handlers: &[(Verb::Get, page!(recover::show)), (Verb::Post, page!(recover::submit))],
    },
    Route {
        path: "/device",
        handlers: &[(Verb::Get, page!(device::show)), (Verb::Post, page!(device::submit))],
    },
    Route {
        path: "/account",
        handlers: &[(Verb::Get, page!(account::show)), (Verb::Post, page!(account::submit))],
    },
];

async fn ask_to_verify(_: &Call<'_>) -> Result<Reply, Error> {
    Ok(page::show(StatusCode::OK, &VerifyEmail))
}

async fn verify_email(call: &Call<'_>) -> Result<Reply, Error> {
    refuse_other_sites(call)?;
    call.core().verify_email(call.parameter()).await?;
    let heading = "Your e-mail address is confirmed";
    Ok(page::show(StatusCode::OK, &Notice { heading, text: "You can close this page and sign in." }))
}

async fn ask_for_password(call: &Call<'_>) -> Result<Reply, Error> {
    Ok(page::show(StatusCode::OK, &ResetPassword { min_length: min_length(call), faults: Vec::new() }))
}

async fn reset_password(call: &Call<'_>) -> Result<Reply, Error> {
    refuse_other_sites(call)?;
    let new = &new_password(call)?;
    let proof = ResetProof::Link(call.parameter());
    let reset = Reset { proof, new, rule: Rule::Strict, source: call.source() };
    call.core().reset_password(reset).await.map_err(|error| Error::of_reset(error, min_length(call)))?;
    let heading = "Your password has been changed";
    let text = "You have been signed out everywhere. Sign in again with the new password.";
    Ok(page::show(StatusCode::OK, &Notice { heading, text }))
}

fn refuse_other_sites(call: &Call<'_>) -> Result<(), Error> {
    match is_cross_site(call.headers(), &call.core().settings.public_url) {
        true => Err(Error::CrossSite),
        false => Ok(()),
    }
}

fn new_password(call: &Call<'_>) -> Result<Password, Error> {
    let again =
        |fault: String| Error::Form(ResetPassword { min_length: min_length(call), faults: vec![fault] });
    let fields =
        call.fields(Accept::FORM).map_err(|error| again(format!("The form cannot be read: {error}.")))?;
    let text = fields.text("password").map_err(|_| again("Type the new password.".to_owned()))?;
    Password::new(text).map_err(|why| again(wording::unusable_password(why)))
}

/// What the strict rule asks for here, from the rule itself.
pub(super) fn min_length(call: &Call<'_>) -> usize {
    let faults =
        Password::new("x").map(|x| Rule::Strict.faults(&x, call.core().settings.password_floor, &[]));
    let shortest = |fault: &Fault| match fault {
        Fault::TooShort { min } => Some(*min),
        Fault::TooLong { .. } | Fault::Common | Fault::Breached | Fault::EntirelyNumeric | Fault::Context => {
            None
        }
    };
    faults.ok().and_then(|faults| faults.iter().find_map(shortest)).unwrap_or_default()
}
