//! Health and metrics.

use countersign_testkit::{Client, Response, poll};

use crate::away::Away;
use crate::case::{Case, on_both_engines, password};
use crate::oauth::provider::{Provider, User};
use crate::parity::{Surface, sign_in};
use crate::{line, ouser, rest};

on_both_engines! {
    a_healthy_server_says_so
    without_its_store_it_lives_and_is_not_ready
    metrics_count_what_happens_and_name_nobody
    metrics_count_the_sign_ins_of_every_door
}

fn a_healthy_server_says_so(case: &Case) {
    for path in ["/health/live", "/health/ready"] {
        case.get(path).expect(200);
        case.http().request("HEAD", path).send().expect(200);
        case.post(path, serde_json::json!({})).expect(405);
    }
}

/// What needs the store is refused with a time to come back, never answered as if there were nothing in it (R153).
fn without_its_store_it_lives_and_is_not_ready(case: &Case) {
    let mut away = Away::start(case);
    let user = rest::User::new(away.case());
    away.take();
    let case = away.case();
    case.get("/health/live").expect(200);
    let unavailable = |response: Response| {
        let response = response.expect(503);
        let seconds = response.header("retry-after").expect("a time to come back").parse::<u64>();
        assert!(seconds.is_ok_and(|seconds| seconds >= 1), "{response:?}");
    };
    unavailable(rest::login(case, &user.email, &user.password));
    unavailable(crate::authv1::request_token(case, "nobody", &user.password));
    unavailable(crate::authd::login(case, &user.email, &user.password));
    // 000 documents 500 for this and nothing else.
    assert!(matches!(ouser::login(case, &user.email, &user.password).status, 500 | 503));
    assert_eq!(line::login(&mut case.line(), &user.email, &user.password), "nop unavailable");
    // A locked SQLite file can still be read, so sessions are checked as ever.
    if case.engine() == countersign_testkit::Engine::Postgres {
        unavailable(case.get("/health/ready"));
        unavailable(user.request(case, "GET", "/auth/profile/").send());
    }
    away.give_back(|case| case.get("/health/ready").status == 200);
    let case = away.case();
    let works = poll::within(poll::PATIENCE, || {
        (rest::login(case, &user.email, &user.password).status == 200).then_some(())
    });
    assert!(works.is_some());
    assert_eq!(user.profile(case)["email"], user.email.as_str());
}

/// On a listener of their own, since they are nobody's business outside.
fn metrics_count_what_happens_and_name_nobody(case: &Case) {
    let case = case.with_config("");
    let metrics = Client::new(case.server().metrics_address());
    let read = || {
        let response = metrics.get("/metrics").send().expect(200);
        assert!(
            response.header("content-type").unwrap_or_default().starts_with("text/plain"),
            "{response:?}"
        );
        response.text().to_owned()
    };
    let member = ouser::register(&case);
    ouser::session(&case, &member);
    line::login(&mut case.line(), "nobody", "wrong-password");
    let before = sum(&read());
    for _ in 0..10 {
        ouser::login(&case, &member.email, "Wrong-passw0rd").expect(401);
        case.get(&format!("/no-such-path-{}", crate::case::unique())).expect(404);
    }
    let text = read();
    assert!(sum(&text) >= before + 20.0, "{text}");
    for word in [member.email.as_str(), &member.password, "no-such-path", "Wrong-passw0rd"] {
        assert!(!text.contains(word), "{word} is in the metrics");
    }
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let value = line.rsplit(' ').next().and_then(|value| value.parse::<f64>().ok());
        assert!(value.is_some(), "{line}");
    }
    case.get("/metrics").expect(404);
    metrics.post_json("/login", &serde_json::json!({})).expect(404);
}

/// A right and a wrong password at each door, and codes where they sign in.
fn metrics_count_the_sign_ins_of_every_door(case: &Case) {
    let case = case.with_config("");
    let metrics = Client::new(case.server().metrics_address());
    let counted = || -> Vec<(String, String)> {
        let text = metrics.get("/metrics").send().expect(200).text().to_owned();
        let samples =
            text.lines().filter_map(|line| line.strip_prefix("countersign_sign_ins_total")?.split_once(' '));
        samples.map(|(labels, value)| (labels.to_owned(), value.to_owned())).collect()
    };
    let grown = |surface: &str, outcomes: &[&str], act: &dyn Fn()| {
        let before = counted();
        act();
        let after = counted();
        let grown: Vec<_> =
            after.iter().filter(|sample| !before.contains(sample)).map(|(labels, _)| labels).collect();
        let expected = |outcome: &&str| format!("{{surface=\"{surface}\",outcome=\"{outcome}\"}}");
        assert_eq!(grown, outcomes.iter().map(expected).collect::<Vec<_>>().iter().collect::<Vec<_>>());
    };
    let (member, both) = (ouser::register(&case), ["success", "refused"]);
    for (surface, name) in Surface::ALL.into_iter().zip(["ouser", "authd", "line", "authv1", "rest"]) {
        grown(name, &both, &|| {
            assert!(sign_in(&case, surface, &member.email, &member.password).is_some());
            assert!(sign_in(&case, surface, &member.email, "Wrong-passw0rd").is_none());
        });
    }
    grown("authd", &both, &|| {
        let grant = |password: &str| {
            let form = [("grant_type", "password"), ("username", &member.email), ("password", password)];
            case.http().post("/v1/tokens/").form(&form).send()
        };
        grant(&member.password).expect(200);
        grant("Wrong-passw0rd").expect(400);
    });
    grown("ouser", &both, &|| {
        let code = ouser::code_for(&case, &member.email);
        ouser::login_by_code(&case, &member.email, &code).expect(200);
        ouser::login_by_code(&case, &member.email, &code).expect(401);
    });
    let user = User { email: member.email.clone(), password: member.password.clone() };
    let browser = || Provider::new(&case).browser();
    grown("browser", &both, &|| {
        browser().open("/sign-in").sign_in(&user);
        browser().open("/sign-in").sign_in(&User { password: "Wrong-passw0rd".to_owned(), ..user.clone() });
    });
    grown("browser", &both, &|| {
        let mut browser = browser();
        browser.open("/sign-in/code").submit(&[("identifier", &user.email)]);
        let code = case.server().latest_to(&user.email).code();
        browser.submit(&[("code", "AAAAA-AAAAA")]).submit(&[("code", &code)]);
    });
    grown("browser", &["success"], &|| {
        let (mut browser, email) = (browser(), case.email());
        browser.open("/sign-up").submit(&[("identifier", &email)]);
        let code = case.server().latest_to(&email).code();
        browser.submit(&[("code", &code), ("new_password", &password())]);
    });
    assert!(!counted().iter().any(|(labels, _)| labels.contains("oauth")), "nobody signs in there");
}

/// The sum of all counters, whatever they are called.
fn sum(metrics: &str) -> f64 {
    let counters = metrics.lines().filter(|line| !line.starts_with('#') && line.contains("requests_total"));
    counters.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}
