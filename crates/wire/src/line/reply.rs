//! What the protocol answers: one line, `ok …` or `nop <reason>`.

use countersign_model::secret::Secret;
use countersign_model::session::IssuedToken;

/// One answer.
#[derive(Debug)]
pub enum Reply {
    /// `ok`
    Done,
    /// `ok <token> <expiration_date>`
    Token(IssuedToken),
    /// `nop <reason>`
    Refused(Refusal),
}

/// The reasons of the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// `syntax:<arg,>`, with what to name; nothing is named where the line has no arguments at all.
    Syntax(Vec<String>),
    /// `unavailable`
    Unavailable,
    /// `credentials`
    Credentials,
    /// `unverifiednumber`
    UnverifiedNumber,
    /// `unverifiedemail`
    UnverifiedEmail,
    /// `invalidusername`
    InvalidUsername,
    /// `usernametaken`
    UsernameTaken,
    /// `baddata`
    BadData,
    /// `badcode`
    BadCode,
    /// `invalidnumber`
    InvalidNumber,
}

impl Reply {
    /// The line with its line feed. A secret, since it may carry a token.
    pub fn to_line(&self) -> Secret {
        Secret::new(match self {
            Reply::Done => "ok\n".to_owned(),
            Reply::Token(issued) => {
                format!("ok {} {}\n", issued.token.reveal(), issued.expires_at.rfc3339())
            }
            Reply::Refused(Refusal::Syntax(named)) => format!("nop syntax:{}\n", named.join(",")),
            Reply::Refused(refusal) => format!("nop {}\n", refusal.word()),
        })
    }

    /// How the request ended, in one word for metrics.
    pub fn outcome(&self) -> &'static str {
        match self {
            Reply::Done | Reply::Token(_) => "ok",
            Reply::Refused(refusal) => refusal.word(),
        }
    }
}

impl Refusal {
    /// The reason without its arguments.
    fn word(&self) -> &'static str {
        match self {
            Refusal::Syntax(_) => "syntax",
            Refusal::Unavailable => "unavailable",
            Refusal::Credentials => "credentials",
            Refusal::UnverifiedNumber => "unverifiednumber",
            Refusal::UnverifiedEmail => "unverifiedemail",
            Refusal::InvalidUsername => "invalidusername",
            Refusal::UsernameTaken => "usernametaken",
            Refusal::BadData => "baddata",
            Refusal::BadCode => "badcode",
            Refusal::InvalidNumber => "invalidnumber",
        }
    }
}

#[cfg(test)]
mod tests {
    use countersign_model::session::Token;
    use countersign_model::time::Timestamp;

    use super::*;

    #[test]
    fn a_token_reply_has_three_words() {
        let issued = IssuedToken {
            token: Token::presented("cs_x"),
            issued_at: Timestamp::from_micros(0),
            expires_at: Timestamp::from_micros(1_611_916_766_000_000),
        };
        assert_eq!(Reply::Token(issued).to_line().reveal(), "ok cs_x 2021-01-29T10:39:26Z\n");
    }

    #[test]
    fn a_syntax_reply_names_without_a_trailing_comma() {
        let line = |named: &[&str]| {
            let named = named.iter().map(|key| (*key).to_owned()).collect();
            Reply::Refused(Refusal::Syntax(named)).to_line().reveal().to_owned()
        };
        assert_eq!(line(&["u", "p"]), "nop syntax:u,p\n");
        assert_eq!(line(&[]), "nop syntax:\n");
    }
}
