//! The step from the first stage to the second: every setting is asked for once, by name, type and
//! default. What was asked for is what exists; everything else that was written is a mistake.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use countersign_model::secret::Secret;
use serde_json::json;

use super::origin::{Origin, Problem, Problems};
use super::unknown;
use super::value::{Setting, Value};
use super::written::{Entry, Written};

/// One line of `config show`.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The dotted name.
    pub key: String,
    /// The value; `null` if there is none, masked if it is a secret.
    pub value: serde_json::Value,
    /// Where it comes from.
    pub origin: Origin,
}

/// What stands in place of a secret.
pub const MASK: &str = "********";

/// Hands out values and remembers what was asked for and what was wrong.
pub struct Reader<'a> {
    written: &'a Written,
    shown: Vec<Shown>,
    problems: Vec<Problem>,
    free_sections: Vec<String>,
}

impl<'a> Reader<'a> {
    /// Over what was written.
    pub fn new(written: &'a Written, problems: Vec<Problem>) -> Reader<'a> {
        Reader { written, shown: Vec::new(), problems, free_sections: Vec::new() }
    }

    /// The setting, or its default.
    pub fn or<T: Setting>(&mut self, key: &str, default: T) -> T {
        self.checked(key, default, T::ALLOWED, |_| true)
    }

    /// The setting or its default, if it also passes `check`; `allowed` ends the sentence "must be …".
    pub fn checked<T: Setting>(
        &mut self,
        key: &str,
        default: T,
        allowed: &str,
        check: impl Fn(&T) -> bool,
    ) -> T {
        match self.read(key, allowed, check) {
            Some((value, origin)) => {
                self.show(key, value.show(), origin);
                value
            }
            None => {
                self.show(key, default.show(), Origin::Default);
                default
            }
        }
    }

    /// The setting, if it is set and passes `check`.
    pub fn optional_checked<T: Setting>(
        &mut self,
        key: &str,
        allowed: &str,
        check: impl Fn(&T) -> bool,
    ) -> Option<T> {
        let found = self.read(key, allowed, check);
        match &found {
            Some((value, origin)) => self.show(key, value.show(), origin.clone()),
            None => self.show(key, json!(null), Origin::Default),
        }
        found.map(|(value, _)| value)
    }

    /// A setting that is read by `parse` from a text; `allowed` ends the sentence "must be …".
    pub fn parsed<T>(&mut self, key: &str, allowed: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let text = self.optional_checked::<String>(key, allowed, |text| parse(text).is_some())?;
        parse(&text)
    }

    /// One of the named choices; the first is the default.
    pub fn choice<T: Copy>(&mut self, key: &str, choices: &[(&'static str, T)]) -> T {
        let names: Vec<String> = choices.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        let allowed = format!("one of {}", names.join(", "));
        let chosen = |text: &String| choices.iter().find(|(name, _)| name == text);
        let default = choices[0].0.to_owned();
        let text = self.checked(key, default, &allowed, |text| chosen(text).is_some());
        chosen(&text).unwrap_or(&choices[0]).1
    }

    /// A path, as `beside` has it.
    pub fn path(&mut self, key: &str) -> Option<PathBuf> {
        self.path_or(key, None)
    }

    /// The same with a default.
    pub fn path_or(&mut self, key: &str, default: Option<PathBuf>) -> Option<PathBuf> {
        let (path, origin) = self.read::<PathBuf>(key, PathBuf::ALLOWED, |_| true).unzip();
        let path = path.map(|path| beside(origin.as_ref(), path)).or(default);
        let shown = path.as_ref().map_or(json!(null), Setting::show);
        self.show(key, shown, origin.unwrap_or(Origin::Default));
        path
    }

    /// Paths, each as [`Reader::path`] reads it.
    pub fn paths(&mut self, key: &str) -> Vec<PathBuf> {
        let read =
            self.read::<Vec<String>>(key, "a list of paths", |paths| paths.iter().all(|p| !p.is_empty()));
        let (paths, origin) = read.unzip();
        let paths = paths.unwrap_or_default().into_iter();
        let paths: Vec<PathBuf> = paths.map(|path| beside(origin.as_ref(), path.into())).collect();
        let shown = paths.iter().map(Setting::show).collect();
        self.show(key, shown, origin.unwrap_or(Origin::Default));
        paths
    }

    /// A secret, given as itself or, under the name `…_file`, as the path of a file that holds it.
    pub fn secret(&mut self, key: &str) -> Option<Secret> {
        let direct = self.unshown(key, "a text that is not empty", |text| !text.is_empty());
        let origin = direct.as_ref().map_or(Origin::Default, |(_, origin)| origin.clone());
        let masked = if direct.is_some() { json!(MASK) } else { json!(null) };
        self.show(key, masked, origin.clone());
        let file_key = format!("{key}_file");
        let file = self.path(&file_key);
        match (direct, file) {
            (Some(_), Some(_)) => {
                self.problem(&origin, format!("`{key}` and `{file_key}` are both set; one is enough"));
                None
            }
            (Some((text, _)), None) => Some(Secret::new(text)),
            (None, Some(path)) => self.secret_file(&file_key, &path),
            (None, None) => None,
        }
    }

    fn secret_file(&mut self, key: &str, path: &std::path::Path) -> Option<Secret> {
        match fs::read_to_string(path) {
            Ok(text) => Some(Secret::new(text.trim_end_matches(['\r', '\n']))),
            Err(error) => {
                let origin = self.origin(key);
                self.problem(&origin, format!("`{key}`: {} cannot be read: {error}", path.display()));
                None
            }
        }
    }

    /// A section of free names with texts. Its values may be secrets, so they are shown masked.
    pub fn texts(&mut self, section: &str) -> BTreeMap<String, Secret> {
        self.free_sections.push(section.to_owned());
        let prefix = format!("{section}.");
        let written = self.written;
        let mut found = BTreeMap::new();
        for (name, entry) in written.files.iter().filter(|(name, _)| name.starts_with(&prefix)) {
            match String::read(&entry.value) {
                Some(text) => {
                    self.show(name, json!(MASK), entry.origin.clone());
                    found.insert(name[prefix.len()..].to_owned(), Secret::new(text));
                }
                None => self.problem(&entry.origin, format!("`{name}` must be {}", String::ALLOWED)),
            }
        }
        found
    }

    /// Notes a problem with something that was written.
    pub fn problem(&mut self, origin: &Origin, text: impl Into<String>) {
        self.problems.push(Problem::at(origin, text));
    }

    /// Notes that something is missing.
    pub fn missing(&mut self, text: impl Into<String>) {
        self.problems.push(Problem::missing(text));
    }

    /// Where a setting that was asked for comes from.
    pub fn origin(&self, key: &str) -> Origin {
        self.shown.iter().find(|shown| shown.key == key).map_or(Origin::Default, |shown| shown.origin.clone())
    }

    /// Whether somebody has written the setting.
    pub fn is_written(&self, key: &str) -> bool {
        self.entry(key).is_some()
    }

    /// The end: what was asked for, or everything that was wrong.
    ///
    /// # Errors
    /// [`Problems`].
    pub fn finish(mut self) -> Result<Vec<Shown>, Problems> {
        let known: Vec<&str> = self.shown.iter().map(|shown| shown.key.as_str()).collect();
        let unknown = unknown::find(self.written, &known, &self.free_sections);
        self.problems.extend(unknown);
        if self.problems.is_empty() { Ok(self.shown) } else { Err(Problems(self.problems)) }
    }

    /// A setting that is read by `parse` from a text with a secret in it, of which `shown` may be seen.
    pub fn masked<T>(
        &mut self,
        key: &str,
        allowed: &str,
        parse: impl Fn(&str) -> Option<T>,
        shown: impl Fn(&str) -> String,
    ) -> Option<T> {
        let (text, origin) = self.unshown(key, allowed, |text| parse(text).is_some()).unzip();
        let value = text.as_deref().map_or(json!(null), |text| json!(shown(text)));
        self.show(key, value, origin.unwrap_or(Origin::Default));
        parse(&text?)
    }

    /// A text that the caller will [`Reader::show`], since not all of it may be shown. A mistyped secret must
    /// not end in a log either.
    pub fn unshown(
        &mut self,
        key: &str,
        allowed: &str,
        check: impl Fn(&String) -> bool,
    ) -> Option<(String, Origin)> {
        self.read_and_tell(key, allowed, check, |_| String::new())
    }

    /// Notes what `config show` prints for a key.
    pub fn show(&mut self, key: &str, value: serde_json::Value, origin: Origin) {
        self.shown.push(Shown { key: key.to_owned(), value, origin });
    }

    /// Later wins: file, environment, flag.
    fn entry(&self, key: &str) -> Option<&'a Entry> {
        let written = self.written;
        let flag = written.flags.get(key);
        flag.or_else(|| written.environment.get(&unknown::variable(key))).or_else(|| written.files.get(key))
    }

    fn read<T: Setting>(
        &mut self,
        key: &str,
        allowed: &str,
        check: impl Fn(&T) -> bool,
    ) -> Option<(T, Origin)> {
        self.read_and_tell(key, allowed, check, |value| format!(" = {}", value.shown()))
    }

    fn read_and_tell<T: Setting>(
        &mut self,
        key: &str,
        allowed: &str,
        check: impl Fn(&T) -> bool,
        told: impl Fn(&Value) -> String,
    ) -> Option<(T, Origin)> {
        let entry = self.entry(key)?;
        match T::read(&entry.value).filter(check) {
            Some(value) => Some((value, entry.origin.clone())),
            None => {
                let told = told(&entry.value);
                self.problem(&entry.origin, format!("`{key}`{told} must be {allowed}"));
                None
            }
        }
    }
}

/// A path of a file of settings is relative to the file's folder, any other to the current one.
fn beside(origin: Option<&Origin>, path: PathBuf) -> PathBuf {
    match origin {
        Some(Origin::File { path: file, .. }) => {
            file.parent().map_or_else(|| path.clone(), |folder| folder.join(&path))
        }
        Some(Origin::Default | Origin::Environment(_) | Origin::Flag(_)) | None => path,
    }
}
