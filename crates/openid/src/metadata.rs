//! The metadata of a provider (OpenID Connect Discovery).

use serde_json::Value;
use url::Url;

use crate::{provider_url::parse_provider_url, requests::ProviderProblem};

/// The part of the metadata that is used.
#[derive(Clone, Debug)]
pub(crate) struct Metadata {
    pub(crate) authorization_endpoint: Url,
    pub(crate) token_endpoint: Url,
    pub(crate) userinfo_endpoint: Option<Url>,
    pub(crate) keys: Url,
    /// Whether the provider wants the secret of the client in the form instead of in a header.
    pub(crate) wants_secret_in_form: bool,
    /// Whether every answer names the issuer (RFC 9207).
    pub(crate) answers_with_issuer: bool,
}

/// The address of the metadata.
pub(crate) fn metadata_url(issuer: &str) -> Result<Url, ProviderProblem> {
    let text = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    parse_provider_url(&text).map_err(|error| ProviderProblem::Malformed(format!("{text}: {error}")))
}

impl Metadata {
    /// Reads the metadata of this issuer.
    pub(crate) fn parse(document: &Value, issuer: &str) -> Result<Self, ProviderProblem> {
        let stated = document.get("issuer").and_then(Value::as_str).unwrap_or_default();
        if stated != issuer {
            return Err(ProviderProblem::Malformed(format!(
                "the provider says that its issuer is {stated:?}, not {issuer:?}: set openid_issuer to what it says"
            )));
        }
        let methods = texts(document, "token_endpoint_auth_methods_supported");
        let has = |method: &str| methods.iter().any(|name| name == method);
        Ok(Self {
            authorization_endpoint: required(document, "authorization_endpoint")?,
            token_endpoint: required(document, "token_endpoint")?,
            userinfo_endpoint: optional(document, "userinfo_endpoint")?,
            keys: required(document, "jwks_uri")?,
            wants_secret_in_form: has("client_secret_post") && !has("client_secret_basic"),
            answers_with_issuer: document.get("authorization_response_iss_parameter_supported")
                == Some(&Value::Bool(true)),
        })
    }
}

fn texts(document: &Value, member: &str) -> Vec<String> {
    let items = document.get(member).and_then(Value::as_array).into_iter().flatten();
    items.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn optional(document: &Value, member: &str) -> Result<Option<Url>, ProviderProblem> {
    let Some(text) = document.get(member).and_then(Value::as_str) else { return Ok(None) };
    let url = parse_provider_url(text);
    url.map(Some).map_err(|error| ProviderProblem::Malformed(format!("{member} {text:?} of the provider: {error}")))
}

fn required(document: &Value, member: &str) -> Result<Url, ProviderProblem> {
    let missing = || ProviderProblem::Malformed(format!("the metadata of the provider has no {member}"));
    optional(document, member)?.ok_or_else(missing)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ISSUER: &str = "https://login.example.org/realms/staff";

    fn document() -> Value {
        json!({
            "issuer": ISSUER,
            "authorization_endpoint": "https://login.example.org/authorize?tenant=1",
            "token_endpoint": "https://login.example.org/token",
            "jwks_uri": "https://login.example.org/keys",
        })
    }

    #[test]
    fn metadata_of_another_issuer_or_with_unencrypted_endpoints_is_refused() {
        assert!(Metadata::parse(&document(), ISSUER).is_ok());
        assert!(Metadata::parse(&document(), "https://login.example.org/realms/staff/").is_err());
        assert!(Metadata::parse(&json!([]), ISSUER).is_err());
        for member in ["authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"] {
            for value in [json!("http://login.example.org/x"), json!("/relative"), json!("javascript:alert(1)")] {
                let mut document = document();
                document[member] = value;
                assert!(Metadata::parse(&document, ISSUER).is_err(), "{document}");
            }
        }
    }

    #[test]
    fn the_secret_is_sent_in_a_header_unless_the_provider_only_takes_forms() {
        for (methods, in_form) in [
            (json!(null), false),
            (json!(["client_secret_basic", "client_secret_post"]), false),
            (json!(["client_secret_post"]), true),
            (json!(["private_key_jwt"]), false),
        ] {
            let mut document = document();
            document["token_endpoint_auth_methods_supported"] = methods;
            assert_eq!(Metadata::parse(&document, ISSUER).unwrap().wants_secret_in_form, in_form, "{document}");
        }
    }

    #[test]
    fn metadata_is_found_below_the_issuer() {
        for issuer in [ISSUER.to_owned(), format!("{ISSUER}/")] {
            assert_eq!(metadata_url(&issuer).unwrap().as_str(), format!("{ISSUER}/.well-known/openid-configuration"));
        }
    }
}
