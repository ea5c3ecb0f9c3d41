//! Which redirect URIs can be registered, and which match.

use oauth::RedirectUri;

#[test]
fn https_private_schemes_with_a_dot_and_loopback_addresses_can_be_registered() {
    for text in [
        "https://a.example/cb",
        "https://a.example",
        "com.example.app:/cb",
        "http://127.0.0.1/cb",
        "http://127.0.0.1:8080/cb?x=1",
        "http://[::1]:1/cb",
        "http://127.0.0.1",
    ] {
        assert_eq!(RedirectUri::parse(text).map(|uri| uri.as_str().to_owned()), Ok(text.to_owned()));
    }
}

#[test]
fn localhost_fragments_wildcards_and_scripts_can_not_be_registered() {
    let long = format!("https://a.example/{}", "a".repeat(1983));
    for text in [
        "http://localhost/cb",
        "https://localhost/cb",
        "http://a.example/cb",
        "http://127.0.0.1.evil.example/",
        "http://127.0.0.1:80@evil.example/",
        "http://127.0.0.1:0/",
        "http://127.0.0.1:65536/",
        "https://a.example/#x",
        "https://*.a.example/",
        "javascript:alert(1)",
        "data:text/html,x",
        "myapp:/cb",
        "/cb",
        "",
        "https://u@a.example/",
        "https://:p@a.example/",
        "https://a.example/ x",
        "https:a.example",
        "HTTPS://a.example",
        "https://a.example\\@b.example/",
        &long,
    ] {
        assert!(RedirectUri::parse(text).is_err(), "{text}");
    }
    assert!(RedirectUri::parse(&long[1..].replacen("ttps", "https", 1)[..2000]).is_ok());
}

#[test]
fn a_redirect_uri_matches_its_exact_text_only() {
    let uri = RedirectUri::parse("https://a.example/cb").unwrap();
    assert!(uri.matches("https://a.example/cb"));
    for other in
        ["https://a.example/cb/", "https://A.example/cb", "https://a.example:443/cb", "https://a.example/x/../cb"]
    {
        assert!(!uri.matches(other), "{other}");
    }
}

#[test]
fn only_the_port_of_a_loopback_address_may_differ() {
    let uri = RedirectUri::parse("http://127.0.0.1/cb").unwrap();
    assert!(uri.matches("http://127.0.0.1:49152/cb") && uri.matches("http://127.0.0.1/cb"));
    for other in [
        "http://[::1]:49152/cb",
        "http://127.0.0.1:49152/other",
        "http://127.0.0.1:x/cb",
        "http://localhost:1/cb",
        "https://127.0.0.1:1/cb",
        "http://127.0.0.1:1@evil.example/cb",
    ] {
        assert!(!uri.matches(other), "{other}");
    }
    let with_port = RedirectUri::parse("http://[::1]:8080/cb").unwrap();
    assert!(with_port.matches("http://[::1]:9/cb") && !with_port.matches("http://127.0.0.1:9/cb"));
}

#[test]
fn a_scheme_that_is_not_of_the_web_is_of_an_app() {
    let private = |text| RedirectUri::parse(text).unwrap().has_private_use_scheme();
    assert!(private("com.example.app:/cb") && !private("https://a.example") && !private("http://127.0.0.1/"));
}
