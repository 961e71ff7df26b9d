//! `database`: where the accounts are.

use std::path::{Path, PathBuf};

use countersign_model::secret::Secret;
use countersign_store::Database;
use serde_json::json;

use super::origin::Origin;
use super::reader::Reader;

const ALLOWED: &str = "`sqlite:PATH` or `postgres://user@host:port/database`";

/// Reads it; the default is a file in the data directory.
pub fn read(reader: &mut Reader<'_>, data_dir: &Path) -> Secret {
    let found = reader.unshown("database", ALLOWED, |text| is_url(text));
    let origin = found.as_ref().map_or(Origin::Default, |(_, origin)| origin.clone());
    let url = match found {
        Some((url, origin)) => {
            if let Err(error) = Database::parse(&url) {
                reader.problem(&origin, format!("`database`: {error}"));
            }
            relative_to_file(url, &origin)
        }
        None => format!("sqlite:{}", data_dir.join("countersign.db").display()),
    };
    reader.show("database", json!(without_password(&url)), origin);
    Secret::new(url)
}

fn is_url(text: &str) -> bool {
    sqlite_path(text).is_some_and(|path| !path.is_empty())
        || text.starts_with("postgres://")
        || text.starts_with("postgresql://")
}

fn relative_to_file(url: String, origin: &Origin) -> String {
    match (sqlite_path(&url), origin) {
        (Some(path), Origin::File { path: file, .. }) => {
            let folder = file.parent().map(Path::to_owned).unwrap_or_else(PathBuf::new);
            format!("sqlite:{}", folder.join(path).display())
        }
        (
            Some(_) | None,
            Origin::Default | Origin::Environment(_) | Origin::Flag(_) | Origin::File { .. },
        ) => url,
    }
}

/// The path in a URL of an embedded database, which may have slashes before it as other URLs do.
pub fn sqlite_path(url: &str) -> Option<&str> {
    let path = url.strip_prefix("sqlite:")?;
    Some(path.strip_prefix("//").unwrap_or(path))
}

/// The URL as it may be shown.
pub fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let authority = match authority.rsplit_once('@') {
        Some((user, host)) => format!("{}@{host}", mask_password(user)),
        None => authority.to_owned(),
    };
    let path = path.split_once("password=").map_or(path.to_owned(), |(before, after)| {
        let rest = after.find('&').map_or("", |at| &after[at..]);
        format!("{before}password=********{rest}")
    });
    format!("{scheme}://{authority}{path}")
}

fn mask_password(user: &str) -> String {
    user.split_once(':').map_or(user.to_owned(), |(name, _)| format!("{name}:********"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_shown() {
        for (url, shown) in [
            ("sqlite:/a/b.db", "sqlite:/a/b.db"),
            ("postgres://u:p@ss@h:1/d", "postgres://u:********@h:1/d"),
            (
                "postgres://u@h/d?password=x&sslmode=require",
                "postgres://u@h/d?password=********&sslmode=require",
            ),
            ("postgres://h/d", "postgres://h/d"),
        ] {
            assert_eq!(without_password(url), shown);
        }
    }
}
