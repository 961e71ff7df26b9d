//! A mail as it goes over the wire.

use std::time::{Duration, UNIX_EPOCH};

use countersign_model::message::Message;
use lettre::Address;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};

use crate::failure::Failure;

/// The last second whose year has four digits: the library writes no later one (RFC 5322 §3.3 would let it).
const LAST_DATE: Duration = Duration::from_secs(253_402_300_799);

/// A mail with its envelope.
pub(super) struct Letter {
    pub(super) from: Address,
    pub(super) to: Address,
    pub(super) content: Vec<u8>,
}

impl Letter {
    /// Puts a mail together. Every try of one message has the same `Message-ID` and `Date`, so that
    /// one that arrives twice can be told from two.
    pub(super) fn compose(
        from: &Mailbox,
        message: &Message,
        to: &str,
        subject: &str,
        text: String,
        html: String,
    ) -> Result<Letter, Failure> {
        let to = address(to).ok_or_else(|| Failure::never("the address cannot be written in a mail"))?;
        if subject.contains(char::is_control) {
            return Err(Failure::never("the subject is not one line"));
        }
        let queued = Duration::from_micros(u64::try_from(message.queued_at.micros()).unwrap_or(0));
        let date = UNIX_EPOCH + queued.min(LAST_DATE);
        // The id of the message alone could come again after a restored backup; with its time it does not.
        let id = format!("<{}.{}@{}>", message.id, message.queued_at.micros(), from.email.domain());
        let mut mail = lettre::Message::builder()
            .from(from.clone())
            .to(Mailbox::new(None, to.clone()))
            .subject(subject)
            .message_id(Some(id))
            .date(date)
            .multipart(MultiPart::alternative_plain_html(text, html))
            .map_err(|error| Failure::never(format!("the mail cannot be put together: {error}")))?;
        // RFC 3834 §5: nobody's holiday notice shall answer.
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        mail.headers_mut().insert_raw(HeaderValue::new(automatic, "auto-generated".to_owned()));
        Ok(Letter { from: from.email.clone(), to, content: mail.formatted() })
    }
}

/// The address with its domain in ASCII, so that no server needs SMTPUTF8; `None` for text that is
/// no address, first of all text with line breaks (R135, CVE-2021-38189).
fn address(text: &str) -> Option<Address> {
    if text.contains(|c: char| c.is_control() || c.is_whitespace()) {
        return None;
    }
    let (local, domain) = text.rsplit_once('@')?;
    let domain = idna::domain_to_ascii_strict(domain).ok()?;
    local.is_ascii().then(|| Address::new(local, domain).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use countersign_model::ids::MessageId;
    use countersign_model::message::{Channel, MessageState, Template};
    use countersign_model::time::Timestamp;

    use super::*;

    fn compose(to: &str, subject: &str) -> Result<String, Failure> {
        compose_at(Timestamp::from_micros(1_342_459_414_000_000), to, subject)
    }

    fn compose_at(queued_at: Timestamp, to: &str, subject: &str) -> Result<String, Failure> {
        let message = Message {
            id: MessageId(42),
            channel: Channel::Email.into(),
            template: Template::Login.into(),
            queued_at,
            state: MessageState::Pending,
            attempts: 1,
            last_error: None,
            contents: None,
        };
        let from = "Accounts <accounts@example.org>".parse().unwrap();
        let letter =
            Letter::compose(&from, &message, to, subject, "text\n.\nend".into(), "<p>html</p>".into())?;
        Ok(String::from_utf8(letter.content).unwrap())
    }

    #[test]
    fn the_header_is_complete_and_the_same_each_time() {
        let mail = compose("Ann@bücher.example", "Grüße").unwrap();
        let header = mail.split("\r\n\r\n").next().unwrap();
        for line in [
            "From: Accounts <accounts@example.org>",
            "To: Ann@xn--bcher-kva.example",
            "Subject: =?utf-8?",
            "Message-ID: <42.1342459414000000@example.org>",
            "Date: Mon, 16 Jul 2012 17:23:34 +0000",
            "Auto-Submitted: auto-generated",
            "MIME-Version: 1.0",
            "Content-Type: multipart/alternative;",
        ] {
            assert!(header.split("\r\n").any(|found| found.starts_with(line)), "{line} in\n{header}");
        }
        assert!(mail.is_ascii());
        let part = |kind: &str| mail.find(&format!("Content-Type: {kind}; charset=utf-8")).unwrap();
        assert!(part("text/plain") < part("text/html"), "the last alternative is the preferred one");
    }

    /// As a node whose clock was wrong may have queued it.
    #[test]
    fn a_mail_of_any_time_has_a_date() {
        for (micros, date) in
            [(i64::MIN, "Thu, 01 Jan 1970 00:00:00"), (i64::MAX, "Fri, 31 Dec 9999 23:59:59")]
        {
            let mail = compose_at(Timestamp::from_micros(micros), "a@example.org", "x").unwrap();
            assert!(mail.contains(&format!("\r\nDate: {date} +0000\r\n")), "{mail}");
        }
    }

    #[test]
    fn cve_2021_38189_line_breaks_make_no_header_and_no_recipient() {
        for to in [
            "a@example.org\r\nBcc: evil@example.net",
            "a@example.org\nRCPT TO:<evil@example.net>",
            "a@example.org>\r\nDATA",
            "\"a\r\n\"@example.org",
            "a@example.org\u{2028}x",
            "a@example.org\0",
            "a@example.org, evil@example.net",
            "a b@example.org",
            "a@exa mple.org",
            "a@example.org>",
            "<a@example.org",
            "é@example.org",
            "a",
            "",
        ] {
            assert!(matches!(compose(to, "x"), Err(Failure::Never(_))), "{to:?}");
        }
        assert!(compose("a@example.org", "x\r\nBcc: evil@example.net").is_err());
    }
}
