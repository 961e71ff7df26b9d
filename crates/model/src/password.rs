//! Passwords and the rules they must meet.

use std::fmt;

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use crate::account::Profile;

/// A password as typed, in Unicode NFC (R004), never trimmed or case-folded.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// The longest password, in bytes, so that nobody can make the server hash a novel (R002).
pub const MAX_BYTES: usize = 1024;

/// Not a text that can be a password at all, whatever the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// Over [`MAX_BYTES`].
    #[error("longer than {MAX_BYTES} bytes")]
    TooLong,
    /// Nothing.
    #[error("empty")]
    Empty,
    /// Contains NUL, which no keyboard types and some hashes end at.
    #[error("contains a NUL character")]
    Nul,
}

impl Password {
    /// Takes the text.
    ///
    /// # Errors
    /// [`Unusable`], before anything is hashed.
    pub fn new(text: &str) -> Result<Password, Unusable> {
        if text.is_empty() {
            return Err(Unusable::Empty);
        }
        if text.len() > MAX_BYTES {
            return Err(Unusable::TooLong);
        }
        if text.contains('\0') {
            return Err(Unusable::Nul);
        }
        Ok(Password(Zeroizing::new(text.nfc().collect())))
    }

    /// The bytes to hash.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    fn chars(&self) -> usize {
        self.0.chars().count()
    }
}

/// Whose rule a new password must meet (acceptance decision 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// 000 names none: 8 and more.
    Ouser,
    /// 001 documents `123456`: 6 and more.
    Authd,
    /// 002-06: 10 to 64 characters.
    Line,
    /// 003: 6 and more.
    AuthV1,
    /// 004-05: Django's validators.
    Rest,
    /// Hosted pages and the command line: 15 and more (R001), none that is common or breached, nor the
    /// account's own name (R007).
    Strict,
    /// The same where a second factor is always asked for: 8 and more.
    StrictWithFactor,
}

/// What the operator adds to every rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Floor {
    /// No rule accepts fewer characters.
    pub min_length: usize,
    /// Every rule refuses common passwords, not just those that say so.
    pub reject_common: bool,
}

/// Why a rule refuses a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Too few characters.
    #[error("shorter than {min} characters")]
    TooShort {
        /// The least number.
        min: usize,
    },
    /// Too many characters.
    #[error("longer than {max} characters")]
    TooLong {
        /// The greatest number.
        max: usize,
    },
    /// On the list of common passwords.
    #[error("too common")]
    Common,
    /// On the operator's list of passwords known from breaches.
    #[error("known from a breach")]
    Breached,
    /// Digits only.
    #[error("entirely numeric")]
    EntirelyNumeric,
    /// The account's own name or address, or the product's.
    #[error("too close to the name of the account or the product")]
    Context,
}

impl Rule {
    /// Every reason to refuse `password`, whoever's it is; [`Rule::own_name_fault`] says whether its owner
    /// may have it.
    pub fn faults(self, password: &Password, floor: Floor) -> Vec<Fault> {
        let mut faults = Vec::new();
        let min = self.min().max(floor.min_length);
        let length = password.chars();
        if length < min {
            faults.push(Fault::TooShort { min });
        }
        if self == Rule::Line && length > 64 {
            faults.push(Fault::TooLong { max: 64 });
        }
        if self.refuses_common(floor) && is_common(&password.0) {
            faults.push(Fault::Common);
        }
        if self == Rule::Rest && password.0.chars().all(char::is_numeric) {
            faults.push(Fault::EntirelyNumeric);
        }
        if self.is_strict() && is_close_to(&password.0, PRODUCT) {
            faults.push(Fault::Context);
        }
        faults
    }

    /// The reason to refuse `password` to its owner, whom it is called after. Only the strict rules look
    /// at that (R007).
    pub fn own_name_fault(self, password: &Password, owner: &Profile) -> Option<Fault> {
        let Profile { username, email, phone, first_name, last_name } = owner;
        let optional = [username, email, phone].into_iter().flatten();
        let mut names = optional.chain([first_name, last_name]);
        let is_own = self.is_strict() && names.any(|name| is_close_to(&password.0, name));
        is_own.then_some(Fault::Context)
    }

    /// Whether it refuses common passwords, and with them those of the breached list (R006).
    pub fn refuses_common(self, floor: Floor) -> bool {
        self == Rule::Rest || self.is_strict() || floor.reject_common
    }

    fn is_strict(self) -> bool {
        matches!(self, Rule::Strict | Rule::StrictWithFactor)
    }

    fn min(self) -> usize {
        match self {
            Rule::Ouser | Rule::Rest | Rule::StrictWithFactor => 8,
            Rule::Authd | Rule::AuthV1 => 6,
            Rule::Line => 10,
            Rule::Strict => 15,
        }
    }
}

/// Lower-case, one a line, sorted by bytes. The source is named at the head of the file.
static COMMON: &str = include_str!("../data/common_passwords.txt");

/// Whether the password is on the list of common ones, in any case.
pub fn is_common(password: &str) -> bool {
    let wanted = Zeroizing::new(password.to_lowercase());
    COMMON.lines().any(|line| line == wanted.as_str())
}

/// The product's name, which everybody knows.
const PRODUCT: &str = "countersign";

/// Whether the password is this name, or the part of this address before its `@`, and little else.
fn is_close_to(password: &str, name: &str) -> bool {
    let lower = Zeroizing::new(password.to_lowercase());
    let word = name.split('@').next().unwrap_or(name).to_lowercase();
    word.chars().count() >= 4 && lower.contains(&word) && lower.len() < word.len() + 8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(rule: Rule, text: &str) -> Vec<Fault> {
        let owner = Profile { email: Some("alice@example.com".to_owned()), ..Profile::default() };
        let password = Password::new(text).unwrap();
        let mut faults = rule.faults(&password, Floor::default());
        faults.extend(rule.own_name_fault(&password, &owner));
        faults
    }

    #[test]
    fn each_document_has_its_rule() {
        assert_eq!(faults(Rule::Authd, "123456"), []);
        assert_eq!(faults(Rule::Authd, "12345"), [Fault::TooShort { min: 6 }]);
        assert_eq!(faults(Rule::Ouser, "1234567"), [Fault::TooShort { min: 8 }]);
        assert_eq!(faults(Rule::Line, &"x".repeat(65)), [Fault::TooLong { max: 64 }]);
        assert_eq!(
            faults(Rule::Rest, "1234567"),
            [Fault::TooShort { min: 8 }, Fault::Common, Fault::EntirelyNumeric]
        );
        assert_eq!(faults(Rule::Strict, "alice-2026-alice"), []);
        assert_eq!(faults(Rule::Strict, "alice1234567890"), []);
        assert_eq!(faults(Rule::Strict, "Alice1!xxxx"), [Fault::TooShort { min: 15 }, Fault::Context]);
    }

    #[test]
    fn a_second_factor_allows_shorter_passwords_and_nothing_else() {
        let rule = Rule::StrictWithFactor;
        assert_eq!(faults(rule, "xq7!vLm"), [Fault::TooShort { min: 8 }]);
        assert_eq!(faults(rule, "xq7!vLm2"), []);
        assert_eq!(faults(rule, "Password"), [Fault::Common]);
        assert_eq!(faults(rule, "alice2026"), [Fault::Context]);
        assert_eq!(faults(rule, "countersign1"), [Fault::Context]);
    }

    #[test]
    fn strict_rules_refuse_every_name_of_the_account_and_no_document_does() {
        let password = Password::new("Annabelle.Long1").unwrap();
        let name = || "annabelle.long".to_owned();
        for owner in [
            Profile { username: Some(name()), ..Profile::default() },
            Profile { email: Some(name() + "@example.com"), ..Profile::default() },
            Profile { phone: Some(name()), ..Profile::default() },
            Profile { first_name: name(), ..Profile::default() },
            Profile { last_name: name(), ..Profile::default() },
        ] {
            for rule in [Rule::Strict, Rule::StrictWithFactor] {
                assert_eq!(rule.own_name_fault(&password, &owner), Some(Fault::Context), "{owner:?}");
            }
            for rule in [Rule::Ouser, Rule::Authd, Rule::Line, Rule::AuthV1, Rule::Rest] {
                assert_eq!(rule.own_name_fault(&password, &owner), None, "{rule:?}");
            }
        }
        assert_eq!(Rule::Strict.own_name_fault(&password, &Profile::default()), None);
    }

    #[test]
    fn common_passwords_are_refused_where_the_rule_or_the_operator_says_so() {
        let floor = Floor { min_length: 0, reject_common: true };
        let common = Password::new("123456").unwrap();
        assert!(is_common("123456"));
        for rule in [Rule::Ouser, Rule::Authd, Rule::Line, Rule::AuthV1] {
            assert!(!rule.refuses_common(Floor::default()) && rule.refuses_common(floor), "{rule:?}");
            assert!(rule.faults(&common, floor).contains(&Fault::Common), "{rule:?}");
        }
        for rule in [Rule::Rest, Rule::Strict, Rule::StrictWithFactor] {
            assert!(rule.refuses_common(Floor::default()), "{rule:?}");
        }
    }

    #[test]
    fn composed_and_decomposed_forms_are_one_password() {
        let a = Password::new("caf\u{e9}-password").unwrap();
        let b = Password::new("cafe\u{301}-password").unwrap();
        assert_eq!(a.as_bytes(), b.as_bytes());
        assert_eq!(Password::new(&"x".repeat(1025)).unwrap_err(), Unusable::TooLong);
    }
}
