//! Authorization requests: valid ones, and where each fault is shown.

use std::time::Duration;

use oauth::{
    AuthorizationCode, AuthorizationFault, AuthorizationRequest, ClientKind, OAuthError, OAuthErrorCode, Parameters,
    code_redirect, error_redirect, read_client, read_request,
};

use crate::support::{CALLBACK, CATALOGUE, CHALLENGE, Counter, ISSUER, RESOURCE, client, form};

pub(crate) fn base() -> Vec<(&'static str, &'static str)> {
    vec![
        ("response_type", "code"),
        ("redirect_uri", CALLBACK),
        ("scope", "openid compute:read"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("state", "s t"),
        ("nonce", "n"),
        ("unknown", "ignored"),
    ]
}

fn read(parameters: &Parameters) -> Result<AuthorizationRequest, AuthorizationFault> {
    read_request(parameters, Some(&client(ClientKind::Public)), &CATALOGUE, RESOURCE)
}

fn redirected(changes: &[(&str, &str)]) -> OAuthErrorCode {
    match read(&form(&base(), changes)) {
        Err(AuthorizationFault::Redirect { redirect_uri, error, .. }) => {
            assert_eq!(redirect_uri, CALLBACK);
            error.code
        }
        other => panic!("{changes:?}: {other:?}"),
    }
}

#[test]
fn a_request_is_read_with_all_its_parameters() {
    let more = [
        ("prompt", "login consent select_account"),
        ("max_age", "60"),
        ("login_hint", "a@b.example"),
        ("ui_locales", "de"),
        ("resource", RESOURCE),
        ("response_mode", "query"),
    ];
    let request = read(&form(&base(), &more)).unwrap();
    assert_eq!(request.scopes.to_string(), "compute:read openid");
    assert_eq!((request.state.as_deref(), request.nonce.as_deref()), (Some("s t"), Some("n")));
    assert_eq!((request.login_hint.as_deref(), request.ui_locales.as_deref()), (Some("a@b.example"), Some("de")));
    assert_eq!(request.max_age, Some(Duration::from_secs(60)));
    assert!(request.prompt.login && request.prompt.consent && request.prompt.select_account && !request.prompt.none);
    assert!(read(&form(&base(), &[("prompt", "none")])).unwrap().prompt.none);
}

#[test]
fn a_wrong_client_or_redirect_uri_is_shown_on_a_page_and_never_redirected_to() {
    assert!(matches!(read_client(&form(&[], &[])), Err(AuthorizationFault::Page(_))));
    assert_eq!(read_client(&form(&[("client_id", "app-1")], &[])), Ok("app-1"));
    assert!(matches!(read_request(&form(&base(), &[]), None, &CATALOGUE, RESOURCE), Err(AuthorizationFault::Page(_))));
    for uri in ["", "https://evil.example", "https://app.example/cb/"] {
        assert!(matches!(read(&form(&base(), &[("redirect_uri", uri)])), Err(AuthorizationFault::Page(_))), "{uri}");
    }
    let twice = format!("redirect_uri={CALLBACK}&redirect_uri={CALLBACK}");
    assert!(matches!(read(&Parameters::parse(twice.as_bytes())), Err(AuthorizationFault::Page(_))));
}

#[test]
fn requests_without_pkce_or_with_plain_are_refused() {
    let invalid = OAuthErrorCode::InvalidRequest;
    for change in [
        ("code_challenge", ""),
        ("code_challenge_method", ""),
        ("code_challenge_method", "plain"),
        ("code_challenge_method", "s256"),
        ("code_challenge", &CHALLENGE[1..]),
        ("code_challenge", "!"),
    ] {
        assert_eq!(redirected(&[change]), invalid, "{change:?}");
    }
}

#[test]
fn other_faults_are_sent_to_the_client() {
    use OAuthErrorCode::*;
    let long = "a".repeat(2001);
    for (change, code) in [
        (("response_type", "token"), UnsupportedResponseType),
        (("response_type", "code id_token"), UnsupportedResponseType),
        (("response_type", ""), InvalidRequest),
        (("response_mode", "fragment"), InvalidRequest),
        (("scope", ""), InvalidRequest),
        (("scope", "nope"), InvalidScope),
        (("request", "j"), RequestNotSupported),
        (("request_uri", "u"), RequestUriNotSupported),
        (("resource", "https://other.example"), InvalidTarget),
        (("prompt", "none login"), InvalidRequest),
        (("prompt", "none consent"), InvalidRequest),
        (("prompt", "none select_account"), InvalidRequest),
        (("prompt", "create"), InvalidRequest),
        (("max_age", "-1"), InvalidRequest),
        (("state", &long), InvalidRequest),
        (("nonce", &long), InvalidRequest),
    ] {
        assert_eq!(redirected(&[change]), code, "{change:?}");
    }
    assert!(read(&form(&base(), &[("state", &long[1..])])).is_ok());
}

#[test]
fn a_repeated_parameter_is_refused_and_a_repeated_state_not_returned() {
    assert_eq!(redirected(&[("scope", "openid"), ("scope", "compute")]), OAuthErrorCode::InvalidRequest);
    let fault = read(&form(&base(), &[("state", "a"), ("state", "b")])).unwrap_err();
    assert!(matches!(fault, AuthorizationFault::Redirect { state: None, .. }));
    let fault = read(&form(&base(), &[("scope", "")])).unwrap_err();
    assert!(matches!(fault, AuthorizationFault::Redirect { state: Some(state), .. } if state == "s t"));
}

#[test]
fn answers_have_state_and_issuer_and_keep_the_query_of_the_redirect_uri() {
    let mut request = read(&form(&base(), &[])).unwrap();
    let code = AuthorizationCode::generate(&Counter::default());
    let rest = format!("code={}&state=s+t&iss=https%3A%2F%2Fn.example", code.expose());
    for (uri, separator) in [(CALLBACK.to_owned(), "?"), (format!("{CALLBACK}?"), ""), (format!("{CALLBACK}?x=1"), "&")]
    {
        request.redirect_uri = uri.clone();
        assert_eq!(code_redirect(&request, &code, ISSUER), format!("{uri}{separator}{rest}"));
    }
    let error = OAuthError::new(OAuthErrorCode::AccessDenied, "denied");
    let expected = format!("{CALLBACK}?error=access_denied&error_description=denied&iss=https%3A%2F%2Fn.example");
    assert_eq!(error_redirect(CALLBACK, None, &error, ISSUER), expected);
}
