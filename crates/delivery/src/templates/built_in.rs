//! The texts that come with the program.

macro_rules! files {
    ($($name:literal)*) => { &[$(($name, include_str!(concat!("../../templates/", $name)))),*] };
}

/// Every file with its content.
pub(super) const FILES: &[(&str, &str)] = files! {
    "layout.html"
    "verification_code.subject.txt" "verification_code.txt" "verification_code.html" "verification_code.sms.txt"
    "register.subject.txt" "register.txt" "register.html" "register.sms.txt"
    "login.subject.txt" "login.txt" "login.html" "login.sms.txt"
    "reset_password.subject.txt" "reset_password.txt" "reset_password.html" "reset_password.sms.txt"
    "confirm_account.subject.txt" "confirm_account.txt" "confirm_account.html"
    "reset_credentials.subject.txt" "reset_credentials.txt" "reset_credentials.html"
    "phone_code.sms.txt"
    "verify_email.subject.txt" "verify_email.txt" "verify_email.html"
    "password_reset.subject.txt" "password_reset.txt" "password_reset.html"
    "address_taken.subject.txt" "address_taken.txt" "address_taken.html" "address_taken.sms.txt"
    "password_changed.subject.txt" "password_changed.txt" "password_changed.html" "password_changed.sms.txt"
    "email_changed.subject.txt" "email_changed.txt" "email_changed.html"
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_holds_these_files_and_no_other() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/templates");
        let names =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut in_folder: Vec<String> = names.filter(|name| name != "README.md").collect();
        in_folder.sort();
        let mut listed: Vec<&str> = FILES.iter().map(|(name, _)| *name).collect();
        listed.sort_unstable();
        assert_eq!(in_folder, listed);
    }
}
