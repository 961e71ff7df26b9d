//! A forgotten password. Nobody is signed in by choosing a new one: that takes the password itself, and
//! whatever else sign-in asks for (R038).

use countersign_model::code::CodePurpose;
use countersign_model::message::Template;
use countersign_ops::reset_password::{ResetPassword, ResetPasswordError, ResetProof};
use http::StatusCode;

use super::coded::{self, Addressed, Coded, RULE};
use super::cookies;
use super::error::Error;
use super::layout::{FlowNotice, Shell};
use crate::http::{Call, Reply};

const PAGE: Addressed = Addressed {
    coded: Coded {
        path: "/recover",
        heading: |words| words.recover,
        button: |words| words.set_password,
        purpose: CodePurpose::Recover,
        asks_password: true,
    },
    lead: |words| words.recover_lead,
    back: |words| words.sign_in,
    template: Template::ResetPassword,
};

pub(super) async fn show(call: &Call<'_>) -> Result<Reply, Error> {
    coded::show(call, &PAGE).await
}

pub(super) async fn submit(call: &Call<'_>) -> Result<Reply, Error> {
    let step = coded::read(call, &PAGE).await?;
    let password = step.new_password(call)?;
    let proof = ResetProof::Code(step.form.text("code"), step.code_use());
    let request = ResetPassword { proof, new: &password, rule: RULE, source: call.source() };
    match call.core().reset_password(request).await {
        Ok(()) => {
            let shell = Shell::of_some(call, step.flow.as_ref());
            let hidden = step.hidden(call);
            let to = format!("/sign-in{}", hidden.query());
            let notice =
                FlowNotice::new(&shell, step.words.password_changed, step.words.password_changed_text);
            let notice = FlowNotice { links: &[(&to, step.words.sign_in)], ..notice };
            Ok(cookies::sign_out(shell.show(StatusCode::OK, &notice)))
        }
        Err(ResetPasswordError::Password(faults)) => Ok(step.refuse_password(call, &faults)),
        Err(ResetPasswordError::Invalid) => {
            Ok(step.refuse(call, step.words.code_wrong, StatusCode::BAD_REQUEST))
        }
        Err(ResetPasswordError::TooMany(after)) => Ok(step.too_many(call, after)),
        Err(ResetPasswordError::Unavailable(why)) => Err(why.into()),
    }
}
