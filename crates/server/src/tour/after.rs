//! What is done through one surface holds on all.

use countersign_model::random::Random;
use reqwest::Method;
use serde_json::json;

use super::Person;
use super::guide::{Body, Guide, Step};
use crate::failure::Outcome;

/// Changes the password through document 000, and looks at the other surfaces.
///
/// # Errors
/// What was not as documented.
pub async fn password_change(
    guide: &mut Guide<'_>,
    person: &mut Person,
    session: &str,
    rest_token: &str,
    random: &Random,
) -> Outcome {
    guide.chapter("one password, changed once, everywhere")?;
    let settings = &guide.target().settings;
    let (ouser, rest) = (settings.ouser.prefix.clone(), settings.rest.prefix.clone());
    let new = random.text(super::ALPHABET, 16);
    let change = json!({"session_token": session, "current_password": person.password, "password": new});
    guide.post(format!("{ouser}/change_password"), change, 204, "changed through ouser").await?;
    let profile = Step {
        method: Method::GET,
        path: format!("{rest}/auth/profile/"),
        authorization: Some(format!("Token {rest_token}")),
        body: Body::Empty,
        expect: 401,
        shows: "the session of rest has ended with it",
    };
    guide.step(profile).await?;
    let old = json!({"username": person.email, "password": person.password});
    guide.post(format!("{rest}/auth/login/"), old, 400, "rest refuses the old password").await?;
    person.password = new;
    let mut line = guide.target().line_connection().await?;
    let login = format!("login u:{} p:{}", person.email, person.password);
    guide.line(&mut line, &login, "ok", "line takes the new one").await?;
    Ok(())
}

/// Logs out everywhere.
///
/// # Errors
/// What was not as documented.
pub async fn log_out(guide: &mut Guide<'_>, person: &Person, session: &str) -> Outcome {
    guide.chapter("one log-out for all sessions")?;
    let settings = &guide.target().settings;
    let (ouser, authv1) = (settings.ouser.prefix.clone(), settings.authv1.prefix.clone());
    let login = json!({"username": person.email, "password": person.password});
    let path = format!("{authv1}/auth/v1/tokenrequest");
    let other = guide.post(path, login, 200, "authv1 signs in with the new password").await?;
    let all = json!({"session_token": session, "all": true});
    guide.post(format!("{ouser}/logout"), all.clone(), 204, "logged out everywhere through ouser").await?;
    guide.post(format!("{ouser}/logout"), all, 410, "the session is gone").await?;
    let refresh = json!({"oauth_token": other.text(&["oauth_token"])?});
    guide.post(format!("{authv1}/auth/v1/tokenrefresh"), refresh, 401, "so is that of authv1").await?;
    Ok(())
}
