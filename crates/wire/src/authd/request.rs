//! Reading 001's bodies.

use countersign_model::identifier::Identifier;
use countersign_model::password::Password;

use super::error::Error;
use crate::http::{Accept, Call, Fields};

/// The fields of the body.
pub(super) fn fields(call: &Call<'_>) -> Result<Fields, Error> {
    Ok(call.fields(Accept::JSON_OR_FORM)?)
}

/// `email`, which must be an address.
pub(super) fn email(fields: &Fields) -> Result<Identifier, Error> {
    let text = fields.text("email").map_err(|_| Error::Email)?;
    Identifier::email(text).map_err(|_| Error::Email)
}

/// A new `password`; whether it meets the rule is for the operation to say.
pub(super) fn new_password(fields: &Fields) -> Result<Password, Error> {
    fields.text("password").ok().and_then(|text| Password::new(text).ok()).ok_or(Error::PasswordMissing)
}

/// What a login proves itself with. Missing, empty and unusable fields are wrong credentials, the
/// only error that the document lists here (acceptance decision 4).
pub(super) fn credentials<'f>(fields: &'f Fields, name: &str) -> Result<(&'f str, Password), Error> {
    let name = fields.text(name).map_err(|_| Error::Credentials)?;
    let password = fields.text("password").map_err(|_| Error::Credentials)?;
    Ok((name, Password::new(password).map_err(|_| Error::Credentials)?))
}
