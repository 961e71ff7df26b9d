//! Reading 000's parameters: JSON, form and query string in any mix (000-49).

use countersign_model::identifier::{Identifier, Region};
use countersign_model::message::Template;
use countersign_model::password::Password;
use countersign_ops::sign_out::SignOut;

use super::error::Error;
use crate::http::{Accept, Call, Fields};

/// The parameters of a call.
///
/// The document's `+ Parameters` mean the URI, its clients send bodies: both are taken. A
/// parameter in both places must say the same.
pub(super) fn parameters(call: &Call<'_>) -> Result<Fields, Error> {
    let mut fields = call.fields(Accept::JSON_OR_FORM)?;
    if call.settings().ouser_accept_query {
        fields.merge(call.query()?).map_err(|_| Error::Contradiction)?;
    }
    Ok(fields)
}

/// A text that must be there.
pub(super) fn text<'f>(fields: &'f Fields, name: &'static str) -> Result<&'f str, Error> {
    fields.text(name).map_err(|_| Error::Parameter(name))
}

/// A new password; whether it meets the rule is for the operation to say.
pub(super) fn password(fields: &Fields, name: &'static str) -> Result<Password, Error> {
    Password::new(text(fields, name)?).map_err(|_| Error::Parameter(name))
}

/// `identifier`, read as `identifier_type` says.
pub(super) fn identifier(fields: &Fields, region: Option<Region>) -> Result<Identifier, Error> {
    let value = text(fields, "identifier")?;
    let parsed = match text(fields, "identifier_type")? {
        "email" => Identifier::email(value),
        "sms" => Identifier::phone(value, region),
        _ => return Err(Error::Parameter("identifier_type")),
    };
    parsed.map_err(|_| Error::Parameter("identifier"))
}

/// `message`, or `message_type` as the document's 404 calls it (acceptance decision 12).
pub(super) fn template(fields: &Fields) -> Result<Template, Error> {
    let optional = |name| fields.optional_text(name).map_err(|_| Error::Parameter(name));
    let name = match (optional("message")?, optional("message_type")?) {
        (Some(one), Some(other)) if one != other => return Err(Error::Contradiction),
        (Some(name), _) | (None, Some(name)) => name,
        (None, None) => return Ok(Template::VerificationCode),
    };
    match name {
        "register" => Ok(Template::Register),
        "login" => Ok(Template::Login),
        "reset_password" => Ok(Template::ResetPassword),
        _ => Err(Error::UnknownMessage),
    }
}

/// What a sign-in proves itself with: exactly one of the two (000-18, 000-21).
pub(super) enum Proof<'f> {
    Password(&'f str),
    Code(&'f str),
}

pub(super) fn proof(fields: &Fields) -> Result<Proof<'_>, Error> {
    let optional = |name| fields.optional_text(name).map_err(|_| Error::Parameter(name));
    match (optional("password")?, optional("verification_code")?) {
        (Some(password), None) => Ok(Proof::Password(password)),
        (None, Some(code)) => Ok(Proof::Code(code)),
        (None, None) => Err(Error::Parameter("password")),
        (Some(_), Some(_)) => Err(Error::Contradiction),
    }
}

/// `all`: absent means false (000-43).
pub(super) fn which_sessions(fields: &Fields) -> Result<SignOut, Error> {
    match fields.optional_flag("all").map_err(|_| Error::Parameter("all"))? {
        Some(true) => Ok(SignOut::All),
        Some(false) | None => Ok(SignOut::This),
    }
}
