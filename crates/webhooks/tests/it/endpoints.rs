use std::net::IpAddr;

use webhooks::{AddressPolicy, EndpointUrl, UrlError};

fn parse(text: &str) -> Result<EndpointUrl, UrlError> {
    EndpointUrl::parse(text, &AddressPolicy::default())
}

#[test]
fn an_https_url_of_a_public_host_is_accepted() {
    for text in ["https://hook.example/path?query=1", "https://8.8.8.8/", "https://[2606:4700::1111]:8443/"] {
        assert_eq!(parse(text).unwrap().as_str(), text);
    }
}

#[test]
fn a_url_with_a_user_name_or_a_password_is_rejected() {
    for text in ["https://user@hook.example/", "https://user:word@hook.example/", "https://:word@hook.example/"] {
        assert_eq!(parse(text), Err(UrlError::Credentials), "{text}");
    }
}

#[test]
fn a_url_with_a_fragment_is_rejected() {
    assert_eq!(parse("https://hook.example/#part"), Err(UrlError::Fragment));
}

#[test]
fn a_text_that_is_no_absolute_web_url_is_rejected() {
    for text in ["", "hook.example", "/path", "https://", "ftp://hook.example/", "mailto:a@hook.example", "data:,x"] {
        assert_eq!(parse(text), Err(UrlError::Malformed), "{text}");
        assert_eq!(EndpointUrl::from_stored(text), None, "{text}");
    }
}

#[test]
fn a_url_without_a_host_is_rejected_although_a_lenient_parser_finds_one() {
    for text in [
        "https:///hook.example/x",
        "https:////hook.example/x",
        "https:hook.example",
        "https:/hook.example",
        "https:\\\\hook.example\\x",
        "https://\\hook.example/",
        "https:\t//hook.example/",
        "HTTPS:///hook.example",
    ] {
        assert_eq!(parse(text), Err(UrlError::NoHost), "{text:?}");
    }
    assert_eq!(parse("https://@hook.example/"), Err(UrlError::Credentials));
}

#[test]
fn a_url_that_would_be_sent_in_another_form_is_rejected_and_the_message_has_that_form() {
    for (text, normal_form) in [
        (" https://hook.example/", "https://hook.example/"),
        ("https://hook.example/\n", "https://hook.example/"),
        ("https://hook.exa\tmple/", "https://hook.example/"),
        ("https://hook.example\\x", "https://hook.example/x"),
        ("https://hook.example/a b", "https://hook.example/a%20b"),
        ("https://hook.example/a/../b", "https://hook.example/b"),
        ("https://hook.example/%2e%2e/b", "https://hook.example/b"),
        ("https://hook.example/é?é", "https://hook.example/%C3%A9?%C3%A9"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("https://hook.example:0443/", "https://hook.example/"),
        ("https://hook.example:/", "https://hook.example/"),
        ("https://0x08080808/", "https://8.8.8.8/"),
        ("https://[2606:4700:0::1111]/", "https://[2606:4700::1111]/"),
    ] {
        let expected = UrlError::NotNormalized { normal_form: normal_form.to_owned() };
        assert_eq!(parse(text), Err(expected.clone()), "{text:?}");
        assert!(expected.to_string().ends_with(normal_form));
        assert_eq!(parse(normal_form).unwrap().as_str(), normal_form);
    }
    for (text, normal_form) in [
        ("HTTPS://Hook.Example/", "https://hook.example/"),
        ("https://hook.example", "https://hook.example/"),
        ("https://hook.example:443", "https://hook.example/"),
        ("https://hook.example?a=%20b", "https://hook.example/?a=%20b"),
        ("https://hook.example/?", "https://hook.example/?"),
    ] {
        assert_eq!(parse(text).unwrap().as_str(), normal_form, "{text:?}");
    }
}

#[test]
fn the_values_of_a_query_are_masked() {
    for (text, masked) in [
        ("https://hook.example/path", "https://hook.example/path"),
        ("https://hook.example/?", "https://hook.example/?"),
        ("https://hook.example/?key=secret", "https://hook.example/?key=***"),
        ("https://hook.example/a?key=secret&b=&c=x=y", "https://hook.example/a?key=***&***&c=***"),
        ("https://hook.example/?c2VjcmV0IQ==", "https://hook.example/?***"),
        ("https://hook.example/?secret", "https://hook.example/?***"),
        ("https://hook.example/?a=1?b=2&&c", "https://hook.example/?a=***&&***"),
    ] {
        assert_eq!(parse(text).unwrap().masked(), masked);
    }
}

#[test]
fn a_url_has_at_most_2048_characters() {
    let start = "https://hook.example/";
    let longest = format!("{start}{}", "a".repeat(2048 - start.len()));
    assert_eq!(parse(&longest).unwrap().as_str(), longest);
    assert_eq!(parse(&format!("{longest}a")), Err(UrlError::Malformed));
    assert_eq!(parse(&"a".repeat(2048)), Err(UrlError::Malformed));
}

#[test]
fn the_host_of_a_url_is_an_address_or_a_name() {
    let named = parse("https://hook.example/").unwrap();
    assert_eq!((named.host_name(), named.address()), (Some("hook.example"), None));
    let v4 = parse("https://8.8.8.8/").unwrap();
    assert_eq!((v4.host_name(), v4.address()), (None, Some(IpAddr::from([8, 8, 8, 8]))));
    let v6 = parse("https://[2606:4700::1111]/").unwrap();
    assert_eq!((v6.host_name(), v6.address()), (None, Some("2606:4700::1111".parse().unwrap())));
}

#[test]
fn a_url_is_displayed_as_it_is_stored() {
    let endpoint = parse("https://HOOK.example").unwrap();
    assert_eq!(endpoint.to_string(), "https://hook.example/");
    assert_eq!(endpoint.as_str(), endpoint.to_string());
    assert_eq!(endpoint.as_url().host_str(), Some("hook.example"));
}

#[test]
fn plain_http_is_allowed_only_to_loopback_and_only_for_development() {
    let development = AddressPolicy { loopback: true, ..AddressPolicy::default() };
    let operated = AddressPolicy { allowed: vec!["10.0.0.0/8".parse().unwrap()], loopback: false };
    for text in ["http://localhost/", "http://127.0.0.1/", "http://[::1]/"] {
        let endpoint = EndpointUrl::from_stored(text).unwrap();
        assert!(endpoint.allows_plain_http(&development), "{text}");
        assert!(!endpoint.allows_plain_http(&operated), "{text}");
    }
    for text in ["http://hook.example/", "http://10.0.0.1/", "http://8.8.8.8/"] {
        let endpoint = EndpointUrl::from_stored(text).unwrap();
        assert!(!endpoint.allows_plain_http(&development), "{text}");
        assert!(!endpoint.allows_plain_http(&operated), "{text}");
    }
}

#[test]
fn a_policy_for_development_allows_loopback_but_no_other_private_address() {
    let development = AddressPolicy { loopback: true, ..AddressPolicy::default() };
    let allows = |text: &str| development.allows(text.parse().unwrap());
    assert!(allows("127.0.0.1") && allows("::1") && allows("::ffff:127.0.0.1") && allows("8.8.8.8"));
    assert!(!allows("10.0.0.1") && !allows("fe80::1"));
}

#[test]
fn the_host_is_a_name_that_the_dns_can_have() {
    let label = "a".repeat(63);
    let longest = format!("{label}.{label}.{label}.{}", "b".repeat(61));
    for host in
        [label.as_str(), &longest, &format!("{longest}."), "hook.example.", "a_b.example", "xn--bcher-kva.example"]
    {
        assert!(parse(&format!("https://{host}/")).is_ok(), "{host}");
    }
    for host in [
        "a..b",
        ".example",
        "hook.example..",
        "..",
        ".",
        &format!("{label}a.example"),
        &format!("{longest}b"),
        &format!("a.{longest}"),
    ] {
        assert_eq!(parse(&format!("https://{host}/")), Err(UrlError::InvalidHostName), "{host}");
    }
}

#[test]
fn the_port_is_not_zero() {
    assert!(parse("https://hook.example:1/").is_ok() && parse("https://hook.example:65535/").is_ok());
    for url in ["https://hook.example:0/", "https://hook.example:00000/", "https://93.184.216.34:0/"] {
        assert_eq!(parse(url), Err(UrlError::PortZero), "{url}");
    }
    assert_eq!(parse("https://hook.example:65536/"), Err(UrlError::Malformed));
}
