//! What the five calls are given. Every fault of every field is collected, so that a client can
//! show them all at once (004-02).

use std::borrow::Cow;

use countersign_model::identifier::Identifier;
use countersign_model::password::{Floor, MAX_BYTES, Password, Rule, Unusable};

use super::error::{Error, FieldFaults, REQUIRED, password_fault};
use crate::http::{Accept, Call, Fault, Fields};

/// The longest name or address (004-03).
const TEXT_MAX_CHARS: usize = 255;

const NULL: &str = "This field may not be null.";
const BLANK: &str = "This field may not be blank.";
const NOT_A_STRING: &str = "Not a valid string.";
const NUL: &str = "Null characters are not allowed.";
const NOT_AN_EMAIL: &str = "Enter a valid email address.";

/// What is wrong with one field.
type Texts = Vec<Cow<'static, str>>;

/// `/auth/register/`.
pub struct Registration {
    /// The address.
    pub email: Identifier,
    /// As typed.
    pub password: Password,
    /// The first name.
    pub first_name: String,
    /// The last name.
    pub last_name: String,
}

/// `/auth/login/`.
pub struct Login {
    /// `None` if it can be no account's.
    pub identifier: Option<Identifier>,
    /// As typed.
    pub password: Password,
}

/// `PATCH /auth/profile/`: what is `None` stays (004-16).
pub struct ProfileChange {
    /// The new address.
    pub email: Option<Identifier>,
    /// The new first name.
    pub first_name: Option<String>,
    /// The new last name.
    pub last_name: Option<String>,
}

/// Reads `/auth/register/`.
pub fn registration(call: &Call<'_>) -> Result<Registration, Error> {
    let fields = call.fields(Accept::ANY)?;
    read_registration(&fields, call.core().settings.password_floor).map_err(Error::Fields)
}

fn read_registration(fields: &Fields, floor: Floor) -> Result<Registration, FieldFaults> {
    let mut faults = FieldFaults::default();
    let email = faults.keep("email", email(fields));
    let password = faults.keep("password", new_password(fields, floor));
    let first_name = faults.keep("first_name", name(fields, "first_name"));
    let last_name = faults.keep("last_name", name(fields, "last_name"));
    match (email, password, first_name, last_name) {
        (Some(email), Some(password), Some(first_name), Some(last_name)) => {
            Ok(Registration { email, password, first_name, last_name })
        }
        _ => Err(faults),
    }
}

/// Reads `/auth/login/`. The document's username is an e-mail address; a username or a phone number
/// is taken too: an account made through another surface may have no address.
pub fn login(call: &Call<'_>) -> Result<Login, Error> {
    let fields = call.fields(Accept::ANY)?;
    let mut faults = FieldFaults::default();
    let username = faults.keep("username", trimmed(&fields, "username"));
    let password = faults.keep("password", untrimmed(&fields, "password"));
    let (Some(username), Some(password)) = (username, password) else {
        return Err(Error::Fields(faults));
    };
    let identifier = Identifier::any(username, call.core().settings.phone_region);
    // What can be no password at all is nobody's, which shows without a look at any account.
    let password = Password::new(password).map_err(|_| Error::Credentials)?;
    Ok(Login { identifier, password })
}

/// Reads `PATCH /auth/profile/`.
pub fn profile_change(call: &Call<'_>) -> Result<ProfileChange, Error> {
    let fields = call.fields(Accept::ANY)?;
    read_profile_change(&fields).map_err(Error::Fields)
}

fn read_profile_change(fields: &Fields) -> Result<ProfileChange, FieldFaults> {
    let mut faults = FieldFaults::default();
    let given = |field: &str| fields.value(field).is_some();
    let email = given("email").then(|| faults.keep("email", email(fields))).flatten();
    let mut name_if_given = |field| given(field).then(|| faults.keep(field, name(fields, field))).flatten();
    let first_name = name_if_given("first_name");
    let last_name = name_if_given("last_name");
    if faults.is_empty() { Ok(ProfileChange { email, first_name, last_name }) } else { Err(faults) }
}

/// Reads `/auth/layer/`: any nonce that is not blank, unchanged (004-22).
pub fn nonce(call: &Call<'_>) -> Result<String, Error> {
    let fields = call.fields(Accept::ANY)?;
    let mut faults = FieldFaults::default();
    let nonce = match untrimmed(&fields, "nonce") {
        Ok(blank) if blank.trim().is_empty() => Err(vec![BLANK.into()]),
        nonce => nonce,
    };
    faults.keep("nonce", nonce).map(str::to_owned).ok_or(Error::Fields(faults))
}

fn email(fields: &Fields) -> Result<Identifier, Texts> {
    let text = bounded(fields, "email")?;
    Identifier::email(text).map_err(|_| vec![NOT_AN_EMAIL.into()])
}

fn name(fields: &Fields, field: &str) -> Result<String, Texts> {
    bounded(fields, field).map(str::to_owned)
}

/// The rule is applied here as well as by the operation, so that its faults are told together with
/// those of other fields.
fn new_password(fields: &Fields, floor: Floor) -> Result<Password, Texts> {
    let password = Password::new(untrimmed(fields, "password")?).map_err(|unusable| {
        vec![match unusable {
            Unusable::TooLong => no_more_than(MAX_BYTES),
            Unusable::Empty => BLANK.into(),
            Unusable::Nul => NUL.into(),
        }]
    })?;
    let faults = Rule::Rest.faults(&password, floor);
    if faults.is_empty() { Ok(password) } else { Err(faults.into_iter().map(password_fault).collect()) }
}

fn bounded<'a>(fields: &'a Fields, field: &str) -> Result<&'a str, Texts> {
    let text = trimmed(fields, field)?;
    if text.chars().count() > TEXT_MAX_CHARS {
        return Err(vec![no_more_than(TEXT_MAX_CHARS)]);
    }
    Ok(text)
}

/// Without surrounding white space, and not blank.
fn trimmed<'a>(fields: &'a Fields, field: &str) -> Result<&'a str, Texts> {
    let text = untrimmed(fields, field)?.trim();
    if text.is_empty() { Err(vec![BLANK.into()]) } else { Ok(text) }
}

fn untrimmed<'a>(fields: &'a Fields, field: &str) -> Result<&'a str, Texts> {
    fields.text(field).map_err(|fault| {
        vec![
            match fault {
                Fault::Missing => REQUIRED,
                Fault::Null => NULL,
                Fault::WrongType(_) => NOT_A_STRING,
                Fault::Blank => BLANK,
                Fault::Nul => NUL,
            }
            .into(),
        ]
    })
}

fn no_more_than(max: usize) -> Cow<'static, str> {
    format!("Ensure this field has no more than {max} characters.").into()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn fields(body: &Value) -> Fields {
        Accept::ANY.read(Some("application/json"), body.to_string().as_bytes()).ok().unwrap()
    }

    fn registration_faults(body: &Value) -> Value {
        let faults = read_registration(&fields(body), Floor::default()).err().unwrap();
        serde_json::to_value(faults).unwrap()
    }

    fn change_faults(body: &Value) -> Value {
        serde_json::to_value(read_profile_change(&fields(body)).err().unwrap()).unwrap()
    }

    fn good() -> Value {
        json!({ "email": " Ada@Example.com ", "password": " kW7-xQz ", "first_name": " Ada ", "last_name": "B" })
    }

    #[test]
    fn names_and_addresses_are_trimmed_and_passwords_are_not() {
        let registration = read_registration(&fields(&good()), Floor::default()).ok().unwrap();
        assert_eq!(registration.email.given(), "Ada@Example.com");
        assert_eq!(registration.first_name, "Ada");
        assert_eq!(registration.password.as_bytes(), b" kW7-xQz ");
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let told =
            registration_faults(&json!({ "email": "nobody", "password": "1234567", "last_name": "  " }));
        let expected = json!({
            "email": ["Enter a valid email address."],
            "password": [
                "This password is too short. It must contain at least 8 characters.",
                "This password is too common.",
                "This password is entirely numeric."
            ],
            "first_name": ["This field is required."],
            "last_name": ["This field may not be blank."]
        });
        assert_eq!(told, expected);
    }

    #[test]
    fn each_kind_of_fault_has_its_text() {
        for (value, text) in [
            (json!(null), "This field may not be null."),
            (json!(7), "Not a valid string."),
            (json!("a\0"), "Null characters are not allowed."),
            (json!("ä".repeat(256)), "Ensure this field has no more than 255 characters."),
        ] {
            let mut body = good();
            body["first_name"] = value;
            assert_eq!(registration_faults(&body), json!({ "first_name": [text] }));
        }
        let mut body = good();
        body["password"] = json!("x".repeat(1025));
        let text = "Ensure this field has no more than 1024 characters.";
        assert_eq!(registration_faults(&body), json!({ "password": [text] }));
    }

    #[test]
    fn a_change_is_of_what_is_given() {
        let change = read_profile_change(&fields(&json!({ "last_name": "Hopper", "id": 1 }))).ok().unwrap();
        assert!(change.email.is_none() && change.first_name.is_none());
        assert_eq!(change.last_name.as_deref(), Some("Hopper"));
        let told = change_faults(&json!({ "email": null, "first_name": "", "last_name": "Hopper" }));
        let expected = json!({
            "email": ["This field may not be null."],
            "first_name": ["This field may not be blank."]
        });
        assert_eq!(told, expected);
    }
}
