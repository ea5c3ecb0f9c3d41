//! The claims of an ID token and of the user info endpoint.

use auth::{IdTokenClaims, IdTokenFault, ProviderPerson};
use kernel::Timestamp;
use serde_json::Value;

/// Maximum length of a name or an email address that is taken over.
const MAX_TEXT: usize = 1000;

/// Reads the claims that are checked.
pub(crate) fn id_token_claims(claims: &Value) -> Result<IdTokenClaims, IdTokenFault> {
    let required = |name: &str| text(claims, name).ok_or(IdTokenFault::Malformed);
    let audiences = match claims.get("aud") {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(_)) => texts(claims, "aud"),
        _ => return Err(IdTokenFault::Malformed),
    };
    Ok(IdTokenClaims {
        issuer: required("iss")?,
        subject: required("sub")?,
        audiences,
        authorized_party: optional_text(claims, "azp")?,
        expires_at: time(claims, "exp")?.ok_or(IdTokenFault::Malformed)?,
        issued_at: time(claims, "iat")?.ok_or(IdTokenFault::Malformed)?,
        not_before: time(claims, "nbf")?,
        nonce: optional_text(claims, "nonce")?,
        authenticated_at: time(claims, "auth_time")?,
    })
}

fn text(claims: &Value, name: &str) -> Option<String> {
    claims.get(name).and_then(Value::as_str).map(str::to_owned)
}

/// A claim that may be absent, but must not be of another type.
fn optional_text(claims: &Value, name: &str) -> Result<Option<String>, IdTokenFault> {
    match claims.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(IdTokenFault::Malformed),
    }
}

/// A time in seconds, of which some providers state fractions.
fn time(claims: &Value, name: &str) -> Result<Option<Timestamp>, IdTokenFault> {
    /// The last second of the year 9999.
    const MAX: f64 = 253_402_300_799.0;
    match claims.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            let seconds = value.as_f64().filter(|seconds| (0.0..=MAX).contains(seconds));
            let seconds = seconds.ok_or(IdTokenFault::Malformed)?;
            Ok(Some(Timestamp::from_millis((seconds * 1000.0) as i64)))
        }
    }
}

/// The texts of a claim that is a list, or one text.
fn texts(claims: &Value, name: &str) -> Vec<String> {
    texts_of(claims.get(name)).unwrap_or_default()
}

fn texts_of(value: Option<&Value>) -> Option<Vec<String>> {
    match value? {
        Value::String(one) => Some(vec![one.clone()]),
        Value::Array(items) => Some(items.iter().filter_map(Value::as_str).map(str::to_owned).collect()),
        _ => None,
    }
}

/// The groups in a claim. Its name may be a path, such as `realm_access.roles`, unless there is a claim with the whole
/// name.
pub(crate) fn groups(claims: &Value, name: &str) -> Option<Vec<String>> {
    let nested = || name.split('.').try_fold(claims, |value, part| value.get(part));
    texts_of(claims.get(name).or_else(nested))
}

/// The person of the claims: those of the ID token, then those of the user info endpoint.
pub(crate) fn person(
    checked: &IdTokenClaims,
    id_token: &Value,
    user_info: &Value,
    groups_claim: &str,
) -> ProviderPerson {
    let either = |name: &str| {
        let found = text(id_token, name).or_else(|| text(user_info, name));
        found.filter(|text| text.len() <= MAX_TEXT)
    };
    // Who states the address must state that it is verified.
    let stating_email = if text(id_token, "email").is_some() { id_token } else { user_info };
    let is_true = |value: &Value| *value == Value::Bool(true) || value.as_str() == Some("true");
    ProviderPerson {
        issuer: checked.issuer.clone(),
        subject: checked.subject.clone(),
        email: either("email"),
        is_email_verified: stating_email.get("email_verified").is_some_and(is_true),
        name: either("name"),
        groups: groups(id_token, groups_claim).or_else(|| groups(user_info, groups_claim)).unwrap_or_default(),
        acr: text(id_token, "acr"),
        amr: texts(id_token, "amr"),
        authenticated_at: checked.authenticated_at,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims() -> Value {
        json!({ "iss": "https://login.example.org", "sub": "1", "aud": "novantra", "exp": 1_800_000_000, "iat": 1_799_999_000.5 })
    }

    #[test]
    fn claims_of_another_type_are_malformed_and_never_ignored() {
        let read = id_token_claims(&claims()).unwrap();
        assert_eq!(read.issued_at, Timestamp::from_millis(1_799_999_000_500));
        for (name, value) in [
            ("iss", json!(1)),
            ("sub", json!(7)),
            ("sub", json!(["1"])),
            ("aud", json!(null)),
            ("aud", json!({"novantra": true})),
            ("azp", json!(["other"])),
            ("exp", json!("1800000000")),
            ("exp", json!(-1)),
            ("exp", json!(1e300)),
            ("iat", json!(null)),
            ("nbf", json!(true)),
            ("nonce", json!(5)),
            ("auth_time", json!("now")),
        ] {
            let mut claims = claims();
            claims[name] = value;
            assert_eq!(id_token_claims(&claims), Err(IdTokenFault::Malformed), "{claims}");
        }
    }

    #[test]
    fn groups_are_a_list_or_one_text_at_a_name_or_a_path() {
        let document = json!({
            "groups": ["/staff", "/grc-leads", 7],
            "role": "auditor",
            "realm_access": { "roles": ["grc-admin"] },
            "https://grc.example/groups": ["a"],
        });
        for (name, expected) in [
            ("groups", Some(vec!["/staff", "/grc-leads"])),
            ("role", Some(vec!["auditor"])),
            ("realm_access.roles", Some(vec!["grc-admin"])),
            ("https://grc.example/groups", Some(vec!["a"])),
            ("realm_access", None),
            ("nothing", None),
            ("groups.0", None),
        ] {
            let expected = expected.map(|groups| groups.into_iter().map(str::to_owned).collect::<Vec<_>>());
            assert_eq!(groups(&document, name), expected, "{name}");
        }
    }

    #[test]
    fn an_address_of_the_id_token_is_not_verified_by_the_user_info() {
        let checked = id_token_claims(&claims()).unwrap();
        let is_verified =
            |id_token: Value, user_info: Value| person(&checked, &id_token, &user_info, "groups").is_email_verified;
        let verified = json!({ "email": "a@b.example", "email_verified": true });
        assert!(is_verified(verified.clone(), json!({})));
        assert!(is_verified(json!({}), json!({ "email": "a@b.example", "email_verified": "true" })));
        assert!(!is_verified(json!({ "email": "c@d.example" }), verified));
        for other in [json!(false), json!("yes"), json!(1), json!(null)] {
            assert!(!is_verified(json!({ "email": "a@b.example", "email_verified": other }), json!({})));
        }
    }
}
