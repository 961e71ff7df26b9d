//! Configuration in two stages: as written ([`written`]) and as meant ([`settings`]).
//!
//! A value comes from a TOML file, an environment variable or a flag, the later winning. What is
//! unknown or wrong is refused, all of it at once, each with the place where it stands.

use std::io::ErrorKind;
use std::path::PathBuf;

mod claims;
mod clash;
mod clients;
mod database;
mod delivery;
mod exposure;
mod issuers;
mod mtls;
mod oauth;
mod origin;
mod password;
mod read;
mod reader;
mod settings;
mod unknown;
mod value;
mod written;

#[cfg(test)]
mod tests;

pub use clash::clash_problems;
pub use clients::meant;
pub use database::{sqlite_path, without_password};
pub use exposure::{exposure_problems, is_loopback, shows_self_signed_line};
pub use mtls::AuthorityFiles;
pub use origin::{Origin, Problem, Problems};
pub use reader::Shown;
pub use settings::{CertificateFiles, LogSettings, MasterKeySource, Settings};
pub use value::{format_duration, parse_duration};
pub use written::PREFIX;

use reader::Reader;
use written::{Entry, Written};

/// The file that is read without being named.
pub const FILE_NAME: &str = "countersign.toml";

/// What the command line says.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// `--config`.
    pub config: Option<PathBuf>,
    /// `--data-dir`.
    pub data_dir: Option<PathBuf>,
    /// `--database`.
    pub database: Option<String>,
    /// `--listen`.
    pub listen: Option<String>,
    /// `--line-listen`.
    pub line_listen: Option<String>,
    /// `--metrics-listen`.
    pub metrics_listen: Option<String>,
    /// `--public-url`.
    pub public_url: Option<String>,
}

/// The configuration of this process.
#[derive(Debug)]
pub struct Config {
    /// As meant.
    pub settings: Settings,
    /// For `config show`.
    pub shown: Vec<Shown>,
    /// The files it was read from.
    pub files: Vec<PathBuf>,
}

impl Config {
    /// Something that is wrong with a setting, with the place where it stands if somebody has set it.
    pub fn problem(&self, key: &str, text: String) -> Problem {
        let shown = self.shown.iter().find(|shown| shown.key == key);
        let origin = shown.map(|shown| shown.origin.clone()).filter(|origin| *origin != Origin::Default);
        Problem { origin, text }
    }
}

/// Reads files, environment and flags.
///
/// # Errors
/// [`Problems`]: everything that is wrong.
pub fn load(flags: Flags) -> Result<Config, Problems> {
    let mut written = Written::default();
    let mut problems = written.environment(std::env::vars_os());
    let named = named_file(&mut written, flags.config.as_ref());
    let path_text = |path: PathBuf| path.display().to_string();
    written.flag("data_dir", "--data-dir", flags.data_dir.map(path_text));
    written.flag("database", "--database", flags.database);
    written.flag("listen", "--listen", flags.listen);
    written.flag("line_listen", "--line-listen", flags.line_listen);
    written.flag("metrics_listen", "--metrics-listen", flags.metrics_listen);
    written.flag("public_url", "--public-url", flags.public_url);
    let files = match named {
        Some((path, origin)) => {
            problems.extend(written.file(&path, Some(&origin)));
            vec![path]
        }
        None => usual_files(&mut written, &mut problems),
    };
    understand(&written, problems, files)
}

/// The settings of a server that nobody has configured, on this data directory.
///
/// # Errors
/// None that is known.
pub fn defaults(data_dir: PathBuf) -> Result<Settings, Problems> {
    let mut written = Written::default();
    written.flag("data_dir", "--data-dir", Some(data_dir.display().to_string()));
    Ok(understand(&written, Vec::new(), Vec::new())?.settings)
}

fn understand(written: &Written, problems: Vec<Problem>, files: Vec<PathBuf>) -> Result<Config, Problems> {
    let mut problems = problems;
    let clients = clients::read(&written.clients, &mut problems);
    let issuers = issuers::read(&written.trusted_issuers, &mut problems);
    let claims = claims::read(&written.claims, &mut problems);
    let mut reader = Reader::new(written, problems);
    let mut settings = Settings { clients, ..read::settings(&mut reader) };
    settings.operations.oauth.trusted_issuers = issuers;
    settings.operations.oauth.claims = claims.into();
    clients::check(&settings.clients, &written.clients, &mut reader, &settings.operations.oauth);
    let mut shown = reader.finish()?;
    shown.extend(written.tables());
    Ok(Config { settings, shown, files })
}

/// `--config` or `COUNTERSIGN_CONFIG`, which is no setting itself.
fn named_file(written: &mut Written, flag: Option<&PathBuf>) -> Option<(PathBuf, Origin)> {
    let variable = written.environment.remove("CONFIG");
    match (flag, variable) {
        (Some(path), _) => Some((path.clone(), Origin::Flag("--config"))),
        (None, Some(Entry { value: value::Value::Bare(path), origin })) => Some((path.into(), origin)),
        (None, _) => None,
    }
}

/// The file in the data directory and, over it, the one in the current directory. Only the latter
/// can say where the data directory is.
fn usual_files(written: &mut Written, problems: &mut Vec<Problem>) -> Vec<PathBuf> {
    let here = PathBuf::from(FILE_NAME);
    let mut local = Written::default();
    // Its mistakes are told when it is read for the second time.
    let _ = local.file(&here, None);
    let entry = written.flags.get("data_dir").or_else(|| written.environment.get("DATA_DIR"));
    let entry = entry.or_else(|| local.files.get("data_dir"));
    let origin = entry.map(|entry| entry.origin.clone());
    let data_dir = match entry.map(|entry| &entry.value) {
        Some(value::Value::Bare(path) | value::Value::Text(path)) => PathBuf::from(path),
        Some(_) | None => PathBuf::from(read::DEFAULT_DATA_DIR),
    };
    let inside = data_dir.join(FILE_NAME);
    match inside.metadata() {
        // Nobody has named that file: what is wrong is the directory, which may be none or closed to us.
        Err(error) if error.kind() != ErrorKind::NotFound => {
            let text = format!(
                "the data directory {} cannot be used: {error}; it must be a folder of the user that runs this, or \
                 choose another with --data-dir",
                data_dir.display()
            );
            problems.push(Problem { origin, text });
        }
        _ => problems.extend(written.file(&inside, None)),
    }
    if let Some(entry) = written.files.get("data_dir") {
        let text = "`data_dir` has no effect in a file that is found through it; set it elsewhere";
        problems.push(Problem::at(&entry.origin, text));
    }
    problems.extend(written.file(&here, None));
    [inside, here].into_iter().filter(|path| path.is_file()).collect()
}
