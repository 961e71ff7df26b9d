//! Making an account. Whether an address has one already is told only to who has its code.

use countersign_model::code::CodePurpose;
use countersign_model::message::Template;
use countersign_model::session::Surface;
use countersign_ops::register_with_code::{RegisterWithCode, RegisterWithCodeError};
use countersign_ops::sign_in::{SignIn, SignInError};
use http::StatusCode;

use super::coded::{self, Addressed, Coded, RULE, Step};
use super::error::Error;
use super::layout::{FlowNotice, Shell};
use super::sign_in::welcome;
use crate::http::{Call, Reply};

const PAGE: Addressed = Addressed {
    coded: Coded {
        path: "/sign-up",
        heading: |words| words.sign_up,
        button: |words| words.create,
        purpose: CodePurpose::SignUp,
        asks_password: true,
    },
    lead: |words| words.sign_up_lead,
    back: |words| words.have_account,
    template: Template::Register,
};

pub(super) async fn show(call: &Call<'_>) -> Result<Reply, Error> {
    coded::show(call, &PAGE).await
}

pub(super) async fn submit(call: &Call<'_>) -> Result<Reply, Error> {
    let step = coded::read(call, &PAGE).await?;
    let password = step.new_password(call)?;
    let request = RegisterWithCode {
        code: step.form.text("code"),
        code_use: step.code_use(),
        password: &password,
        rule: RULE,
        source: call.source(),
    };
    match call.core().register_with_code(request).await {
        Ok(_) => {}
        Err(RegisterWithCodeError::Password(faults)) => return Ok(step.refuse_password(call, &faults)),
        Err(RegisterWithCodeError::CodeInvalid) => {
            return Ok(step.refuse(call, step.words.code_wrong, StatusCode::BAD_REQUEST));
        }
        Err(RegisterWithCodeError::IdentifierTaken) => return Ok(to_the_account(call, &step)),
        Err(RegisterWithCodeError::TooMany(after)) => return Ok(step.too_many(call, after)),
        Err(RegisterWithCodeError::Unavailable(why)) => return Err(why.into()),
    }
    let request = SignIn {
        identifier: Some(step.identifier.clone()),
        password: &password,
        surface: Surface::Browser,
        source: call.source(),
    };
    match call.sign_in(request).await {
        Ok(signed_in) => welcome(call, &step.form, step.flow, &signed_in).await,
        // The account is made: its owner can sign in.
        Err(
            SignInError::Credentials
            | SignInError::UnverifiedNumber
            | SignInError::UnverifiedEmail
            | SignInError::TooMany(_)
            | SignInError::Unavailable(_),
        ) => Ok(to_sign_in(call, &step)),
    }
}

/// Says that there is an account, to who has its code, and leads there: no password typed here would help.
fn to_the_account(call: &Call<'_>, step: &Step) -> Reply {
    let (shell, query) = (Shell::of_some(call, step.flow.as_ref()), step.hidden(call).query());
    let (sign_in, recover) = (format!("/sign-in{query}"), format!("/recover{query}"));
    let words = shell.words;
    let notice = FlowNotice::new(&shell, words.sign_up, words.taken);
    let links = [(sign_in.as_str(), words.sign_in), (recover.as_str(), words.recover)];
    shell.show(StatusCode::CONFLICT, &FlowNotice { links: &links, ..notice })
}

fn to_sign_in(call: &Call<'_>, step: &Step) -> Reply {
    let hidden = step.hidden(call);
    Reply::see_other(&format!("/sign-in{}", hidden.query()))
}
