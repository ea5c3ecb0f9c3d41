//! The sign-in over HTTP: what it costs, what it reveals, and the cookie that it sets.

use auth::{CredentialChange, Role, SessionLevel, UserStatus};

use crate::support::{Answer, Call, PASSWORD, Site};

const EMAIL: &str = "dana@cedar.example";

fn sign_in(site: &Site, email: &str, password: &str) -> Call {
    site.post("/app/sign-in").form(&[("email", email), ("password", password)])
}

/// The page without what differs between any two requests, and without what was typed.
fn page_of(answer: &Answer, email: &str) -> String {
    answer.text().replace(answer.header("x-request-id"), "").replace(email, "")
}

#[tokio::test]
async fn a_sign_in_of_an_unknown_user_costs_as_many_hashes_as_that_of_an_existing_one_and_shows_the_same_page() {
    let site = Site::open().await;
    site.user(site.fixture.home, EMAIL, Role::Lead).await;
    let disabled = site.user(site.fixture.home, "gone@cedar.example", Role::Lead).await;
    site.fixture.update(&disabled, disabled.record.with_status(UserStatus::Disabled)).await;
    let mut pages = Vec::new();
    for (number, (email, password)) in [
        (EMAIL, "another password"),
        ("nobody@cedar.example", "another password"),
        ("nobody@cedar.example", PASSWORD),
        ("gone@cedar.example", PASSWORD),
        ("no address", PASSWORD),
        (&format!("{}@cedar.example", "a".repeat(1000)), PASSWORD),
    ]
    .into_iter()
    .enumerate()
    {
        let before = site.hasher.calls();
        let address = [192, 0, u8::try_from(number).unwrap(), 1];
        let answer = sign_in(&site, email, password).sent_by(address).send().await.expect(401);
        assert_eq!(site.hasher.calls(), before + 1, "{email}");
        assert!(answer.new_session().is_none());
        pages.push(page_of(&answer, email));
    }
    assert!(pages.iter().all(|page| *page == pages[0]));
}

#[tokio::test]
async fn no_spelling_of_the_email_address_gives_more_attempts() {
    let site = Site::open().await;
    site.user(site.fixture.home, EMAIL, Role::Lead).await;
    // Those after the fifth are of nobody, in any network that was not limited yet.
    let spellings = [
        "dana@cedar.example",
        "DANA@cedar.example",
        " dana@Cedar.Example",
        "dana@cedar.example\t",
        "Dana@CEDAR.example ",
    ];
    for spelling in spellings {
        sign_in(&site, spelling, "another password").send().await.expect(401);
    }
    for spelling in spellings {
        let refused = sign_in(&site, spelling, PASSWORD).send().await.expect(429);
        assert!(refused.is_page() && refused.new_session().is_none(), "{spelling}");
        assert!(refused.header("retry-after").parse::<u32>().is_ok_and(|wait| wait > 0), "{spelling}");
    }
    assert_eq!(site.hasher.calls(), 5);
}

#[tokio::test]
async fn a_look_alike_of_the_email_address_signs_nobody_in() {
    let site = Site::open().await;
    site.user(site.fixture.home, EMAIL, Role::Lead).await;
    for (number, look_alike) in [
        "d\u{430}na@cedar.example",
        "\u{ff44}ana@cedar.example",
        "dana@cedar\u{3002}example",
        "dana\u{200b}@cedar.example",
        "dana@cedar.example\u{0}",
        "dana+x@cedar.example",
        "dana@cedar.example.",
        "\"dana\"@cedar.example",
    ]
    .into_iter()
    .enumerate()
    {
        let address = [198, 51, u8::try_from(number).unwrap(), 1];
        let answer = sign_in(&site, look_alike, PASSWORD).sent_by(address).send().await.expect(401);
        assert!(answer.new_session().is_none(), "{look_alike}");
    }
}

#[tokio::test]
async fn addresses_of_one_network_share_the_attempts_and_forwarded_addresses_are_not_believed() {
    let site = Site::open().await;
    site.user(site.fixture.home, EMAIL, Role::Lead).await;
    for number in 0..20 {
        let call = sign_in(&site, EMAIL, "another password").sent_by([203, 0, 113, number]);
        let call = call.header("x-forwarded-for", format!("198.51.{number}.1")).header("forwarded", "for=198.51.100.1");
        assert_eq!(call.send().await.status, if number < 5 { 401 } else { 429 });
    }
    assert_eq!(site.hasher.calls(), 5);
    sign_in(&site, EMAIL, PASSWORD).send().await.expect(303);
}

#[tokio::test]
async fn a_sign_in_sets_a_new_token_whatever_cookie_the_browser_sent() {
    let site = Site::open().await;
    let user = site.user(site.fixture.home, EMAIL, Role::Lead).await;
    let attacker = site.signed_in(Role::Reader).await;
    let (_, own) = site.begin_session(&user, SessionLevel::Full).await;
    let mut seen = vec![attacker.clone(), own.clone()];
    for sent in [attacker.as_str(), &own, "nvses_chosen", ""] {
        let answer = sign_in(&site, EMAIL, PASSWORD).session(sent).send().await.expect(303);
        assert_eq!(answer.header("location"), "/app");
        let token = answer.new_session().unwrap();
        assert!(token.starts_with("nvses_") && !seen.contains(&token));
        seen.push(token);
    }
    let (newest, planted) = (seen.last().unwrap(), &attacker);
    let page = site.get("/desk").session(newest).send().await.expect(200);
    assert!(page.text().contains("Dana Whitlock"));
    assert_ne!(newest, planted);
}

#[tokio::test]
async fn the_cookie_of_a_session_is_for_this_host_over_tls_and_no_script_reads_it() {
    let site = Site::open().await;
    site.user(site.fixture.home, EMAIL, Role::Lead).await;
    let answer = sign_in(&site, EMAIL, PASSWORD).send().await.expect(303);
    let cookies: Vec<&str> = answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect();
    assert_eq!(cookies.len(), 2, "{cookies:?}");
    for cookie in &cookies {
        for attribute in ["; HttpOnly", "; SameSite=Lax", "; Secure", "; Max-Age="] {
            assert!(cookie.contains(attribute), "{cookie}");
        }
        assert!(!cookie.to_lowercase().contains("domain="), "{cookie}");
    }
    assert!(
        cookies[0].starts_with("__Host-novantra-session=nvses_") && cookies[0].contains("; Path=/;"),
        "{cookies:?}"
    );
    assert!(cookies[0].contains("; Max-Age=86400;"), "{cookies:?}");
}

#[tokio::test]
async fn signing_out_ends_the_session_itself_and_not_only_the_cookie() {
    let site = Site::open().await;
    let session = site.signed_in(Role::Reader).await;
    let html = site.get("/app").session(&session).send().await.expect(200).text();
    let (_, rest) = html.split_once("name=\"formToken\" value=\"").unwrap();
    let sign_out = site.post("/app/sign-out").session(&session);
    sign_out.clone().form(&[("formToken", "0")]).send().await.expect(403);
    site.get("/desk").session(&session).send().await.expect(200);
    let answer = sign_out.form(&[("formToken", &rest[..64])]).send().await.expect(303);
    assert_eq!(answer.new_session().as_deref(), Some(""));
    site.get("/desk").session(&session).send().await.expect(401);
}

#[tokio::test]
async fn a_session_that_was_revoked_during_the_sign_in_does_not_take_a_second_factor() {
    let site = Site::open().await;
    let user = site.user(site.fixture.home, EMAIL, Role::Admin).await;
    let (pending, token) = site.begin_session(&user, SessionLevel::SecondFactorPending).await;
    site.get("/app/second-factor").session(&token).send().await.expect(200);
    site.change_credentials(&user, CredentialChange::RemoveSession { user: user.meta.id, session: pending.id }).await;
    for call in [site.get("/app/second-factor"), site.post("/app/second-factor").form(&[("code", "123456")])] {
        assert!(call.session(&token).send().await.leads_to_sign_in());
    }
}
