//! One line as a request. A pure function of its bytes: no IO, no account, no clock.
//!
//! Framing as read from the document: words are separated by white space, an option is
//! `<key>:<value>`, the value is everything after the first colon (002-29), and there is no
//! escaping, so no value contains a space.

/// What one line asks for. Borrowed from the line, and without `Debug`, since it holds passwords.
#[derive(Clone, PartialEq, Eq)]
pub enum Request<'a> {
    /// `login u: p:`
    Login {
        /// A username or an e-mail address.
        name: &'a str,
        /// As typed.
        password: &'a str,
    },
    /// `register u: p: n: [e:]`
    Register {
        /// As typed.
        username: &'a str,
        /// As typed.
        password: &'a str,
        /// As typed.
        phone: &'a str,
        /// As typed, if given.
        email: Option<&'a str>,
    },
    /// `validatephone p: c:`
    ValidatePhone {
        /// As typed.
        phone: &'a str,
        /// As typed.
        code: &'a str,
    },
}

impl Request<'_> {
    /// The command's name.
    pub fn command(&self) -> &'static str {
        match self {
            Request::Login { .. } => "login",
            Request::Register { .. } => "register",
            Request::ValidatePhone { .. } => "validatephone",
        }
    }
}

/// Why a line is no request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParseError {
    /// Not text of this protocol at all: the command is not UTF-8 or holds control characters.
    /// The connection is answered once and closed (R139).
    Garbage,
    /// A command of no known name; this is what to show of it.
    UnknownCommand(String),
    /// These options are missing, empty, repeated, unknown or not UTF-8. The known ones come first,
    /// in the order of the document, each once.
    Options(Vec<String>),
}

/// The most of a client's own text that an answer repeats.
const ECHO_MAX_CHARS: usize = 32;

/// The most unknown options that one answer names.
const UNKNOWN_MAX: usize = 8;

/// Reads one line, given without its line feed; `None` if it is blank.
///
/// # Errors
/// [`ParseError`] if it is no request.
pub fn parse(line: &[u8]) -> Result<Option<Request<'_>>, ParseError> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let mut words = line.split(|byte| matches!(byte, b' ' | b'\t')).filter(|word| !word.is_empty());
    let Some(command) = words.next() else { return Ok(None) };
    let command = word_as_text(command).ok_or(ParseError::Garbage)?;
    let request = match command {
        "login" => {
            let ([name, password], []) = options(words, ["u", "p"], [])?;
            Request::Login { name, password }
        }
        "register" => {
            let ([username, password, phone], [email]) = options(words, ["u", "p", "n"], ["e"])?;
            Request::Register { username, password, phone, email }
        }
        "validatephone" => {
            let ([phone, code], []) = options(words, ["p", "c"], [])?;
            Request::ValidatePhone { phone, code }
        }
        unknown => return Err(ParseError::UnknownCommand(echo(unknown))),
    };
    Ok(Some(request))
}

/// The values of the options, in the order of `required` and of `optional`.
fn options<'a, const R: usize, const O: usize>(
    words: impl Iterator<Item = &'a [u8]>,
    required: [&'a str; R],
    optional: [&'a str; O],
) -> Result<([&'a str; R], [Option<&'a str>; O]), ParseError> {
    let named = required.iter().chain(&optional);
    let mut options: Vec<_> = named.map(|key| Given { key, value: None, is_faulty: false }).collect();
    let mut unknown: Vec<String> = Vec::new();
    for word in words {
        let (key, value) = split_option(word);
        let key = word_as_text(key).ok_or(ParseError::Garbage)?;
        let Some(option) = options.iter_mut().find(|option| option.key == key) else {
            // A word without a colon is not repeated: it may be the rest of a password with a space.
            let named = word.contains(&b':') && !key.is_empty();
            let shown = if named { echo(key) } else { "?".to_owned() };
            if unknown.len() < UNKNOWN_MAX && !unknown.contains(&shown) {
                unknown.push(shown);
            }
            continue;
        };
        let value = std::str::from_utf8(value).ok().filter(|value| !value.is_empty());
        option.is_faulty |= option.value.is_some() || value.is_none();
        option.value = value;
    }
    for option in options.iter_mut().take(R) {
        option.is_faulty |= option.value.is_none();
    }
    let known = options.iter().filter(|option| option.is_faulty).map(|option| option.key.to_owned());
    let named: Vec<String> = known.chain(unknown).collect();
    if !named.is_empty() {
        return Err(ParseError::Options(named));
    }
    let mut values = options.iter().map(|option| option.value);
    let found = std::array::from_fn(|_| values.next().flatten().unwrap_or_default());
    let given = std::array::from_fn(|_| values.next().flatten());
    Ok((found, given))
}

/// An option, as far as it was read.
struct Given<'a> {
    key: &'a str,
    value: Option<&'a str>,
    is_faulty: bool,
}

/// The key and the value: what stands before and after the first colon. A word without a colon is
/// all key, and so is an unknown option.
fn split_option(word: &[u8]) -> (&[u8], &[u8]) {
    let mut parts = word.splitn(2, |byte| *byte == b':');
    (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
}

fn word_as_text(word: &[u8]) -> Option<&str> {
    std::str::from_utf8(word).ok().filter(|text| !text.contains(char::is_control))
}

/// A client's own text in a form that is safe to send back: bounded, visible ASCII, no comma, since
/// commas separate what a `syntax` answer names.
fn echo(text: &str) -> String {
    text.chars()
        .take(ECHO_MAX_CHARS)
        .map(|c| if c.is_ascii_graphic() && c != ',' { c } else { '?' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(line: &str) -> Vec<String> {
        match parse(line.as_bytes()) {
            Err(ParseError::Options(keys)) => keys,
            Err(other) => panic!("{line:?}: {other:?}"),
            Ok(_) => panic!("{line:?} is a request"),
        }
    }

    #[test]
    fn options_come_in_any_order_and_keep_their_colons() {
        let login = Request::Login { name: "alice", password: "a:b" };
        for line in ["login u:alice p:a:b", "login p:a:b u:alice\r", "\tlogin  u:alice \t p:a:b "] {
            assert!(parse(line.as_bytes()) == Ok(Some(login.clone())), "{line:?}");
        }
        let register = Request::Register { username: "al:ice", password: "p", phone: "+1", email: None };
        assert!(parse(b"register n:+1 u:al:ice p:p") == Ok(Some(register)));
        let validate = Request::ValidatePhone { phone: "1", code: "2" };
        assert!(parse(b"validatephone c:2 p:1") == Ok(Some(validate)));
    }

    #[test]
    fn an_optional_option_may_be_absent_but_not_empty() {
        let found = parse("register u:é p:p n:1 e:a@b".as_bytes());
        assert!(
            found
                == Ok(Some(Request::Register {
                    username: "é",
                    password: "p",
                    phone: "1",
                    email: Some("a@b")
                }))
        );
        assert_eq!(faults("register u:a p:p n:1 e:"), ["e"]);
    }

    #[test]
    fn faults_are_named_in_the_order_of_the_document() {
        assert_eq!(faults("login"), ["u", "p"]);
        assert_eq!(faults("login p:x"), ["u"]);
        assert_eq!(faults("login p: u:"), ["u", "p"]);
        assert_eq!(faults("register e: p:x"), ["u", "n", "e"]);
        assert_eq!(faults("validatephone"), ["p", "c"]);
        assert_eq!(faults("login u:a p:b u:c"), ["u"]);
        assert_eq!(faults("login x:1 u:a p:b x:2 y"), ["x", "?"]);
        assert_eq!(faults("login x:1 :y"), ["u", "p", "x", "?"]);
        assert_eq!(faults("login U:a p:b"), ["u", "U"]);
        assert!(parse(b"login u:\xff p:b") == Err(ParseError::Options(vec!["u".into()])));
    }

    #[test]
    fn blank_lines_are_no_requests() {
        for line in ["", "\r", "  \t", " \r"] {
            assert!(parse(line.as_bytes()) == Ok(None), "{line:?}");
        }
    }

    #[test]
    fn what_is_repeated_to_the_client_is_bounded_and_plain() {
        let unknown = |line: &str| match parse(line.as_bytes()) {
            Err(ParseError::UnknownCommand(shown)) => shown,
            _ => panic!("{line:?}"),
        };
        assert_eq!(unknown("LOGIN u:a p:b"), "LOGIN");
        assert_eq!(unknown("a,b\u{202e}é"), "a?b??");
        assert_eq!(unknown(&"x".repeat(5000)).len(), ECHO_MAX_CHARS);
        let many: String = (0..1000).map(|n| format!(" k{n}:v")).collect();
        assert_eq!(faults(&format!("login u:a p:b{many}")).len(), UNKNOWN_MAX);
    }

    #[test]
    fn binary_is_garbage() {
        for line in [&b"\x16\x03\x01\x02"[..], b"\xff\xfe", b"lo\0gin u:a p:b", b"login \x01:a"] {
            assert!(parse(line) == Err(ParseError::Garbage), "{line:?}");
        }
    }
}
