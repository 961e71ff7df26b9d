//! The pages that links in messages lead to.

use countersign_testkit::Response;
use serde_json::json;

use crate::authd;
use crate::authv1::Member;
use crate::case::{Case, on_both_engines, password};
use crate::line::Registration;

on_both_engines! {
    links_in_messages_have_every_language
    links_in_messages_lead_to_pages_with_a_policy
    a_person_who_confirms_sees_a_page_and_no_token
    who_opens_no_page_is_told_so_on_one
    the_site_has_an_icon
}

/// What Chromium sends when somebody follows a link.
const VISIT: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8";

fn visit(case: &Case, path: &str, language: &str) -> Response {
    case.http().get(path).header("Accept", VISIT).header("Accept-Language", language).send()
}

fn reset_link(case: &Case, member: &Member) -> String {
    case.post("/auth/v1/passwordreset", json!({ "email": member.email })).expect(200);
    case.server().latest_to(&member.email).link_path()
}

fn links_in_messages_have_every_language(case: &Case) {
    let own = case.with_config("[pages]\nname = \"Beispiel\"\naccent = \"#c00\"\nlanguage = \"de\"");
    let words = [
        ("en", "Choose a new password", "Confirm your e-mail address", "This link does not work any more"),
        ("de", "Neues Passwort wählen", "E-Mail-Adresse bestätigen", "Dieser Link funktioniert nicht mehr"),
        (
            "fr",
            "Choisir un nouveau mot de passe",
            "Confirmez votre adresse e-mail",
            "Ce lien ne fonctionne plus",
        ),
        ("es", "Elegir una contraseña nueva", "Confirme su correo electrónico", "Este enlace ya no funciona"),
        ("pt-BR", "Escolher uma nova senha", "Confirme seu e-mail", "Este link não funciona mais"),
        ("ja", "新しいパスワードの設定", "メールアドレスの確認", "このリンクはもう使えません"),
        ("zh-CN", "设置新密码", "确认您的电子邮箱", "此链接已失效"),
        ("xx", "Neues Passwort wählen", "E-Mail-Adresse bestätigen", "Dieser Link funktioniert nicht mehr"),
    ];
    for (language, reset, verify, invalid) in words {
        let shows = |page: &Response, heading: &str| {
            assert!(page.text().contains(&format!("<h1>{heading}</h1>")), "{language}: {page:?}");
            assert!(
                page.text().contains("Beispiel") && page.text().contains("--accent: #cc0000"),
                "{}",
                page.text()
            );
        };
        shows(&visit(&own, "/reset-password/x", language).expect(200), reset);
        shows(&visit(&own, "/verify-email/x", language).expect(200), verify);
        let pressed = own.http().post("/verify-email/x").header("Accept-Language", language);
        shows(&pressed.form(&[]).send().expect(404), invalid);
        let typed = own.http().post("/reset-password/x").header("Accept-Language", language);
        shows(&typed.form(&[("password", "short")]).send().expect(400), reset);
    }
}

/// R123; what the button leads to, too.
fn links_in_messages_lead_to_pages_with_a_policy(case: &Case) {
    let check = |page: Response| {
        let policy = page.header("content-security-policy").expect("a policy");
        let nonce = policy.split("style-src 'nonce-").nth(1).and_then(|rest| rest.split('\'').next());
        assert!(
            page.text().contains(&format!("<style nonce=\"{}\">", nonce.expect("a nonce"))),
            "{}",
            page.text()
        );
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"), "the URL holds a secret");
        assert_eq!(page.header("cache-control"), Some("no-store"));
        page
    };
    let member = Member::register(case);
    let link = reset_link(case, &member);
    check(visit(case, &link, "en").expect(200));
    let new = password();
    let page = check(case.http().post(&link).form(&[("password", &new)]).send().expect(200));
    assert!(page.text().contains("href=\"/sign-in\""), "{}", page.text());
    check(case.http().post(&link).form(&[("password", &new)]).send().expect(404));
    let this = Registration::with_email(case).validated(case);
    let link = this.link(case.server());
    check(visit(case, &link, "en").expect(200));
    check(case.http().post(&link).form(&[]).send().expect(200));
}

/// Where no document says what a path answers. Programs and the paths beside those of a surface are told in JSON.
fn who_opens_no_page_is_told_so_on_one(case: &Case) {
    let case = case.with_config("[surfaces.rest]\nprefix = \"/shop\"\n");
    for (language, heading) in [
        ("en", "There is no such page"),
        ("de", "Diese Seite gibt es nicht"),
        ("es", "Esta página no existe"),
        ("fr", "Cette page n’existe pas"),
        ("ja", "このページは存在しません"),
        ("pt", "Esta página não existe"),
        ("zh", "没有此页面"),
    ] {
        for path in ["/nothing", "/sign-in/nothing", "/account.html", "//sign-in"] {
            let page = visit(&case, path, language).expect(404);
            assert!(page.text().contains(&format!("<h1>{heading}</h1>")), "{path}: {}", page.text());
            assert!(page.text().contains("href=\"/account\""), "{}", page.text());
        }
    }
    let form = visit(&case, "/consent", "de").expect(405);
    assert_eq!(form.header("allow"), Some("POST"));
    assert!(form.text().contains("Gehen Sie dorthin zurück"), "{}", form.text());
    for (path, status) in [
        ("/shop/nothing", 404),
        ("/login/nothing", 404),
        ("/REST/auth/nothing", 404),
        ("/.well-known/nothing", 404),
        ("/shop/auth/login", 405),
        ("/oauth2/token", 405),
    ] {
        visit(&case, path, "en").expect(status).json();
    }
    case.get("/nothing").expect(404).json();
    case.http().post("/nothing").header("Accept", VISIT).send().expect(404).json();
    let without = case.with_config("[surfaces.oauth]\nenabled = false");
    visit(&without, "/nothing", "en").expect(404).json();
}

/// The document's answer is for programs: a person gets a page, and nobody the tokens.
fn a_person_who_confirms_sees_a_page_and_no_token(case: &Case) {
    let (email, password) = (case.email(), password());
    authd::create(case, &email, &password).expect(201);
    let link = case.server().latest_to(&email).link_path();
    let moved = visit(case, &link, "fr").expect(303);
    assert!(moved.body.is_empty(), "{moved:?}");
    let page = visit(case, moved.header("location").expect("a page"), "fr").expect(200);
    assert!(page.text().contains("Votre adresse e-mail est confirmée"), "{}", page.text());
    authd::login(case, &email, &password).expect(200);
    let listed = case.server().command(&["account", "sessions", &email, "--json"]);
    let listed: serde_json::Value = serde_json::from_slice(&listed.stdout).expect("JSON");
    assert_eq!(listed.as_array().map(Vec::len), Some(1), "only that login: {listed}");
    // It works once; a program is told as its document says.
    let moved = visit(case, &link, "fr").expect(303);
    visit(case, moved.header("location").expect("a page"), "fr").expect(404);
    case.get(&link).expect(404).json();
    // Newer browsers say that they navigate, and that a script asks.
    let asks =
        |mode, accept| case.http().get(&link).header("Sec-Fetch-Mode", mode).header("Accept", accept).send();
    asks("navigate", "*/*").expect(303);
    asks("cors", VISIT).expect(404).json();
}

fn the_site_has_an_icon(case: &Case) {
    let icon = case.get("/favicon.ico").expect(200);
    assert_eq!(icon.header("content-type"), Some("image/svg+xml"));
    assert!(icon.header("cache-control").is_some_and(|value| value.contains("max-age=86400")), "{icon:?}");
    let own = case.with_config("[pages]\nlogo_url = \"https://cdn.example.com/logo.svg\"");
    let icon = own.get("/favicon.ico").expect(302);
    assert_eq!(icon.header("location"), Some("https://cdn.example.com/logo.svg"));
}
