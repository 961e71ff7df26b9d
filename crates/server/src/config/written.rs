//! The first stage: everything as it was written, with where it stands. Nothing is understood yet.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::origin::{Origin, Problem};
use super::reader::Shown;
use super::value::Value;

/// What every variable of ours starts with.
pub const PREFIX: &str = "COUNTERSIGN_";

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// As written.
    pub value: Value,
    /// Where.
    pub origin: Origin,
}

/// A table of a file as JSON, and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct MemberTable {
    /// Its members.
    pub members: Map<String, Json>,
    /// Where.
    pub origin: Origin,
}

impl MemberTable {
    /// Refuses a list of whom it is for that is there and empty: without the list, it is for everybody.
    ///
    /// # Errors
    /// What to do.
    pub fn check_lists(&self, names: &[&str]) -> Result<(), String> {
        let is_empty = |name: &&&str| {
            self.members.get(**name).is_some_and(|list| list.as_array().is_some_and(Vec::is_empty))
        };
        match names.iter().find(is_empty) {
            Some(name) => {
                Err(format!("`{name}` is an empty list; name some, or leave it out for all of them"))
            }
            None => Ok(()),
        }
    }
}

/// Everything that was written, under dotted names (`smtp.host`) and variables' names.
#[derive(Debug, Default)]
pub struct Written {
    /// Of flags.
    pub flags: BTreeMap<String, Entry>,
    /// Of the environment, by the variable's name without the prefix.
    pub environment: BTreeMap<String, Entry>,
    /// Of the files; a later file's value stands in place of an earlier one's.
    pub files: BTreeMap<String, Entry>,
    /// Section headers of the files, so that an empty section with a wrong name is seen too.
    pub sections: BTreeMap<String, Origin>,
    /// `[[clients]]`; those of a later file stand in place of those of an earlier one.
    pub clients: Vec<MemberTable>,
    /// `[[oauth.trusted_issuers]]`, likewise.
    pub trusted_issuers: Vec<MemberTable>,
    /// `[[oauth.claims]]`, likewise.
    pub claims: Vec<MemberTable>,
}

impl Written {
    /// For `config show`: of each kind of table that is there, how many, and where the first one stands.
    pub fn tables(&self) -> impl Iterator<Item = Shown> {
        let kinds = [
            ("[[clients]]", &self.clients),
            ("[[oauth.trusted_issuers]]", &self.trusted_issuers),
            ("[[oauth.claims]]", &self.claims),
        ];
        kinds.into_iter().filter_map(|(kind, tables)| {
            let origin = tables.first()?.origin.clone();
            Some(Shown { key: kind.to_owned(), value: tables.len().into(), origin })
        })
    }

    /// Notes a flag.
    pub fn flag(&mut self, key: &str, name: &'static str, text: Option<String>) {
        if let Some(text) = text {
            let entry = Entry { value: Value::Bare(text), origin: Origin::Flag(name) };
            self.flags.insert(key.to_owned(), entry);
        }
    }

    /// Notes the variables that start with our prefix.
    pub fn environment(&mut self, variables: impl Iterator<Item = (OsString, OsString)>) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (name, value) in variables {
            let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else { continue };
            let origin = Origin::Environment(name.to_owned());
            match value.into_string() {
                Ok(text) => {
                    let entry = Entry { value: Value::Bare(text), origin };
                    self.environment.insert(name[PREFIX.len()..].to_owned(), entry);
                }
                Err(_) => problems.push(Problem::at(&origin, "is not UTF-8")),
            }
        }
        problems
    }

    /// Reads a file over what is there. A file that does not exist is a problem only if it was named.
    pub fn file(&mut self, path: &Path, named: Option<&Origin>) -> Vec<Problem> {
        match fs::read_to_string(path) {
            Ok(text) => self.toml(path, &text),
            Err(error) if error.kind() == io::ErrorKind::NotFound && named.is_none() => Vec::new(),
            Err(error) => {
                let text = format!("{} cannot be read: {error}", path.display());
                vec![Problem { origin: named.cloned(), text }]
            }
        }
    }

    /// Reads the text of a file.
    pub fn toml(&mut self, path: &Path, text: &str) -> Vec<Problem> {
        let (table, errors) = DeTable::parse_recoverable(text);
        let file = File { path: path.to_owned(), text };
        if errors.is_empty() {
            self.table("", table.get_ref(), &file);
        }
        let describe = |error: &toml::de::Error| {
            let at = error.span().map_or(0, |span| span.start);
            Problem::at(&file.origin(at), error.message().replace('\n', ", "))
        };
        errors.iter().map(describe).collect()
    }

    fn table(&mut self, prefix: &str, table: &DeTable<'_>, file: &File<'_>) {
        for (key, value) in table {
            let name = if prefix.is_empty() {
                key.get_ref().to_string()
            } else {
                format!("{prefix}.{}", key.get_ref())
            };
            let origin = file.origin(key.span().start);
            match value.get_ref() {
                DeValue::Array(items) if name == "clients" && items.iter().all(is_table) => {
                    self.clients = items.iter().filter_map(|item| member_table(item, file)).collect();
                }
                DeValue::Array(items) if name == "oauth.trusted_issuers" && items.iter().all(is_table) => {
                    self.trusted_issuers = items.iter().filter_map(|item| member_table(item, file)).collect();
                }
                DeValue::Array(items) if name == "oauth.claims" && items.iter().all(is_table) => {
                    self.claims = items.iter().filter_map(|item| member_table(item, file)).collect();
                }
                DeValue::Table(inner) => {
                    self.sections.insert(name.clone(), origin);
                    self.table(&name, inner, file);
                }
                leaf @ (DeValue::String(_)
                | DeValue::Integer(_)
                | DeValue::Float(_)
                | DeValue::Boolean(_)
                | DeValue::Datetime(_)
                | DeValue::Array(_)) => {
                    let source = &file.text[value.span()];
                    self.files.insert(name, Entry { value: convert(leaf, source), origin });
                }
            }
        }
    }
}

fn is_table(value: &Spanned<DeValue<'_>>) -> bool {
    matches!(value.get_ref(), DeValue::Table(_))
}

fn member_table(item: &Spanned<DeValue<'_>>, file: &File<'_>) -> Option<MemberTable> {
    let Json::Object(members) = json_of(item.get_ref()) else { return None };
    Some(MemberTable { members, origin: file.origin(item.span().start) })
}

/// A value of TOML as JSON.
fn json_of(value: &DeValue<'_>) -> Json {
    match value {
        DeValue::String(text) => Json::from(text.to_string()),
        DeValue::Boolean(truth) => Json::from(*truth),
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).map_or(Json::Null, Json::from)
        }
        DeValue::Array(items) => Json::from_iter(items.iter().map(|item| json_of(item.get_ref()))),
        DeValue::Table(inner) => {
            let members =
                inner.iter().map(|(key, item)| (key.get_ref().to_string(), json_of(item.get_ref())));
            Json::Object(members.collect())
        }
        // JSON has no infinity and no dates.
        DeValue::Float(number) => number.as_str().parse::<f64>().map_or(Json::Null, Json::from),
        DeValue::Datetime(_) => Json::Null,
    }
}

struct File<'a> {
    path: PathBuf,
    text: &'a str,
}

impl File<'_> {
    fn origin(&self, at: usize) -> Origin {
        let before = self.text.as_bytes().iter().take(at);
        Origin::File { path: self.path.clone(), line: before.filter(|byte| **byte == b'\n').count() + 1 }
    }
}

fn convert(value: &DeValue<'_>, source: &str) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Boolean(truth) => Value::Boolean(*truth),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or_else(|_| Value::Other(source.to_owned()), Value::Integer),
        DeValue::Array(items) => {
            Value::Array(items.iter().map(|item| convert(item.get_ref(), source)).collect())
        }
        DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Table(_) => Value::Other(source.to_owned()),
    }
}
