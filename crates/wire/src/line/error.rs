//! The operations' errors in the words of the document. No arm is a wildcard: a new variant stops
//! the build until it has a word.

use countersign_ops::register_by_phone::RegisterByPhoneError;
use countersign_ops::sign_in::SignInError;
use countersign_ops::validate_phone::ValidatePhoneError;

use super::reply::Refusal;
use super::request::ParseError;

impl From<ParseError> for Refusal {
    fn from(error: ParseError) -> Refusal {
        match error {
            ParseError::Garbage => Refusal::Syntax(Vec::new()),
            ParseError::UnknownCommand(shown) => Refusal::Syntax(vec![shown]),
            ParseError::Options(named) => Refusal::Syntax(named),
        }
    }
}

impl From<SignInError> for Refusal {
    fn from(error: SignInError) -> Refusal {
        match error {
            // A suspended account too: that is decided in `ops/sign_in.rs`.
            SignInError::Credentials => Refusal::Credentials,
            SignInError::UnverifiedNumber => Refusal::UnverifiedNumber,
            SignInError::UnverifiedEmail => Refusal::UnverifiedEmail,
            SignInError::TooMany(_) | SignInError::Unavailable(_) => Refusal::Unavailable,
        }
    }
}

impl From<RegisterByPhoneError> for Refusal {
    fn from(error: RegisterByPhoneError) -> Refusal {
        match error {
            // 002-06 and 002-13: "Either password, phone number", and no word says which.
            RegisterByPhoneError::Password(_) | RegisterByPhoneError::PhoneTaken => Refusal::BadData,
            RegisterByPhoneError::UsernameTaken => Refusal::UsernameTaken,
            RegisterByPhoneError::TooMany(_) | RegisterByPhoneError::Unavailable(_) => Refusal::Unavailable,
        }
    }
}

impl From<ValidatePhoneError> for Refusal {
    fn from(error: ValidatePhoneError) -> Refusal {
        match error {
            ValidatePhoneError::UnknownNumber => Refusal::InvalidNumber,
            ValidatePhoneError::CodeWrong => Refusal::BadCode,
            ValidatePhoneError::TooMany(_) | ValidatePhoneError::Unavailable(_) => Refusal::Unavailable,
        }
    }
}
