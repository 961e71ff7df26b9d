//! What the pages have in common that work with a code from a message: one form asks where to send it, the
//! next one asks for it. Both look the same whether an account has the address or not (R024). Where an account's own
//! address is proven, there is the second form only.

use askama::Template;
use countersign_model::code::CodePurpose;
use countersign_model::identifier::{Identifier, IdentifierKind};
use countersign_model::limit::RetryAfter;
use countersign_model::message;
use countersign_model::password::{Fault, Password, Rule};
use countersign_ops::CodeUse;
use countersign_ops::oauth::start_authorization::Flow;
use countersign_ops::send_code::{SendCode, SendCodeError};
use http::StatusCode;

use super::cookies::Browser;
use super::error::Error;
use super::form::{Form, device_of_query, flow_of_query, open_flow};
use super::layout::{Hidden, Shell};
use super::words::{self, Words, fill};
use crate::http::{Call, Reply};

/// A page that works with a code.
pub(super) struct Coded {
    pub(super) path: &'static str,
    pub(super) heading: fn(&Words) -> &'static str,
    pub(super) button: fn(&Words) -> &'static str,
    /// What its code is good for.
    pub(super) purpose: CodePurpose,
    /// Whether a new password is chosen with the code.
    pub(super) asks_password: bool,
}

/// One that asks where to send the code before.
pub(super) struct Addressed {
    pub(super) coded: Coded,
    pub(super) lead: fn(&Words) -> &'static str,
    /// What the link back to the sign-in page says.
    pub(super) back: fn(&Words) -> &'static str,
    pub(super) template: message::Template,
}

/// Asks where to send the code.
#[derive(Template)]
#[template(path = "code_address.html")]
struct Address<'a> {
    shell: &'a Shell<'a>,
    hidden: Hidden,
    action: &'static str,
    heading: &'static str,
    lead: &'static str,
    back: &'static str,
    faults: Vec<&'static str>,
    identifier: &'a str,
}

/// Asks for the code that was sent.
#[derive(Template)]
#[template(path = "code_enter.html")]
struct Enter<'a> {
    shell: &'a Shell<'a>,
    hidden: Hidden,
    action: &'static str,
    heading: &'static str,
    sent: String,
    button: &'static str,
    asks_password: bool,
    password_hint: String,
    faults: Vec<String>,
    identifier: &'a str,
    code: &'a str,
}

/// What was typed on the second form.
pub(super) struct Step {
    pub(super) page: &'static Coded,
    /// What its forms are for: the path, and whatever else they are bound to.
    pub(super) about: String,
    pub(super) form: Form,
    pub(super) flow: Option<Flow>,
    pub(super) words: &'static Words,
    pub(super) identifier: Identifier,
}

/// The first form.
pub(super) async fn show(call: &Call<'_>, page: &Addressed) -> Result<Reply, Error> {
    let browser = Browser::of(call);
    let sealed = flow_of_query(call);
    let flow = open_flow(call, &browser, &sealed).await?;
    let hint = flow.as_ref().and_then(|flow| flow.request.login_hint.as_deref()).unwrap_or_default();
    let hidden = Hidden::of(call, &browser, &sealed, page.coded.path).for_device(&device_of_query(call));
    let reply = ask_address(call, page, flow.as_ref(), hidden, hint, None);
    Ok(browser.mark(reply))
}

/// Reads either form: the first one is answered here, the second one is given back.
///
/// # Errors
/// [`Error::Page`] is the answer to the first form.
pub(super) async fn read(call: &Call<'_>, page: &'static Addressed) -> Result<Step, Error> {
    let form = Form::read(call, page.coded.path)?;
    let flow = form.open_flow(call).await?;
    let words = Shell::of_some(call, flow.as_ref()).words;
    let identifier = Identifier::any(form.text("identifier"), call.core().settings.phone_region);
    let Some(identifier) = identifier.filter(|id| id.kind() != IdentifierKind::Username) else {
        let fault = (words.address_malformed, StatusCode::BAD_REQUEST);
        return Err(Error::page(address_again(call, page, &form, flow.as_ref(), fault)));
    };
    let about = page.coded.path.to_owned();
    let step = Step { page: &page.coded, about, form, flow, words, identifier };
    if !step.form.text("code").is_empty() {
        return Ok(step);
    }
    let request = SendCode {
        target: step.identifier.clone(),
        template: page.template,
        code_use: step.code_use(),
        source: call.source(),
    };
    match call.core().send_code(request).await {
        Ok(()) => Err(Error::page(step.ask_code(call, Vec::new(), StatusCode::OK))),
        Err(SendCodeError::TooMany(after)) => {
            let fault = (words.too_many, StatusCode::TOO_MANY_REQUESTS);
            let reply = address_again(call, page, &step.form, step.flow.as_ref(), fault);
            Err(Error::page(reply.retry_after(after)))
        }
        Err(SendCodeError::Unavailable(why)) => Err(why.into()),
    }
}

fn address_again(
    call: &Call<'_>,
    page: &Addressed,
    form: &Form,
    flow: Option<&Flow>,
    fault: (&'static str, StatusCode),
) -> Reply {
    let hidden = Hidden::of(call, &form.browser, &form.flow, page.coded.path).for_device(form.text("device"));
    ask_address(call, page, flow, hidden, form.text("identifier"), Some(fault))
}

/// The first form; with what was wrong, if it comes again.
fn ask_address(
    call: &Call<'_>,
    page: &Addressed,
    flow: Option<&Flow>,
    hidden: Hidden,
    identifier: &str,
    fault: Option<(&'static str, StatusCode)>,
) -> Reply {
    let shell = Shell::of_some(call, flow);
    let address = Address {
        hidden,
        action: page.coded.path,
        heading: (page.coded.heading)(shell.words),
        lead: (page.lead)(shell.words),
        back: (page.back)(shell.words),
        faults: fault.iter().map(|(text, _)| *text).collect(),
        identifier,
        shell: &shell,
    };
    shell.show(fault.map_or(StatusCode::OK, |(_, status)| status), &address)
}

impl Step {
    /// The code was for this page and nothing else (R033).
    pub(super) fn code_use(&self) -> CodeUse<'_> {
        let Step { page, form, identifier, .. } = self;
        CodeUse::Page { purpose: page.purpose, browser: &form.browser.digest, identifier }
    }

    /// The second form, with what was wrong.
    pub(super) fn ask_code(&self, call: &Call<'_>, faults: Vec<String>, status: StatusCode) -> Reply {
        let Step { page, form, flow, words, identifier, .. } = self;
        let shell = Shell::of_some(call, flow.as_ref());
        let enter = Enter {
            hidden: self.hidden(call),
            action: page.path,
            heading: (page.heading)(words),
            sent: fill(words.code_sent, &[("to", identifier.given())]),
            button: (page.button)(words),
            asks_password: page.asks_password,
            password_hint: password_hint(call, words),
            faults,
            identifier: identifier.given(),
            code: form.text("code"),
            shell: &shell,
        };
        form.browser.mark(shell.show(status, &enter))
    }

    /// What its form, and links away from it, carry.
    pub(super) fn hidden(&self, call: &Call<'_>) -> Hidden {
        let Step { about, form, .. } = self;
        Hidden::of(call, &form.browser, &form.flow, about).for_device(form.text("device"))
    }

    /// The second form, with one thing that was wrong.
    pub(super) fn refuse(&self, call: &Call<'_>, fault: &str, status: StatusCode) -> Reply {
        self.ask_code(call, vec![fault.to_owned()], status)
    }

    /// The second form after too many tries.
    pub(super) fn too_many(&self, call: &Call<'_>, after: RetryAfter) -> Reply {
        self.refuse(call, self.words.too_many, StatusCode::TOO_MANY_REQUESTS).retry_after(after)
    }

    /// The second form with what is wrong with the password.
    pub(super) fn refuse_password(&self, call: &Call<'_>, faults: &[Fault]) -> Reply {
        let faults = faults.iter().map(|fault| words::password_fault(self.words, fault)).collect();
        self.ask_code(call, faults, StatusCode::BAD_REQUEST)
    }

    /// The new password.
    ///
    /// # Errors
    /// [`Error::Page`] is the form again.
    pub(super) fn new_password(&self, call: &Call<'_>) -> Result<Password, Error> {
        words::chosen_password(self.words, self.form.text("new_password"))
            .map_err(|fault| Error::page(self.refuse(call, fault, StatusCode::BAD_REQUEST)))
    }
}

/// Whose rule new passwords must meet here.
pub(super) const RULE: Rule = Rule::Strict;

/// What a new password must be, with the length from the rule itself.
pub(super) fn password_hint(call: &Call<'_>, words: &Words) -> String {
    let faults = Password::new("x").map(|x| RULE.faults(&x, call.core().settings.password_floor));
    let shortest = |fault: &Fault| match fault {
        Fault::TooShort { min } => Some(*min),
        Fault::TooLong { .. } | Fault::Common | Fault::Breached | Fault::EntirelyNumeric | Fault::Context => {
            None
        }
    };
    let min = faults.ok().and_then(|faults| faults.iter().find_map(shortest)).unwrap_or_default();
    fill(words.password_hint, &[("min", &min.to_string())])
}
