//! Signing in with a code from a message.

use countersign_model::code::CodePurpose;
use countersign_model::message::Template;
use countersign_model::session::Surface;
use countersign_ops::sign_in_with_code::{SignInWithCode, SignInWithCodeError};
use http::StatusCode;

use super::coded::{self, Addressed, Coded};
use super::error::Error;
use super::sign_in::welcome;
use crate::http::{Call, Reply};

pub(super) const PATH: &str = "/sign-in/code";

const PAGE: Addressed = Addressed {
    coded: Coded {
        path: PATH,
        heading: |words| words.code_title,
        button: |words| words.sign_in,
        purpose: CodePurpose::SignIn,
        asks_password: false,
    },
    lead: |_| "",
    back: |words| words.with_password,
    template: Template::Login,
};

pub(super) async fn show(call: &Call<'_>) -> Result<Reply, Error> {
    coded::show(call, &PAGE).await
}

pub(super) async fn submit(call: &Call<'_>) -> Result<Reply, Error> {
    let step = coded::read(call, &PAGE).await?;
    let request = SignInWithCode {
        identifier: step.identifier.clone(),
        code: step.form.text("code"),
        code_use: step.code_use(),
        surface: Surface::Browser,
        source: call.source(),
    };
    match call.sign_in_with_code(request).await {
        Ok(signed_in) => welcome(call, &step.form, step.flow, &signed_in).await,
        Err(SignInWithCodeError::Credentials) => {
            Ok(step.refuse(call, step.words.code_wrong, StatusCode::UNAUTHORIZED).challenge("Form"))
        }
        Err(SignInWithCodeError::TooMany(after)) => Ok(step.too_many(call, after)),
        Err(SignInWithCodeError::Unavailable(why)) => Err(why.into()),
    }
}
