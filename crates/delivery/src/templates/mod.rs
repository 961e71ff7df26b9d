//! The texts of messages: built in, or from a folder of the operator's.

mod built_in;
mod wording;

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use countersign_model::message::{Channel, Contents, Message, Template};
use countersign_model::secret::Secret;
use countersign_model::time::Timestamp;
use minijinja::{Environment, UndefinedBehavior, Value};

use crate::failure::Failure;
pub(crate) use wording::site;

/// The frame of every HTML text.
const LAYOUT: &str = "layout.html";

/// All texts, checked.
pub struct Templates {
    environment: Environment<'static>,
}

impl fmt::Debug for Templates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Templates")
    }
}

/// What is wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    /// The file.
    pub file: String,
    /// The line, from 1, where it can be told.
    pub line: Option<usize>,
    /// What is wrong.
    pub problem: String,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.problem),
            None => write!(f, "{}: {}", self.file, self.problem),
        }
    }
}

impl std::error::Error for TemplateError {}

/// A message in words. Not printable: it holds the code or the link.
pub enum Rendered {
    /// A mail.
    Mail {
        /// One line.
        subject: String,
        /// The plain text.
        text: String,
        /// The same for programs that show HTML.
        html: String,
    },
    /// An SMS.
    Sms {
        /// The text.
        text: String,
    },
}

/// By which ways a message of this template can go.
pub fn channels(template: Template) -> &'static [Channel] {
    match template {
        Template::VerificationCode | Template::Register => &[Channel::Email, Channel::Sms],
        Template::Login | Template::ResetPassword => &[Channel::Email, Channel::Sms],
        Template::AddressTaken | Template::PasswordChanged => &[Channel::Email, Channel::Sms],
        Template::ConfirmAccount | Template::ResetCredentials | Template::VerifyEmail => &[Channel::Email],
        Template::PasswordReset | Template::EmailChanged => &[Channel::Email],
        Template::PhoneCode => &[Channel::Sms],
    }
}

/// The variables of a template by one way. An SMS has no text that a user chose (R135): not even `to`.
fn variables(template: Template, channel: Channel) -> Vec<&'static str> {
    let mut names = vec!["site"];
    if channel == Channel::Email {
        names.push("to");
    }
    let own: &[&str] = match template {
        Template::VerificationCode | Template::Register | Template::Login => &["code", "lifetime", "until"],
        Template::ResetPassword | Template::PhoneCode => &["code", "lifetime", "until"],
        Template::ConfirmAccount | Template::ResetCredentials => &["link", "lifetime", "until"],
        Template::VerifyEmail | Template::PasswordReset => &["link", "lifetime", "until"],
        Template::AddressTaken | Template::PasswordChanged | Template::EmailChanged => &["at"],
    };
    names.extend(own);
    names
}

/// The endings of the files that make up a message.
fn endings(channel: Channel) -> &'static [&'static str] {
    match channel {
        Channel::Email => &["subject.txt", "txt", "html"],
        Channel::Sms => &["sms.txt"],
    }
}

impl Templates {
    /// The built-in texts, with those of `folder` instead where it has any.
    ///
    /// # Errors
    /// The files that cannot be used.
    pub fn load(folder: Option<&Path>) -> Result<Templates, Vec<TemplateError>> {
        let mut errors = Vec::new();
        let mut files: BTreeMap<String, (PathBuf, String)> = built_in::FILES
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (PathBuf::from(name), (*text).to_owned())))
            .collect();
        if let Some(folder) = folder {
            override_files(&mut files, folder, &mut errors);
        }
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        let path_of = |name: &str| {
            files.get(name).map_or_else(|| name.to_owned(), |(path, _)| path.display().to_string())
        };
        for (name, (_, text)) in &files {
            if let Err(error) = environment.add_template_owned(name.clone(), text.clone()) {
                errors.push(described(&error, path_of(error.name().unwrap_or(name))));
            }
        }
        let templates = Templates { environment };
        // Texts that cannot be read would be missing there, too.
        if errors.is_empty() {
            errors = templates.check(&path_of);
        }
        if errors.is_empty() { Ok(templates) } else { Err(errors) }
    }

    /// The words of `message`.
    ///
    /// # Errors
    /// [`Failure::Never`] if there are none for this way, or what they need is not in `contents`.
    pub(crate) fn render(
        &self,
        message: &Message,
        contents: &Contents,
        public_url: &str,
        now: Timestamp,
    ) -> Result<Rendered, Failure> {
        let reveal = |secret: &Option<Secret>| Some(secret.as_ref()?.reveal().to_owned());
        let expires_at = contents.expires_at.filter(|at| *at != Timestamp::NEVER);
        let value = |name: &str| match name {
            "site" => Some(site(public_url)),
            "to" => Some(contents.to.clone()),
            "code" => reveal(&contents.code),
            "link" => reveal(&contents.link),
            "lifetime" => Some(wording::lifetime(now, expires_at)),
            "until" => Some(expires_at.map(wording::moment).unwrap_or_default()),
            "at" => Some(wording::moment(message.queued_at)),
            _ => None,
        };
        let (Some(template), Some(channel)) = (message.template.known(), message.channel.known()) else {
            // A newer node sends it, and until then it stays.
            return Err(Failure::later("this program does not know the text"));
        };
        self.render_with(template, channel, value).map_err(|error| {
            let problem = described(&error, error.name().unwrap_or(template.name()).to_owned());
            Failure::never(format!("the text cannot be made: {problem}"))
        })
    }

    fn render_with(
        &self,
        template: Template,
        channel: Channel,
        value: impl Fn(&str) -> Option<String>,
    ) -> Result<Rendered, minijinja::Error> {
        let known = variables(template, channel).into_iter();
        let values = Value::from_pairs(known.filter_map(|name| Some((name, Value::from(value(name)?)))));
        let render = |ending: &str| {
            let name = format!("{}.{ending}", template.name());
            self.environment.get_template(&name)?.render(values.clone())
        };
        Ok(match channel {
            Channel::Email => Rendered::Mail {
                subject: render("subject.txt")?.trim().to_owned(),
                text: render("txt")?,
                html: render("html")?,
            },
            Channel::Sms => Rendered::Sms { text: render("sms.txt")?.trim().to_owned() },
        })
    }

    /// Checks every text by its variables and by an example.
    fn check(&self, path_of: &dyn Fn(&str) -> String) -> Vec<TemplateError> {
        let mut errors = Vec::new();
        let mut examples = Vec::new();
        errors.extend(self.check_variables(LAYOUT, &["site", "to"], path_of).err());
        for template in Template::ALL {
            for channel in channels(template) {
                for ending in endings(*channel) {
                    let name = format!("{}.{ending}", template.name());
                    errors.extend(self.check_variables(&name, &variables(template, *channel), path_of).err());
                }
                let mut wrong = ["", "2017-01-01 00:10 UTC"]
                    .into_iter()
                    .filter_map(|until| self.check_example(template, *channel, until, path_of).err());
                examples.extend(wrong.next());
            }
        }
        if errors.is_empty() {
            // A wrong frame shows in every text: one of them is enough, unless it is a file of the operator's.
            let is_own = |error: &TemplateError| Path::new(&error.file).components().count() > 1;
            let (own, mut others): (Vec<_>, Vec<_>) = examples.into_iter().partition(is_own);
            others.truncate(usize::from(own.is_empty()));
            errors = [own, others].concat();
        }
        errors
    }

    fn check_variables(
        &self,
        name: &str,
        known: &[&str],
        path_of: &dyn Fn(&str) -> String,
    ) -> Result<(), TemplateError> {
        let template =
            self.environment.get_template(name).map_err(|error| described(&error, path_of(name)))?;
        let is_global = |variable: &str| self.environment.globals().any(|(global, _)| global == variable);
        let mut used: Vec<String> = template.undeclared_variables(false).into_iter().collect();
        used.sort_unstable();
        match used.iter().find(|used| !known.contains(&used.as_str()) && !is_global(used)) {
            None => Ok(()),
            Some(unknown) => Err(TemplateError {
                file: path_of(name),
                line: line_of(template.source(), unknown),
                problem: format!("there is no variable `{unknown}` here, only {}", known.join(", ")),
            }),
        }
    }

    fn check_example(
        &self,
        template: Template,
        channel: Channel,
        until: &str,
        path_of: &dyn Fn(&str) -> String,
    ) -> Result<(), TemplateError> {
        let example = |name: &str| if name == "until" { until.to_owned() } else { format!("example-{name}") };
        let rendered = self
            .render_with(template, channel, |name| Some(example(name)))
            .map_err(|error| described(&error, path_of(error.name().unwrap_or(template.name()))))?;
        let wrong = |ending: &str, problem: String| {
            let file = path_of(&format!("{}.{ending}", template.name()));
            Err(TemplateError { file, line: None, problem })
        };
        let needed = variables(template, channel).into_iter().find(|name| matches!(*name, "code" | "link"));
        let texts = match &rendered {
            Rendered::Mail { subject, text, html } => {
                if !is_one_line(subject) {
                    return wrong("subject.txt", "a subject is one line".to_owned());
                }
                vec![("txt", text), ("html", html)]
            }
            Rendered::Sms { text } => vec![("sms.txt", text)],
        };
        for (ending, text) in texts {
            if text.trim().is_empty() {
                return wrong(ending, "it is empty".to_owned());
            }
            if let Some(needed) = needed.filter(|needed| !text.contains(&example(needed))) {
                return wrong(ending, format!("it does not show {{{{ {needed} }}}}"));
            }
        }
        Ok(())
    }
}

/// Reads the operator's files over the built-in ones of the same names.
fn override_files(
    files: &mut BTreeMap<String, (PathBuf, String)>,
    folder: &Path,
    errors: &mut Vec<TemplateError>,
) {
    let mut wrong = |path: &Path, problem: String| {
        errors.push(TemplateError { file: path.display().to_string(), line: None, problem });
    };
    let paths = fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, _>>());
    let mut paths = paths.unwrap_or_else(|error| {
        wrong(folder, error.to_string());
        Vec::new()
    });
    paths.sort_unstable();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with('.') || name == "README.md" {
            continue;
        }
        match (files.get_mut(&name), fs::read_to_string(&path)) {
            (None, _) => wrong(&path, "no text has this name".to_owned()),
            (Some(_), Err(error)) => wrong(&path, error.to_string()),
            (Some(file), Ok(text)) => *file = (path, text),
        }
    }
}

/// Whether text can be a header field's value without becoming two.
fn is_one_line(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'))
}

/// The first line that has `word` as a whole word.
fn line_of(text: &str, word: &str) -> Option<usize> {
    let has_word =
        |line: &str| line.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|found| found == word);
    text.lines().position(has_word).map(|index| index + 1)
}

fn described(error: &minijinja::Error, file: String) -> TemplateError {
    let kind = error.kind();
    let problem = error.detail().map_or_else(|| kind.to_string(), |detail| format!("{kind}: {detail}"));
    TemplateError { file, line: error.line(), problem }
}

#[cfg(test)]
mod tests;
