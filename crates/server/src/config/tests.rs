use std::path::Path;
use std::time::Duration;

use super::*;

fn understood(
    toml: &str,
    variables: &[(&str, &str)],
    flags: &[(&'static str, &str)],
) -> Result<Config, Problems> {
    let mut written = Written::default();
    let variables = variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
    let mut problems = written.environment(variables);
    problems.extend(written.toml(Path::new("/etc/countersign.toml"), toml));
    for (key, text) in flags {
        written.flag(key, key, Some((*text).to_owned()));
    }
    understand(&written, problems, Vec::new())
}

fn problems(toml: &str, variables: &[(&str, &str)]) -> Vec<String> {
    let problems = understood(toml, variables, &[]).err().map_or_else(Vec::new, |problems| problems.0);
    problems.iter().map(ToString::to_string).collect()
}

#[test]
fn nothing_written_means_the_documented_defaults() {
    let config = understood("", &[], &[]).unwrap();
    let settings = &config.settings;
    assert_eq!(settings.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(settings.database.reveal(), "sqlite:countersign-data/countersign.db");
    assert_eq!(settings.operations.codes.verification, Duration::from_secs(600));
    assert_eq!(settings.operations.limits.messages_total.interval, Duration::from_millis(360));
    let ops = countersign_ops::hasher::HasherSettings::default();
    assert_eq!(format!("{:?}", settings.hasher), format!("{ops:?}"));
    assert!(settings.delivery.smtp.is_none() && settings.delivery.sms.is_none());
    assert!(config.shown.iter().all(|shown| shown.origin == Origin::Default));
}

#[test]
fn later_wins_and_each_value_knows_its_origin() {
    let toml = "listen = \"127.0.0.1:1\"\nline_listen = \"127.0.0.1:1\"\nmetrics_listen = \"127.0.0.1:1\"\n";
    let variables =
        [("COUNTERSIGN_LINE_LISTEN", "127.0.0.1:2"), ("COUNTERSIGN_METRICS_LISTEN", "127.0.0.1:2")];
    let config = understood(toml, &variables, &[("metrics_listen", "127.0.0.1:3")]).unwrap();
    let ports = [config.settings.listen, config.settings.line.listen, config.settings.metrics_listen];
    assert_eq!(ports.map(|address| address.port()), [1, 2, 3]);
    let origin = |key: &str| config.shown.iter().find(|shown| shown.key == key).unwrap().origin.to_string();
    assert_eq!(origin("listen"), "/etc/countersign.toml:1");
    assert_eq!(origin("line_listen"), "environment COUNTERSIGN_LINE_LISTEN");
    assert_eq!(origin("metrics_listen"), "flag metrics_listen");
}

#[test]
fn tables_are_counted_with_the_place_of_the_first() {
    let claim = "[[oauth.claims]]\nname = \"a\"\nscope = \"profile\"\nvalue = 1\n";
    let config = understood(&format!("\n{claim}{claim}"), &[], &[]).unwrap();
    let tables = config.shown.iter().filter(|shown| shown.key.starts_with('['));
    let told: Vec<_> =
        tables.map(|shown| format!("{} {} {}", shown.key, shown.value, shown.origin)).collect();
    assert_eq!(told, ["[[oauth.claims]] 2 /etc/countersign.toml:2"]);
}

#[test]
fn every_mistake_is_told_at_once_with_its_place() {
    let toml = "lisen = \"x\"\n[codes]\nlifetime = 600\n[smpt]\nhost = \"h\"\n[smtp]\nprot = 25\n";
    assert_eq!(
        problems(toml, &[("COUNTERSIGN_LOG_LEVLE", "info"), ("COUNTERSIGN_LINE_ENABLED", "yes")]),
        [
            "environment COUNTERSIGN_LINE_ENABLED: `line.enabled` = \"yes\" must be true or false",
            "/etc/countersign.toml:3: `codes.lifetime` = 600 must be a duration above 0, such as \"10m\"",
            "/etc/countersign.toml:4: unknown section [smpt]; did you mean [smtp]?",
            "/etc/countersign.toml:1: unknown key `lisen`; did you mean `listen`?",
            "/etc/countersign.toml:7: unknown key `smtp.prot`; did you mean `smtp.port`?",
            "environment COUNTERSIGN_LOG_LEVLE: unknown variable; did you mean COUNTERSIGN_LOG_LEVEL?",
        ]
    );
}

#[test]
fn a_section_is_no_value_and_a_value_no_section() {
    let told = problems("smtp = 1\n[listen]\naddress = \"x\"\n", &[]);
    assert_eq!(
        told,
        [
            "/etc/countersign.toml:2: `listen` is a single value, not a section",
            "/etc/countersign.toml:1: `smtp` is a section, not a single value",
        ]
    );
}

#[test]
fn broken_toml_is_told_with_its_line() {
    let told = problems("listen = \"127.0.0.1:1\"\n[smtp\n", &[]);
    assert!(told[0].starts_with("/etc/countersign.toml:2: "), "{told:?}");
}

#[test]
fn secrets_are_never_shown() {
    let toml = "database = \"postgres://u:canary-a@h/d\"\n[smtp]\nhost = \"h\"\nfrom = \"a@example.com\"\n\
                username = \"u\"\npassword = \"canary-b\"\n[sms.headers]\nX-Key = \"canary-c\"\n";
    let config = understood(toml, &[("COUNTERSIGN_SMS_AUTH_TOKEN", "canary-d")], &[]).unwrap();
    let shown = format!("{:?} {:?}", config.shown, config.settings);
    assert!(!shown.contains("canary"), "{shown}");
    let password = config.settings.delivery.smtp.unwrap().password.unwrap();
    assert_eq!(password.reveal(), "canary-b");
    let told = problems("database = \"mysql://u:canary@h\"\n[smtp]\npassword = [\"canary\"]\n", &[]);
    assert!(told.len() == 2 && !told.concat().contains("canary"), "{told:?}");
    let told = problems("[oauth]\nregistration_token = [\"canary\"]\n", &[]);
    assert!(told.len() == 1 && !told.concat().contains("canary"), "{told:?}");
}

#[test]
fn what_may_hold_a_secret_is_masked() {
    let toml = "[sms]\nurl = \"https://u:canary@h/x?key=canary\"\nformat = \"json\"\n\
                template = '{\"key\":\"canary\",\"to\":\"{{to}}\",\"text\":\"{{text}}\"}'\n\
                [master_key]\ncommand = \"echo canary\"\n";
    let config = understood(toml, &[], &[]).unwrap();
    let shown = |key: &str| config.shown.iter().find(|shown| shown.key == key).unwrap().value.clone();
    assert_eq!(shown("sms.url"), "https://********@h/x?********");
    assert_eq!([shown("sms.template"), shown("master_key.command")], ["********"; 2]);
    let sms = config.settings.delivery.sms.unwrap();
    assert!(sms.url.unwrap().contains("canary") && sms.template.unwrap().contains("canary"));
    let toml =
        "[sms]\nurl = \"ftp://u:canary@h\"\ntemplate = \"canary\"\n[master_key]\ncommand = [\"canary\"]\n";
    let told = problems(toml, &[]);
    assert!(told.len() == 3 && !told.concat().contains("canary"), "{told:?}");
}

#[test]
fn a_pepper_is_read_from_its_file_and_never_shown_or_ignored() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("pepper");
    std::fs::write(&file, format!("{}\n{}\n", "0f".repeat(32), "a1".repeat(32))).unwrap();
    let toml = format!("[password]\npepper_file = \"{}\"", file.display());
    let config = understood(&toml, &[], &[]).unwrap();
    let shown = format!("{:?} {:?}", config.shown, config.settings);
    assert!(shown.contains("Peppers(2)") && !shown.contains("0f0f"), "{shown}");
    let given = [("COUNTERSIGN_PASSWORD_PEPPER", &*"0f".repeat(32))];
    let config = understood("", &given, &[]).unwrap();
    let shown = format!("{:?} {:?}", config.shown, config.settings);
    assert!(shown.contains("Peppers(1)") && !shown.contains("0f0f"), "{shown}");
    std::fs::write(&file, "canary").unwrap();
    let told = problems(&toml, &[]);
    assert!(told.len() == 1 && told[0].starts_with("/etc/countersign.toml:2: "), "{told:?}");
    assert!(!told.concat().contains("canary"), "{told:?}");
    std::fs::remove_file(&file).unwrap();
    assert_eq!(problems(&toml, &[]).len(), 1);
}

#[test]
fn paths_in_a_file_are_relative_to_it() {
    let toml = "data_dir = \"data\"\n[tls]\ncertificate = \"c.pem\"\nkey = \"/k.pem\"\n";
    let settings = understood(toml, &[], &[]).unwrap().settings;
    assert_eq!(settings.data_dir, Path::new("/etc/data"));
    let files = settings.tls.unwrap();
    assert_eq!((files.certificate, files.key), ("/etc/c.pem".into(), "/k.pem".into()));
}

#[test]
fn settings_of_certificates_that_would_do_nothing_are_told() {
    let header = "[oauth.mtls]\nproxy_header = \"Client-Cert\"\n";
    assert!(problems(header, &[]).concat().contains("`proxy.trusted` must be set"));
    assert!(problems(&format!("{header}[proxy]\ntrusted = [\"10.0.0.1\"]"), &[]).is_empty());
    let told = problems("[oauth.mtls]\nurl = \"https://mtls.example.com\"", &[]);
    assert!(told.len() == 1 && told[0].contains("`oauth.mtls.listen`"), "{told:?}");
    let told = problems("[oauth.mtls]\nlisten = \"127.0.0.1:0\"\nca_file = \"nowhere.pem\"", &[]);
    assert!(told.len() == 1 && told[0].contains("/etc/nowhere.pem"), "{told:?}");
    let told = problems("[oauth.mtls]\nlisten = \"127.0.0.1:0\"\ncrl_files = [\"list.pem\"]", &[]);
    assert!(told.len() == 1 && told[0].contains("without `oauth.mtls.ca_file`"), "{told:?}");
}

/// The pages and the metadata of OAuth stand at paths of their own.
#[test]
fn a_public_url_has_no_path_while_there_is_oauth() {
    let url = "public_url = \"https://id.example.com/tenant\"\n";
    let told = problems(url, &[]);
    assert!(told.len() == 1 && told[0].contains("`surfaces.oauth.enabled = false`"), "{told:?}");
    assert!(problems(&format!("{url}[surfaces.oauth]\nenabled = false"), &[]).is_empty());
    assert!(problems("public_url = \"https://id.example.com/\"", &[]).is_empty());
}

#[test]
fn other_machines_need_a_url_and_a_certificate() {
    let told = |toml: &str| exposure_problems(&understood(toml, &[], &[]).unwrap().settings).len();
    assert_eq!(told(""), 0);
    assert_eq!(told("listen = \"[::1]:80\""), 0);
    assert_eq!(told("listen = \"0.0.0.0:80\""), 2);
    assert_eq!(told("listen = \"0.0.0.0:80\"\npublic_url = \"https://a.example\""), 1);
    let behind_proxy =
        "listen = \"[::]:80\"\npublic_url = \"https://a.example\"\ntls_terminated_by_proxy = true";
    assert_eq!(told(behind_proxy), 0);
    assert_eq!(told("line_listen = \"0.0.0.0:81\""), 1);
    assert_eq!(told("line_listen = \"0.0.0.0:81\"\n[line]\nenabled = false"), 0);
    assert_eq!(told("[oauth.mtls]\nlisten = \"0.0.0.0:82\""), 1);
    assert_eq!(told("[oauth.mtls]\nlisten = \"0.0.0.0:82\"\n[tls]\ncertificate = \"c\"\nkey = \"k\""), 0);
    assert_eq!(told("line_listen = \"0.0.0.0:81\"\n[line]\ncertificate = \"c\"\nkey = \"k\""), 0);
}

#[test]
fn listeners_at_one_address_are_told() {
    let told = |toml: &str| {
        let problems = clash_problems(&understood(toml, &[], &[]).unwrap());
        problems.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    for apart in [
        "",
        "listen = \"127.0.0.1:0\"\nline_listen = \"127.0.0.1:0\"\nmetrics_listen = \"127.0.0.1:0\"",
        "listen = \"127.0.0.1:8081\"\n[line]\nenabled = false",
        "listen = \"127.0.0.2:8081\"",
        "listen = \"[::1]:8081\"",
    ] {
        assert_eq!(told(apart), [""; 0], "{apart}");
    }
    for clash in ["127.0.0.1:8081", "0.0.0.0:8081", "[::]:8081", "[::ffff:127.0.0.1]:8081"] {
        let told = told(&format!("listen = \"{clash}\""));
        assert!(
            told.len() == 1 && told[0].starts_with("/etc/countersign.toml:1: `listen` and `line_listen`"),
            "{told:?}"
        );
    }
    assert_eq!(
        told("metrics_listen = \"127.0.0.1:8080\"\n[oauth.mtls]\nlisten = \"127.0.0.1:8081\"").len(),
        2
    );
}
