//! Registration and authentication of clients.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use kernel::Ulid;
use oauth::{ClientCredentials, ClientId, ClientKind, GrantType, OAuthErrorCode, PresentedClient};

use crate::support::{CLIENT, Counter, Plain, at, client, code_of, form, register, request};

#[test]
fn the_identifier_of_a_client_has_one_spelling() {
    let text = CLIENT.to_string();
    assert_eq!(text, "app-00000000000000000000000000000abc");
    assert_eq!((text.parse(), format!("{CLIENT:?}")), (Ok(CLIENT), text.clone()));
    for bad in [
        &text[1..],
        &text[..35],
        &text.to_uppercase(),
        &text.replace("abc", "ABC"),
        "app-",
        "app-+0000000000000000000000000000abc",
    ] {
        assert!(bad.parse::<ClientId>().is_err(), "{bad}");
    }
    assert_eq!(ClientId(Ulid(u128::MAX)).to_string().len(), 36);
}

#[test]
fn a_confidential_client_gets_a_secret_and_a_public_one_none() {
    let (confidential, secret) = register(request(ClientKind::Confidential)).unwrap();
    assert_eq!(confidential.secrets[0].hash.as_str(), secret.unwrap().expose());
    assert!(!format!("{confidential:?}").contains(confidential.secrets[0].hash.as_str()));
    let (public, secret) = register(request(ClientKind::Public)).unwrap();
    assert!(secret.is_none() && public.secrets.is_empty());
}

#[test]
fn every_fault_of_a_registration_is_named() {
    let mut bad = request(ClientKind::Public);
    bad.name = " ".to_owned();
    bad.redirect_uris = vec!["http://localhost/".to_owned()];
    bad.scopes = "nope".to_owned();
    bad.grant_types = vec![GrantType::RefreshToken];
    let fields = |request| register(request).unwrap_err().into_iter().map(|fault| fault.field).collect::<Vec<_>>();
    assert_eq!(fields(bad), ["name", "redirect_uris", "scopes", "grant_types"]);
    let with = |change: fn(&mut oauth::ClientRequest)| {
        let mut changed = request(ClientKind::Public);
        change(&mut changed);
        changed
    };
    assert_eq!(fields(with(|r| r.name = "é".repeat(101))), ["name"]);
    assert_eq!(fields(with(|r| r.name = "a\nb".to_owned())), ["name"]);
    assert_eq!(fields(with(|r| r.redirect_uris.clear())), ["redirect_uris"]);
    assert_eq!(fields(with(|r| r.redirect_uris = vec!["https://a.example".to_owned(); 2])), ["redirect_uris"]);
    let uris = |count: usize| (0..count).map(|number| format!("https://a.example/{number}")).collect::<Vec<_>>();
    let mut many = request(ClientKind::Public);
    many.redirect_uris = uris(11);
    assert_eq!(fields(many), ["redirect_uris"]);
    assert_eq!(fields(with(|r| r.scopes = "compute openid".to_owned())), ["scopes"]);
    let mut most = request(ClientKind::Public);
    (most.redirect_uris, most.name) = (uris(10), "é".repeat(100));
    assert!(register(most).is_ok());
}

#[test]
fn a_rotated_secret_works_until_its_grace_ends() {
    let (mut client, first) = register(request(ClientKind::Confidential)).unwrap();
    let (first, entropy) = (first.unwrap(), Counter::default());
    let valid =
        |client: &oauth::OAuthClient, now| client.valid_secrets(now).map(|h| h.as_str().to_owned()).collect::<Vec<_>>();
    entropy_skip(&entropy);
    let second = client.rotate_secret(60, &Plain, &entropy, at(0)).unwrap();
    assert_eq!(valid(&client, at(59)), [second.expose(), first.expose()]);
    assert_eq!(valid(&client, at(60)), [second.expose()]);
    let third = client.rotate_secret(604_800, &Plain, &entropy, at(1)).unwrap();
    assert_eq!(valid(&client, at(2)), [third.expose(), second.expose()]);
    let fourth = client.rotate_secret(0, &Plain, &entropy, at(1)).unwrap();
    assert_eq!((valid(&client, at(1)), client.secrets.len()), (vec![fourth.expose().to_owned()], 1));
    assert_eq!(client.rotate_secret(604_801, &Plain, &entropy, at(1)).unwrap_err().field, "grace_seconds");
    let mut public = self::client(ClientKind::Public);
    assert_eq!(public.rotate_secret(0, &Plain, &entropy, at(1)).unwrap_err().field, "client_type");
}

fn entropy_skip(entropy: &Counter) {
    kernel::Entropy::fill(entropy, &mut [0]);
}

fn basic(text: &str) -> String {
    format!("Basic {}", STANDARD.encode(text))
}

#[test]
fn a_client_authenticates_in_the_header_or_in_the_body() {
    let (confidential, secret) = register(request(ClientKind::Confidential)).unwrap();
    let (id, secret) = (CLIENT.to_string(), secret.unwrap().expose().to_owned());
    let header = basic(&format!("{}:{}", id.replace('-', "%2D"), secret));
    let in_header = PresentedClient::read(Some(&header), &form(&[], &[])).unwrap();
    let in_body = PresentedClient::read(None, &form(&[("client_id", &id), ("client_secret", &secret)], &[])).unwrap();
    let same = PresentedClient::read(Some(&header), &form(&[("client_id", &id)], &[])).unwrap();
    for presented in [in_header, in_body, same] {
        assert_eq!(presented.authenticate(Some(&confidential), &Plain, at(0)).unwrap().id, CLIENT);
        assert!(!format!("{presented:?}").contains(&secret));
        assert!(presented.authenticate(None, &Plain, at(0)).is_err());
        assert!(presented.authenticate(Some(&client(ClientKind::Public)), &Plain, at(0)).is_err());
        let mut other = confidential.clone();
        other.id = ClientId(Ulid(1));
        assert!(presented.authenticate(Some(&other), &Plain, at(0)).is_err());
    }
    let wrong = register(request(ClientKind::Confidential)).unwrap().0;
    let presented =
        PresentedClient::read(None, &form(&[("client_id", &id), ("client_secret", "nvsec_x")], &[])).unwrap();
    assert_eq!(code_of(presented.authenticate(Some(&wrong), &Plain, at(0))), Some(OAuthErrorCode::InvalidClient));
}

#[test]
fn a_public_client_sends_its_identifier_only() {
    let id = CLIENT.to_string();
    let presented = PresentedClient::read(None, &form(&[("client_id", &id)], &[])).unwrap();
    assert!(matches!(presented.credentials, ClientCredentials::None));
    assert!(presented.authenticate(Some(&client(ClientKind::Public)), &Plain, at(0)).is_ok());
    assert!(presented.authenticate(Some(&client(ClientKind::Confidential)), &Plain, at(0)).is_err());
}

#[test]
fn two_ways_at_once_are_an_invalid_request_and_none_is_an_invalid_client() {
    let jwt = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let body = [("client_id", "a"), ("client_secret", "s")];
    let read =
        |header: Option<&str>, changes: &[(&str, &str)]| code_of(PresentedClient::read(header, &form(&[], changes)));
    let (request, client) = (Some(OAuthErrorCode::InvalidRequest), Some(OAuthErrorCode::InvalidClient));
    assert_eq!(read(Some(&basic("a:s")), &body), request);
    assert_eq!(read(Some(&basic("a:s")), &[("client_assertion", "j")]), request);
    assert_eq!(read(None, &[("client_id", "a"), ("client_secret", "s"), ("client_assertion", "j")]), request);
    assert_eq!(read(Some(&basic("a:s")), &[("client_id", "b")]), request);
    assert_eq!(read(None, &[("client_id", "a"), ("client_assertion", "j")]), request);
    for header in ["Bearer x", "Basic", "Basic !", &basic("no colon")] {
        assert_eq!(read(Some(header), &[]), client, "{header}");
    }
    assert_eq!(read(None, &[]), client);
    let workload = [("client_id", "svc_1"), ("client_assertion", "j"), ("client_assertion_type", jwt)];
    let presented = PresentedClient::read(None, &form(&workload, &[])).unwrap();
    assert!(matches!(presented.credentials, ClientCredentials::Assertion(_)));
    let decoded = PresentedClient::read(Some(&basic("a%26b=c&d+e:s")), &form(&[], &[])).unwrap();
    assert_eq!(decoded.client_id, "a&b=c&d e");
}
