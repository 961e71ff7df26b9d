//! `GET` and `PATCH /auth/profile/`.

use serde_json::{Value, json};

use super::{User, login, refused};
use crate::case::{Case, on_both_engines};

on_both_engines! {
    seed_004_14
    seed_004_16
    seed_004_17
    seed_004_18
    seed_004_19
    a_put_is_no_patch
}

/// The profile shows what was registered.
fn seed_004_14(case: &Case) {
    let user = User::new(case);
    let response = user.request(case, "GET", "/auth/profile/").send().expect(200);
    let expected = json!({ "id": user.id, "email": user.email, "first_name": "Ada", "last_name": "Byron" });
    assert_eq!((response.json(), response.header("content-type")), (expected, Some("application/json")));
}

/// Each field alone and all together can be changed; the others stay.
fn seed_004_16(case: &Case) {
    let user = User::new(case);
    let mut expected = user.profile(case);
    for (field, value) in
        [("first_name", "Grace".to_owned()), ("last_name", "Hopper".to_owned()), ("email", case.email())]
    {
        user.patch(case, &json!({ field: value })).expect(200);
        expected[field] = json!(value);
        assert_eq!(user.profile(case), expected);
    }
    let all = json!({ "email": case.email(), "first_name": "Алан", "last_name": "O'Turing <b>" });
    user.patch(case, &all).expect(200);
    for field in ["email", "first_name", "last_name"] {
        expected[field] = all[field].clone();
    }
    assert_eq!(user.profile(case), expected);
}

/// The answer is the whole profile with its id; nothing sent changes nothing, an id is ignored, and one's own
/// address is not taken.
fn seed_004_17(case: &Case) {
    let user = User::new(case);
    let before = user.profile(case);
    for body in [
        json!({}),
        json!({ "id": 1 }),
        json!({ "email": user.email }),
        json!({ "password": "another-Passw0rd" }),
        json!({ "is_staff": true, "uuid": "x", "standing": "closed" }),
    ] {
        assert_eq!(user.patch(case, &body).expect(200).json(), before, "{body}");
    }
    login(case, &user.email, &user.password).expect(200);
    let form =
        user.request(case, "PATCH", "/auth/profile/").form(&[("first_name", "Form")]).send().expect(200);
    assert_eq!(
        (form.json()["first_name"].as_str(), form.json()["id"].as_i64()),
        (Some("Form"), Some(user.id))
    );
}

/// Invalid values are refused with details, and nothing is changed, not even the valid ones beside them.
fn seed_004_18(case: &Case) {
    let (user, other) = (User::new(case), User::new(case));
    let before = user.profile(case);
    let taken = "user with this email already exists.";
    for (field, value, text) in [
        ("email", json!("nobody"), "Enter a valid email address."),
        ("email", json!(other.email), taken),
        ("email", json!(other.email.to_uppercase()), taken),
        ("email", Value::Null, "This field may not be null."),
        ("first_name", json!(""), "This field may not be blank."),
        ("last_name", json!(["a"]), "Not a valid string."),
        ("last_name", json!("a".repeat(256)), "Ensure this field has no more than 255 characters."),
    ] {
        let beside = if field == "first_name" { "last_name" } else { "first_name" };
        let response = user.patch(case, &json!({ field: value, beside: "Changed" }));
        refused(&response, 400, &json!({ field: [text] }));
        assert_eq!(user.profile(case), before);
    }
}

/// After a change of the address the new one signs in and the old one does not; the token stays valid.
fn seed_004_19(case: &Case) {
    let user = User::new(case);
    let fresh = case.email();
    user.patch(case, &json!({ "email": fresh })).expect(200);
    login(case, &fresh, &user.password).expect(200);
    login(case, &user.email, &user.password).expect(400);
    assert_eq!(user.profile(case)["email"], json!(fresh));
    // Nobody holds the old address any more.
    case.post("/auth/register/", super::registration(&user.email, &user.password)).expect(201);
}

/// PUT is not in the document: it is refused, or wants the whole profile, but never changes a part.
fn a_put_is_no_patch(case: &Case) {
    let user = User::new(case);
    let before = user.profile(case);
    let response = user.request(case, "PUT", "/auth/profile/").json(&json!({ "first_name": "Put" })).send();
    assert!(matches!(response.status, 400 | 405), "{}", response.status);
    assert_eq!(user.profile(case), before);
}
