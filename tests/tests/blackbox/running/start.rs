//! Starting with nothing, and refusing to start.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use countersign_testkit::{process, scratch, server};

use super::{failed, run, succeeded};

/// A server that prints for people; killed at the end.
struct Started {
    child: Child,
    text: String,
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts `serve` in `folder` and reads until the line that begins with `ready`. It logs into `server.log` there.
fn start(folder: &std::path::Path, arguments: &[&str]) -> Started {
    let mut command = process::mortal(process::countersign());
    server::without_settings(&mut command);
    command.arg("serve").args(arguments).current_dir(folder);
    let log = fs::File::create(folder.join("server.log")).expect("a file of our own");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
    let mut child = process::spawn(command).expect("the countersign binary");
    let mut reader = BufReader::new(child.stdout.take().expect("piped"));
    let mut text = String::new();
    loop {
        let from = text.len();
        let read = reader.read_line(&mut text).expect("text");
        assert!(read > 0, "it ended without being ready:\n{text}");
        if text[from..].starts_with("ready") {
            break;
        }
    }
    Started { child, text }
}

const ANY_PORTS: [&str; 6] =
    ["--listen", "127.0.0.1:0", "--line-listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"];

/// In an empty folder it makes all it needs, readable by the owner alone, and says where everything is.
#[test]
fn an_empty_folder_is_enough() {
    let folder = scratch::directory("empty");
    let mut started = start(&folder, &ANY_PORTS);
    for word in [
        "ouser",
        "authd",
        "line",
        "authv1",
        "rest",
        "/auth/v1",
        "/sign-up",
        "/account",
        "countersign client add",
        "countersign outbox",
        "http://127.0.0.1:",
    ] {
        assert!(started.text.contains(word), "{word} is not in:\n{}", started.text);
    }
    let data = folder.join("countersign-data");
    let mode = |path: &std::path::Path| fs::metadata(path).expect("it exists").permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    let names: Vec<_> = fs::read_dir(&data).expect("a directory").flatten().collect();
    for name in ["countersign.db", "line-cert.pem", "line-key.pem"] {
        assert!(data.join(name).is_file(), "{name} is not among {names:?}");
    }
    for path in names.iter().map(fs::DirEntry::path) {
        assert_eq!(mode(&path), 0o600, "{} has mode {:o}", path.display(), mode(&path));
    }
    // A second server in the same directory would spoil it.
    assert!(failed(&run(&folder, &[&["serve"], &ANY_PORTS[..]].concat())).contains("another"));
    process::signal(&started.child, "INT");
    let status = process::wait(&mut started.child, Duration::from_secs(12)).expect("it ends at Ctrl-C");
    assert!(status.success(), "{status}");
    drop(start(&folder, &ANY_PORTS));
}

/// On an address that others reach it wants a URL and certificates, and says what to set.
#[test]
fn an_exposed_server_without_protection_does_not_start() {
    let folder = scratch::directory("exposed");
    let line_off = ["--line-listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"];
    let serve = |arguments: &[&str]| failed(&run(&folder, &[&["serve"], &line_off[..], arguments].concat()));
    let bare = serve(&["--listen", "0.0.0.0:0"]);
    assert!(
        bare.contains("public_url")
            && bare.contains("certificate")
            && bare.contains("tls_terminated_by_proxy"),
        "{bare}"
    );
    let with_url = serve(&["--listen", "0.0.0.0:0", "--public-url", "https://accounts.example.org"]);
    assert!(with_url.contains("certificate") && !with_url.contains("needs the URL"), "{with_url}");
    let line = failed(&run(&folder, &["serve", "--listen", "127.0.0.1:0", "--line-listen", "0.0.0.0:0"]));
    assert!(line.contains("[line]"), "{line}");
    assert!(!folder.join("countersign-data/countersign.db").exists(), "it made a database all the same");
    fs::write(folder.join("proxy.toml"), "tls_terminated_by_proxy = true\n").expect("a file of our own");
    let proxied =
        ["--config", "proxy.toml", "--listen", "0.0.0.0:0", "--public-url", "https://accounts.example.org"];
    drop(start(&folder, &[&line_off[..], &proxied].concat()));
}

/// A proxy that speaks TLS for HTTP does not for the line listener, so who connects there meets a certificate that they
/// cannot trust.
#[test]
fn a_line_listener_that_others_cannot_trust_is_told() {
    let folder = scratch::directory("untrusted");
    fs::write(folder.join("proxy.toml"), "tls_terminated_by_proxy = true\n").expect("a file of our own");
    let log_with = |line_listen: &str| {
        let line = ["--config", "proxy.toml", "--line-listen", line_listen];
        let others = ["--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"];
        let mut started = start(&folder, &[line, others].concat());
        process::signal(&started.child, "INT");
        process::wait(&mut started.child, Duration::from_secs(12)).expect("it ends at Ctrl-C");
        fs::read_to_string(folder.join("server.log")).expect("its log")
    };
    assert!(log_with("0.0.0.0:0").contains("self-signed"));
    assert!(!log_with("127.0.0.1:0").contains("self-signed"));
}

/// A misspelt setting is an error that names the right spelling, wherever it stands.
#[test]
fn unknown_settings_are_refused_with_a_suggestion() {
    let folder = scratch::directory("unknown");
    for (text, suggestion) in [
        ("public_ulr = \"http://localhost\"", "public_url"),
        ("[smtp]\nhots = \"localhost\"", "smtp.host"),
        ("[limit]\nconnections = 5", "limits"),
        ("[limits]\nconnections = \"many\"", "connections"),
        ("[password]\nmemory_kib = 1", "memory_kib"),
        ("listen = ", "line 1"),
    ] {
        fs::write(folder.join("wrong.toml"), text).expect("a file of our own");
        for command in [&["serve"][..], &["config", "check"]] {
            let said = failed(&run(&folder, &[command, &["--config", "wrong.toml"]].concat()));
            assert!(said.contains(suggestion) || said.contains("wrong.toml:1"), "{text}: {said}");
        }
    }
    let mut command = std::process::Command::new(process::countersign());
    server::without_settings(&mut command);
    command
        .args(["config", "check"])
        .env("COUNTERSIGN_SMTP_HOTS", "x")
        .current_dir(&folder)
        .stdin(Stdio::null());
    let said = failed(&command.output().expect("the countersign binary"));
    assert!(said.contains("COUNTERSIGN_SMTP_HOST"), "{said}");
    let missing = failed(&run(&folder, &["serve", "--config", "no-such-file.toml"]));
    assert!(missing.contains("no-such-file.toml"), "{missing}");
}

/// A port that is taken is named.
#[test]
fn a_taken_port_is_named() {
    let folder = scratch::directory("taken");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let taken = listener.local_addr().expect("an address").to_string();
    for flag in ["--listen", "--line-listen", "--metrics-listen"] {
        let mut arguments = vec!["serve"];
        for pair in ANY_PORTS.chunks(2) {
            arguments.extend([pair[0], if pair[0] == flag { taken.as_str() } else { pair[1] }]);
        }
        let said = failed(&run(&folder, &arguments));
        assert!(said.contains(&taken), "{flag}: {said}");
        assert!(!folder.join("countersign-data").exists(), "{flag}: it leaves its directory behind");
    }
}

/// What was there stays; what was made for a server that does not start goes, and is no matter for the next one.
#[test]
fn a_server_that_cannot_start_leaves_all_as_it_was() {
    let folder = scratch::directory("undone");
    fs::write(folder.join("layer.pem"), "no key").expect("a file of our own");
    let wrong = [
        "[layer]\nkey_file = \"layer.pem\"",
        "[tls]\ncertificate = \"layer.pem\"\nkey = \"layer.pem\"",
        "[[clients]]\nclient_id = \"a\"\nredirect_uris = [\"https://app.example.com/cb\"]\nclient_secret = \"short\"",
    ];
    let data = folder.join("outer/data");
    let serve = |more: &[&str]| {
        run(&folder, &[&["serve", "--data-dir", "outer/data"], &ANY_PORTS[..], more].concat())
    };
    for text in wrong {
        fs::write(folder.join("wrong.toml"), text).expect("a file of our own");
        failed(&serve(&["--config", "wrong.toml"]));
        assert!(!folder.join("outer").exists(), "{text}");
    }
    drop(start(&folder, &[&["--data-dir", "outer/data"], &ANY_PORTS[..]].concat()));
    let key = fs::read(data.join("master.key")).expect("a key");
    for text in wrong {
        fs::write(folder.join("wrong.toml"), text).expect("a file of our own");
        failed(&serve(&["--config", "wrong.toml"]));
        assert_eq!(fs::read(data.join("master.key")).expect("a key"), key, "{text}");
    }
    drop(start(&folder, &[&["--data-dir", "outer/data"], &ANY_PORTS[..]].concat()));
}

/// A new database elsewhere, too, opens for the server whose settings are right the second time.
#[test]
fn a_wrong_key_of_the_first_start_spoils_no_database() {
    let folder = scratch::directory("spoilt");
    fs::create_dir(folder.join("data")).expect("a folder of our own");
    fs::write(folder.join("layer.pem"), "no key").expect("a file of our own");
    fs::write(folder.join("wrong.toml"), "[layer]\nkey_file = \"layer.pem\"").expect("a file of our own");
    let place = ["--data-dir", "data", "--database", "sqlite:elsewhere.db"];
    let said =
        failed(&run(&folder, &[&["serve", "--config", "wrong.toml"], &place[..], &ANY_PORTS[..]].concat()));
    assert!(said.contains("layer"), "{said}");
    drop(start(&folder, &[&place[..], &ANY_PORTS[..]].concat()));
}

/// A back-up has no master key in it: a server that finds none beside it says which one is missing and where it goes.
#[test]
fn a_restored_database_wants_its_master_key_back() {
    let folder = scratch::directory("keyless");
    let first = start(&folder, &ANY_PORTS);
    succeeded(&run(&folder, &["backup", "copy"]));
    drop(first);
    let restore = |data_dir: &str| succeeded(&run(&folder, &["restore", "copy", "--data-dir", data_dir]));
    let said = restore("other");
    assert!(
        said.contains("cannot read the master key") && said.contains("back as other/master.key"),
        "{said}"
    );
    let serve = || run(&folder, &[&["serve", "--data-dir", "other"], &ANY_PORTS[..]].concat());
    let said = failed(&serve());
    assert!(said.contains("no master key other/master.key") && said.contains("leaves it out"), "{said}");
    let own = folder.join("other/master.key");
    assert!(!own.exists(), "it leaves a key that opens nothing");
    fs::write(&own, format!("{}\n", "5a".repeat(32))).expect("a file of our own");
    let said = failed(&serve());
    assert!(said.contains("does not open with the master key other/master.key"), "{said}");
    // A restore looks at the key that is there.
    let beside = |data_dir: &str, key: &Path| {
        fs::create_dir(folder.join(data_dir)).expect("a directory");
        fs::copy(key, folder.join(data_dir).join("master.key")).expect("a key");
        restore(data_dir)
    };
    let said = beside("wrong", &own);
    assert!(said.contains("does not open with the master key wrong/master.key"), "{said}");
    let said = beside("right", &folder.join("countersign-data/master.key"));
    assert!(said.contains("opens with the master key right/master.key"), "{said}");
    assert!(!said.contains("back as"), "{said}");
    fs::copy(folder.join("countersign-data/master.key"), &own).expect("the master key");
    drop(start(&folder, &[&["--data-dir", "other"], &ANY_PORTS[..]].concat()));
}
