//! `config check` finds what a server would not start with, and says where it stands.

use std::fs;
use std::path::Path;
use std::process::Command;

use countersign_testkit::{process, scratch, server, tls};

use super::{failed, run, succeeded};

const ANY_PORTS: &str =
    "listen = \"127.0.0.1:0\"\nline_listen = \"127.0.0.1:0\"\nmetrics_listen = \"127.0.0.1:0\"\n";

/// Both outputs of `config check` and of `serve`, which must refuse the settings in the same words.
#[track_caller]
fn refused(folder: &Path, settings: &str) -> String {
    fs::write(folder.join("wrong.toml"), settings).expect("a file of our own");
    let [checked, served] = [&["config", "check"][..], &["serve"]].map(|command| {
        let output = run(folder, &[command, &["--config", "wrong.toml"]].concat());
        (output.status.code(), failed(&output))
    });
    assert_eq!(checked, served, "{settings}");
    assert_eq!(checked.0, Some(2), "{settings}: {}", checked.1);
    checked.1
}

/// A folder with certificates and texts of messages, wrong ones too.
fn folder() -> std::path::PathBuf {
    let folder = scratch::directory("check");
    tls::certificate_for_localhost(&folder);
    fs::create_dir(folder.join("other")).expect("a folder of our own");
    tls::certificate_for_localhost(&folder.join("other"));
    fs::write(folder.join("text.txt"), "no PEM").expect("a file of our own");
    let mut encrypt = Command::new("openssl");
    encrypt.args(["pkcs8", "-topk8", "-in", "key.pem", "-out", "encrypted.pem", "-passout", "pass:x"]);
    assert!(encrypt.current_dir(&folder).status().expect("openssl").success());
    for (name, file, text) in [
        ("broken", "login.txt", "{{ code"),
        ("unknown", "login.txt", "{{ code }} {{ kode }}"),
        ("good", "login.txt", "{{ code }}"),
    ] {
        fs::create_dir(folder.join(name)).expect("a folder of our own");
        fs::write(folder.join(name).join(file), text).expect("a file of our own");
    }
    folder
}

#[test]
fn what_a_server_does_not_start_with_is_found_before() {
    let folder = folder();
    let smtp = "[smtp]\nhost = \"mail.example.com\"\nfrom = \"a@example.com\"\n";
    let tls = |certificate, key| format!("[tls]\ncertificate = \"{certificate}\"\nkey = \"{key}\"\n");
    let table: &[(&str, &[&str])] = &[
        (&format!("{smtp}security = \"none\"\n"), &["wrong.toml:7: `smtp.security`", "smtp.allow_plaintext"]),
        (&format!("{smtp}ca_file = \"nowhere.pem\"\n"), &["wrong.toml:7: `smtp.ca_file`"]),
        ("[sms]\nurl = \"https://sms.example.com\"\n", &["`sms.account_sid` is missing"]),
        (
            &tls("nowhere.pem", "missing.pem"),
            &["wrong.toml:5: `tls.certificate`: nowhere.pem", "wrong.toml:6: `tls.key`: missing.pem"],
        ),
        (&tls("text.txt", "key.pem"), &["wrong.toml:5: `tls.certificate`: text.txt: no certificate"]),
        (&tls("certificate.pem", "text.txt"), &["wrong.toml:6: `tls.key`: text.txt: no private key"]),
        (&tls("certificate.pem", "other/key.pem"), &["wrong.toml:5: `tls.certificate`", "its key"]),
        (&tls("certificate.pem", "encrypted.pem"), &["wrong.toml:6: `tls.key`", "openssl pkey"]),
        (
            "[line]\ncertificate = \"certificate.pem\"\nkey = \"nowhere.pem\"\n",
            &["wrong.toml:6: `line.key`: nowhere.pem"],
        ),
        ("[delivery]\ntemplates_dir = \"nope\"\n", &["wrong.toml:5: `delivery.templates_dir`: nope"]),
        ("[delivery]\ntemplates_dir = \"broken\"\n", &["`delivery.templates_dir`: broken/login.txt:1"]),
        ("[delivery]\ntemplates_dir = \"unknown\"\n", &["`delivery.templates_dir`", "no variable `kode`"]),
        (
            "database = \"postgres://u:canary@h/x?sslmode=bogus\"\n",
            &["wrong.toml:4: `database`", "`sslmode`"],
        ),
        (
            "[master_key]\nenvironment = \"NOT_SET\"\n",
            &["wrong.toml:5: `master_key.environment`: ", "not set"],
        ),
        ("[master_key]\nfile = \"text.txt\"\n", &["wrong.toml:5: `master_key.file`: text.txt"]),
        ("[surfaces.ouser]\nprefix = \"/auth\"\n", &["/auth/register belongs to two surfaces"]),
        ("[layer]\nkey_file = \"text.txt\"\n", &["wrong.toml:5: `layer.key_file`"]),
        (
            "[[clients]]\nclient_id = \"a b\"\ngrant_types = [\"client_credentials\"]\n\
             client_secret = \"0123456789abcdef0123456789abcdef\"\n",
            &["wrong.toml:4: [[clients]]"],
        ),
    ];
    for (settings, words) in table {
        let said = refused(&folder, &format!("{ANY_PORTS}{settings}"));
        for word in *words {
            assert!(said.contains(word), "{settings}{word} is not in: {said}");
        }
        assert!(!said.contains("canary"), "{said}");
    }
    let both = format!("{ANY_PORTS}{smtp}security = \"none\"\n[delivery]\ntemplates_dir = \"nope\"\n");
    let said = refused(&folder, &format!("{both}{}", tls("nowhere.pem", "missing.pem")));
    assert!(said.contains("4 problems"), "{said}");
    assert!(!folder.join("countersign-data").exists(), "it has made something");
}

/// Whoever starts a server with flags can check it with them.
#[test]
fn the_flags_of_a_server_are_checked_too() {
    let folder = scratch::directory("flags");
    fs::write(folder.join("any.toml"), ANY_PORTS).expect("a file of our own");
    for (flags, word) in [
        (["--listen", "nowhere"], "--listen"),
        (["--line-listen", "127.0.0.1"], "--line-listen"),
        (["--metrics-listen", "127.0.0.1:x"], "--metrics-listen"),
        (["--public-url", "accounts"], "--public-url"),
        // Others reach it, and it has no certificate.
        (["--listen", "0.0.0.0:0"], "tls"),
        (["--database", "postgres://u@h/x?sslmode=bogus"], "--database"),
    ] {
        let [checked, served] = [&["config", "check"][..], &["serve"]].map(|command| {
            let output = run(&folder, &[command, &["--config", "any.toml"], &flags].concat());
            (output.status.code(), failed(&output))
        });
        assert_eq!(checked, served, "{flags:?}");
        assert!(checked.0 == Some(2) && checked.1.contains(word), "{flags:?}: {checked:?}");
        assert!(!checked.1.contains("unexpected argument"), "{flags:?}: {checked:?}");
    }
    let good =
        ["--listen", "127.0.0.1:0", "--public-url", "http://localhost:8080", "--data-dir", "elsewhere"];
    succeeded(&run(&folder, &[&["config", "check", "--config", "any.toml"][..], &good].concat()));
    assert!(!folder.join("elsewhere").exists(), "it has made something");
}

/// Port 0 is another one for each listener.
#[test]
fn listeners_at_one_address_are_refused() {
    let folder = scratch::directory("clash");
    for (settings, words) in [
        ("listen = \"127.0.0.1:8081\"\n", "wrong.toml:1: `listen` and `line_listen`"),
        (
            "listen = \"127.0.0.1:8080\"\nmetrics_listen = \"127.0.0.1:8080\"\n",
            "`listen` and `metrics_listen`",
        ),
        ("[oauth.mtls]\nlisten = \"127.0.0.1:8082\"\n", "`oauth.mtls.listen` and `metrics_listen`"),
    ] {
        let said = refused(&folder, settings);
        assert!(said.contains(words), "{settings}: {said}");
    }
    fs::write(folder.join("apart.toml"), ANY_PORTS).expect("a file of our own");
    succeeded(&run(&folder, &["config", "check", "--config", "apart.toml"]));
}

/// Settings that hold are not refused, and nothing is made for them.
#[test]
fn good_settings_are_called_good() {
    let folder = folder();
    let settings = "[tls]\ncertificate = \"certificate.pem\"\nkey = \"key.pem\"\n[delivery]\n\
                    templates_dir = \"good\"\n[smtp]\nhost = \"mail.example.com\"\nfrom = \"a@example.com\"\n\
                    security = \"none\"\nallow_plaintext = true\n";
    fs::write(folder.join("good.toml"), settings).expect("a file of our own");
    let said = succeeded(&run(&folder, &["config", "check", "--config", "good.toml"]));
    assert!(said.starts_with("the configuration is good"), "{said}");
    assert!(!folder.join("countersign-data").exists(), "it has made something");
}

/// Nobody has named the file in a data directory, so it is the directory that is wrong.
#[test]
fn a_data_directory_that_cannot_be_used_is_named() {
    let folder = scratch::directory("unusable");
    fs::write(folder.join("file"), "").expect("a file of our own");
    let closed = folder.join("closed");
    fs::create_dir(&closed).expect("a folder of our own");
    fs::set_permissions(&closed, std::os::unix::fs::PermissionsExt::from_mode(0o000)).expect("it is ours");
    for (directory, reason) in [("file", "Not a directory"), ("closed", "Permission denied")] {
        for command in [&["serve"][..], &["account", "list"], &["config", "check"]] {
            let mut obeying = match process::is_root() {
                // Without these, root asks for permission as everybody does.
                true => {
                    let mut command = Command::new("setpriv");
                    command.args(["--bounding-set=-dac_override,-dac_read_search", "--"]);
                    command.arg(process::countersign());
                    command
                }
                false => Command::new(process::countersign()),
            };
            server::without_settings(&mut obeying);
            obeying.args(command).args(["--data-dir", directory]).current_dir(&folder);
            let said = failed(&obeying.output().expect("the countersign binary"));
            for word in [&*format!("the data directory {directory} cannot be used: {reason}"), "--data-dir"] {
                assert!(said.contains(word), "{command:?}: {word} is not in: {said}");
            }
            assert!(!said.contains("countersign.toml"), "{said}");
        }
    }
}
