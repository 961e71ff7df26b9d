use std::time::Duration;

use countersign_model::ids::MessageId;
use countersign_model::message::MessageState;

use super::*;

const NOW: Timestamp = Timestamp::from_micros(1_483_228_800_000_000);
const LINK: &str = "https://accounts.example.com/reset-password/abc";

fn message(template: Template, channel: Channel) -> Message {
    Message {
        id: MessageId(1),
        channel: channel.into(),
        template: template.into(),
        queued_at: NOW,
        state: MessageState::Pending,
        attempts: 1,
        last_error: None,
        contents: None,
    }
}

fn contents(to: &str) -> Contents {
    Contents {
        to: to.to_owned(),
        code: Some(Secret::new("7K2MQ-X9PWD")),
        link: Some(Secret::new(LINK)),
        expires_at: Some(NOW.after(Duration::from_secs(600))),
    }
}

fn render(template: Template, channel: Channel, contents: &Contents) -> Rendered {
    let templates = Templates::load(None).unwrap();
    templates
        .render(&message(template, channel), contents, "https://accounts.example.com:8443", NOW)
        .unwrap_or_else(|failure| panic!("{template:?} {channel:?}: {failure}"))
}

/// The texts of a message, without its subject.
fn texts(rendered: &Rendered) -> Vec<&str> {
    match rendered {
        Rendered::Mail { text, html, .. } => vec![text, html],
        Rendered::Sms { text } => vec![text],
    }
}

#[test]
fn every_template_renders_by_every_way_and_leaves_nothing_open() {
    for template in Template::ALL {
        for channel in channels(template) {
            let rendered = render(template, *channel, &contents("ann@example.org"));
            let names = variables(template, *channel);
            for text in texts(&rendered) {
                assert!(!text.contains(['{', '}']) || text.contains("<style>"), "{text}");
                assert!(!text.contains("{{") && !text.contains("{%"), "{text}");
                assert!(text.contains("accounts.example.com") && !text.contains("8443"), "{text}");
                assert_eq!(text.contains("7K2MQ-X9PWD"), names.contains(&"code"), "{text}");
                assert_eq!(text.contains("abc"), names.contains(&"link"), "{text}");
                assert_eq!(text.contains("10 minutes"), names.contains(&"lifetime"), "{text}");
            }
            if let Rendered::Mail { subject, text, .. } = &rendered {
                assert!(subject.contains("accounts.example.com") && !subject.contains("7K2MQ"), "{subject}");
                assert_eq!(text.contains(LINK), names.contains(&"link"), "{text}");
                assert!(text.contains("ann@example.org"));
            }
        }
    }
}

#[test]
fn an_sms_fits_into_one_and_names_nobody() {
    for template in Template::ALL.into_iter().filter(|t| channels(*t).contains(&Channel::Sms)) {
        let rendered = render(template, Channel::Sms, &contents("+18885551212"));
        let text = texts(&rendered)[0];
        assert!(text.len() <= 160 && text.is_ascii() && !text.contains('\n'), "{} {text}", text.len());
        assert!(!text.contains("5551212"), "{text}");
    }
}

#[test]
fn html_is_escaped() {
    let rendered = render(Template::ConfirmAccount, Channel::Email, &contents("<img src=x>\"@example.org"));
    let texts = texts(&rendered);
    assert!(texts[0].contains("<img src=x>\"@example.org"));
    assert!(
        !texts[1].contains("<img") && texts[1].contains("&lt;img src=x&gt;&quot;@example.org"),
        "{}",
        texts[1]
    );
    let mut linked = contents("ann@example.org");
    linked.link = Some(Secret::new("https://x.example/\"><script>"));
    let rendered = render(Template::PasswordReset, Channel::Email, &linked);
    let Rendered::Mail { html, .. } = &rendered else { panic!("a mail") };
    assert!(!html.contains("<script"), "{html}");
}

#[test]
fn the_end_is_said_as_far_as_it_is_known() {
    let mut contents = contents("ann@example.org");
    let rendered = render(Template::VerifyEmail, Channel::Email, &contents);
    assert!(texts(&rendered)[0].contains("for 10 minutes (until 2017-01-01 00:10 UTC)."));
    for never in [None, Some(Timestamp::NEVER)] {
        contents.expires_at = never;
        let rendered = render(Template::VerifyEmail, Channel::Email, &contents);
        assert!(texts(&rendered)[0].contains("for a limited time."));
    }
}

#[test]
fn a_message_without_what_its_text_needs_is_never_sent() {
    let templates = Templates::load(None).unwrap();
    let empty = Contents { code: None, ..contents("ann@example.org") };
    let cases = [(Template::Login, Channel::Email), (Template::PhoneCode, Channel::Email)];
    for (template, channel) in cases {
        let outcome = templates.render(&message(template, channel), &empty, "https://example.com", NOW);
        assert!(matches!(outcome, Err(Failure::Never(_))), "{template:?}");
    }
}

/// The error of a folder with one file.
fn error_of(name: &str, text: &str) -> (String, TemplateError) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(name), text).unwrap();
    let mut errors = Templates::load(Some(folder.path())).expect_err(text);
    let error = errors.pop().unwrap();
    assert!(errors.is_empty(), "{errors:?}");
    (folder.path().join(name).display().to_string(), error)
}

#[test]
fn a_wrong_text_is_named_with_its_line() {
    for (name, text, line, problem) in [
        ("login.txt", "x\n{{ code }}\n{{ kode }}", Some(3), "no variable `kode` here, only site, to, code"),
        ("login.sms.txt", "{{ code }} for {{ to }}", Some(1), "no variable `to`"),
        ("confirm_account.txt", "{{ code }}", Some(1), "no variable `code`"),
        ("login.txt", "x\n{{ code", Some(2), "syntax error"),
        ("login.txt", "{% if code %}{{ code }}", Some(1), "syntax error"),
        ("login.txt", "\n{{ code | shout }}", Some(2), "unknown filter"),
        ("login.html", "{% extends \"base.html\" %}", Some(1), "template not found"),
        ("layout.html", "\n{{ code }}{% block body %}{% endblock %}", Some(2), "no variable `code`"),
        ("layout.html", "no block", None, "does not show {{ code }}"),
        ("login.txt", "hello", None, "does not show {{ code }}"),
        ("login.txt", "{% if until %}{{ code }}{% else %}?{% endif %}", None, "does not show {{ code }}"),
        ("verify_email.html", "hello", None, "does not show {{ link }}"),
        ("login.subject.txt", "one\ntwo", None, "one line"),
        ("login.subject.txt", " \n", None, "one line"),
        ("email_changed.txt", "\n", None, "empty"),
        ("logim.txt", "{{ code }}", None, "no text has this name"),
    ] {
        let (file, error) = error_of(name, text);
        assert!(error.problem.contains(problem), "{name} {text:?}: {error}");
        assert_eq!(error.line, line, "{name} {text:?}: {error}");
        if name != "layout.html" {
            assert_eq!(error.file, file, "{error}");
        }
    }
    let missing = Templates::load(Some(Path::new("/nowhere/at/all"))).unwrap_err();
    assert_eq!(missing[0].file, "/nowhere/at/all");
}

#[test]
fn all_wrong_texts_are_named_at_once() {
    for texts in [
        [("login.txt", "{{ code"), ("logim.txt", "{{ code }}")],
        [("login.txt", "{{ kode }}"), ("verify_email.txt", "{{ lnk }}")],
        [("login.txt", "hello"), ("verify_email.txt", "hello")],
    ] {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in texts {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let errors = Templates::load(Some(folder.path())).unwrap_err();
        let mut files: Vec<_> = errors.iter().map(|error| error.file.clone()).collect();
        files.sort_unstable();
        let mut expected = texts.map(|(name, _)| folder.path().join(name).display().to_string());
        expected.sort_unstable();
        assert_eq!(files, expected, "{errors:?}");
    }
}

#[test]
fn an_operator_can_replace_single_texts() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("login.sms.txt"), "Code: {{ code }}\n").unwrap();
    fs::write(folder.path().join("layout.html"), "<b>{{ site }}</b>{% block body %}{% endblock %}").unwrap();
    fs::write(folder.path().join("README.md"), "{{ nothing }}").unwrap();
    let templates = Templates::load(Some(folder.path())).unwrap();
    let render = |channel| {
        let message = message(Template::Login, channel);
        templates.render(&message, &contents("ann@example.org"), "https://example.com", NOW).unwrap()
    };
    assert_eq!(texts(&render(Channel::Sms)), ["Code: 7K2MQ-X9PWD"]);
    let mail = render(Channel::Email);
    assert!(texts(&mail)[1].starts_with("<b>example.com</b>"));
    assert!(texts(&mail)[0].starts_with("Hello,"));
}
