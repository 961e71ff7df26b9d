//! Codes and links that prove control over an address or a number.

use crate::random::Random;
use crate::secret::Secret;

/// Crockford's base 32: no I, L, O or U, so that a code survives being read aloud.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// How many characters a code has: 50 random bits, since 000's codes travel without the
/// identifier that they were sent to (000-23).
const LENGTH: usize = 10;

/// A one-time code in canonical form, or the text of a one-time link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code(Secret);

impl Code {
    /// Draws a code for a person to type.
    pub fn draw(random: &Random) -> Code {
        Code(Secret::new(random.text(ALPHABET, LENGTH)))
    }

    /// Reads what a person typed: any case, dashes and spaces ignored, `O` read as 0, `I` and `L`
    /// as 1. `None` if it can be no code.
    pub fn parse(text: &str) -> Option<Code> {
        if text.len() > 4 * LENGTH {
            return None;
        }
        let mut canonical = String::with_capacity(LENGTH);
        for c in text.chars().filter(|c| !matches!(c, '-' | ' ')) {
            canonical.push(match c.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                c if c.is_ascii() && ALPHABET.contains(&u8::try_from(c).ok()?) => c,
                _ => return None,
            });
        }
        (canonical.len() == LENGTH).then(|| Code(Secret::new(canonical)))
    }

    /// The canonical text, which is what gets digested.
    pub fn canonical(&self) -> &str {
        self.0.reveal()
    }

    /// The form to show: two groups of five.
    pub fn display(&self) -> Secret {
        let text = self.0.reveal();
        Secret::new(format!("{}-{}", &text[..LENGTH / 2], &text[LENGTH / 2..]))
    }
}

/// What a stored code may be used for. The number stands in the store; a code of one purpose is
/// never found under another (001-25, R033).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CodePurpose {
    /// 000: sent to an identifier, good for `/register`, `/login` and `/reset_password` alike (000-32).
    Verification = 1,
    /// 001: confirms a registration.
    ConfirmAccount = 2,
    /// 001 and 003: sets a new password.
    ResetPassword = 3,
    /// 002: verifies the e-mail of a registration.
    VerifyEmail = 4,
    /// Pages: signs in.
    SignIn = 5,
    /// Pages: makes an account.
    SignUp = 6,
    /// Pages: sets a new password.
    Recover = 7,
    /// Pages: proves an address to the account that is signed in.
    ProveAddress = 8,
}

impl CodePurpose {
    /// From the number in the store.
    pub fn from_number(number: i64) -> Option<CodePurpose> {
        use CodePurpose::{
            ConfirmAccount, ProveAddress, Recover, ResetPassword, SignIn, SignUp, Verification, VerifyEmail,
        };
        [Verification, ConfirmAccount, ResetPassword, VerifyEmail, SignIn, SignUp, Recover, ProveAddress]
            .into_iter()
            .find(|p| *p as i64 == number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_back_however_it_is_typed() {
        let code = Code::draw(&Random::seeded(7));
        let shown = code.display();
        assert_eq!(shown.reveal().len(), 11);
        for typed in
            [shown.reveal().to_owned(), shown.reveal().to_lowercase(), shown.reveal().replace('-', " ")]
        {
            assert_eq!(Code::parse(&typed), Some(code.clone()));
        }
        assert_eq!(Code::parse("oil00-00000").unwrap().canonical(), "0110000000");
        for bad in ["", "123", "UUUUUUUUUU", "12345678901", "éééééééééé"] {
            assert_eq!(Code::parse(bad), None);
        }
    }
}
