//! The data directory, the key, and how many files may be open.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use countersign_model::random::Random;
use nix::sys::resource::{Resource, getrlimit};
use nix::unistd::{AccessFlags, access, geteuid};

use super::finding::Findings;
use crate::config::Settings;
use crate::data_dir::DataDir;
use crate::master_key;

/// Looks at them.
pub fn examine(settings: &Settings, findings: &mut Findings) {
    let path = &settings.data_dir;
    if path.is_dir() {
        directory(path, findings);
        key(settings, findings);
    } else {
        let text = format!("{} does not exist yet", path.display());
        findings.warning("data directory", text, "`countersign serve` makes it");
    }
    open_files(settings, findings);
}

fn directory(path: &Path, findings: &mut Findings) {
    const CHECK: &str = "data directory";
    let Ok(metadata) = fs::metadata(path) else {
        let text = format!("{} cannot be looked into", path.display());
        return findings.problem(CHECK, text, "run this as the user that runs the server");
    };
    let before = findings.0.len();
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let text = format!("others can look into {} (mode {mode:o})", path.display());
        findings.problem(CHECK, text, format!("chmod 700 {}", path.display()));
    }
    if access(path, AccessFlags::W_OK).is_err() {
        let text = format!("{} cannot be written to by this user", path.display());
        findings.problem(
            CHECK,
            text,
            "run this as the user that runs the server, or give that user the directory",
        );
    } else if metadata.uid() != geteuid().as_raw() {
        let text = format!("{} belongs to another user (id {})", path.display(), metadata.uid());
        findings.warning(CHECK, text, "run this as the user that runs the server, or its files change hands");
    }
    for name in readable_by_others(path) {
        let text = format!("others can read {name} in {}", path.display());
        findings.problem(CHECK, text, format!("chmod 600 {}", path.join(&name).display()));
    }
    if findings.0.len() == before {
        findings.good(CHECK, &format!("{} is for its owner only", path.display()));
    }
}

/// Files with secrets or personal data in them; a certificate holds neither.
fn readable_by_others(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    let exposed = entries.filter(|entry| {
        let is_exposed =
            |metadata: fs::Metadata| metadata.is_file() && metadata.permissions().mode() & 0o077 != 0;
        entry.file_name() != crate::tls::CERTIFICATE && entry.metadata().is_ok_and(is_exposed)
    });
    exposed.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

fn key(settings: &Settings, findings: &mut Findings) {
    const CHECK: &str = "master key";
    let Ok(data_dir) = DataDir::prepare(&settings.data_dir) else { return };
    let place = master_key::place(&settings.master_key, &settings.data_dir);
    match master_key::obtain(&settings.master_key, &data_dir, false, &Random::System) {
        Ok(_) => {
            findings.good(CHECK, &format!("{place}; keep a copy of it apart from the backups"));
        }
        Err(failure) => {
            let put_back = || master_key::put_back(&place);
            findings.problem(CHECK, failure.what(), failure.advised().map_or_else(put_back, str::to_owned));
        }
    }
}

fn open_files(settings: &Settings, findings: &mut Findings) {
    let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return };
    let bounds = &settings.bounds;
    let wanted =
        (bounds.connections as u64).saturating_add(bounds.line_connections as u64).saturating_add(100);
    if hard < wanted {
        let text = format!("{hard} files may be open, and the connections that are allowed need {wanted}");
        findings.warning("open files", text, "raise the limit (LimitNOFILE in systemd), or lower [limits]");
    } else {
        findings.good("open files", &format!("up to {hard} may be open"));
    }
}
