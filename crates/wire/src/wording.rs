//! Sentences for people that several surfaces say alike.

use countersign_model::password::Fault;

/// Why a password was refused.
pub(crate) fn password_fault(fault: &Fault) -> String {
    match fault {
        Fault::TooShort { min } => format!("The password must have at least {min} characters."),
        Fault::TooLong { max } => format!("The password must have at most {max} characters."),
        Fault::Common => "The password is too common.".to_owned(),
        Fault::Breached => "The password is known from a data breach; choose another.".to_owned(),
        Fault::EntirelyNumeric => "The password must not be all digits.".to_owned(),
        Fault::Context => "The password must not contain the name of the account.".to_owned(),
    }
}

/// All reasons, in one text.
pub(crate) fn password_faults(faults: &[Fault]) -> String {
    let sentences: Vec<String> = faults.iter().map(password_fault).collect();
    sentences.join(" ")
}
