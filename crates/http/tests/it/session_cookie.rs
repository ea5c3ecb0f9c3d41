//! The cookie that stands for a session.

use auth::{CredentialChange, OpaqueToken, Role, SessionLevel, TokenUse, UserStatus};

use crate::support::{Answer, Call, Site, is_handled};

/// Whether the cookie opens a page.
async fn opens(call: Call) -> bool {
    let answer = call.send().await;
    assert!(is_handled(&answer) || is_refused(&answer), "{answer:?}");
    is_handled(&answer)
}

fn is_refused(answer: &Answer) -> bool {
    answer.status == 401 && answer.text().contains("the desk refuses: signed_out")
}

#[tokio::test]
async fn the_token_of_a_session_opens_a_page_and_no_other_text_does() {
    let site = Site::open().await;
    let session = site.signed_in(Role::Reader).await;
    assert!(opens(site.get("/desk").session(&session)).await);
    assert!(!opens(site.get("/desk")).await);
    let never_issued = OpaqueToken::generate(TokenUse::Session, site.fixture.home, &*site.fixture.entropy);
    let of_nowhere = OpaqueToken::generate(TokenUse::Session, site.fixture.new_id(), &*site.fixture.entropy);
    let link = OpaqueToken::generate(TokenUse::Link, site.fixture.home, &*site.fixture.entropy);
    for wrong in [
        "",
        "nvses_",
        never_issued.expose(),
        of_nowhere.expose(),
        link.expose(),
        &session[..session.len() - 1],
        &format!("{session}a"),
        &session.to_uppercase(),
        &session.replace("nvses_", "nvlnk_"),
        &format!("\"{session}\""),
    ] {
        assert!(!opens(site.get("/desk").session(wrong)).await, "{wrong}");
    }
    for name in ["novantra-session", "__host-novantra-session", "x__Host-novantra-session", "__Secure-novantra-session"]
    {
        assert!(!opens(site.get("/desk").header("cookie", format!("{name}={session}"))).await, "{name}");
    }
    assert!(!opens(site.get(&format!("/desk?__Host-novantra-session={session}"))).await);
}

#[tokio::test]
async fn the_token_of_one_workspace_opens_nothing_of_another() {
    let site = Site::open().await;
    let away = site.fixture.create_organization("away").await;
    let user = site.user(away, "dana@cedar.example", Role::Admin).await;
    let (_, session) = site.begin_session(&user, SessionLevel::Full).await;
    // The same random digits under the name of the other workspace.
    let body = OpaqueToken::parse(TokenUse::Session, &session).unwrap();
    assert_eq!(body.organization(), away);
    assert!(opens(site.get("/desk").session(&session)).await);
    let home = OpaqueToken::generate(TokenUse::Session, site.fixture.home, &*site.fixture.entropy);
    let moved = format!("{}{}", &home.expose()[..32], &session[32..]);
    assert!(!opens(site.get("/desk").session(&moved)).await);
}

#[tokio::test]
async fn a_session_that_is_over_opens_nothing() {
    let site = Site::open().await;
    let user = site.user(site.fixture.home, "dana@cedar.example", Role::Reader).await;
    let (revoked, token) = site.begin_session(&user, SessionLevel::Full).await;
    assert!(opens(site.get("/desk").session(&token)).await);
    site.change_credentials(&user, CredentialChange::RemoveSession { user: user.meta.id, session: revoked.id }).await;
    assert!(!opens(site.get("/desk").session(&token)).await, "it was revoked");

    let (_, unused) = site.begin_session(&user, SessionLevel::Full).await;
    let (_, used) = site.begin_session(&user, SessionLevel::Full).await;
    for _ in 0..3 {
        site.advance(7 * 60 * 60);
        assert!(opens(site.get("/desk").session(&used)).await);
    }
    assert!(!opens(site.get("/desk").session(&unused)).await, "it was not used for 21 hours");
    site.advance(3 * 60 * 60);
    assert!(!opens(site.get("/desk").session(&used)).await, "a day is over");
}

#[tokio::test]
async fn a_disabled_user_and_a_sign_in_that_is_not_complete_open_nothing() {
    let site = Site::open().await;
    let user = site.user(site.fixture.home, "dana@cedar.example", Role::Admin).await;
    for level in [SessionLevel::SecondFactorPending, SessionLevel::EnrollmentPending] {
        let (_, pending) = site.begin_session(&user, level).await;
        assert!(!opens(site.get("/desk").session(&pending)).await, "{level:?}");
    }
    let (_, session) = site.begin_session(&user, SessionLevel::Full).await;
    assert!(opens(site.get("/desk").session(&session)).await);
    site.fixture.update(&user, user.record.with_status(UserStatus::Disabled)).await;
    assert!(!opens(site.get("/desk").session(&session)).await);
}

#[tokio::test]
async fn of_two_different_cookies_none_counts() {
    let site = Site::open().await;
    let (own, planted) = (site.signed_in(Role::Admin).await, site.signed_in(Role::Reader).await);
    let name = "__Host-novantra-session";
    for other in [planted.as_str(), "", "x"] {
        for (first, second) in [(own.as_str(), other), (other, own.as_str())] {
            let both = site.get("/desk").header("cookie", format!("{name}={first}; {name}={second}"));
            assert!(!opens(both).await, "in one header");
            assert!(!opens(site.get("/desk").session(first).session(second)).await, "in two headers");
        }
    }
    assert!(opens(site.get("/desk").session(&own).session(&own)).await, "the same one twice");
}

#[tokio::test]
async fn cookies_of_other_programs_do_not_hide_the_session() {
    let site = Site::open().await;
    let session = site.signed_in(Role::Reader).await;
    let own = format!("__Host-novantra-session={session}");
    let others: [&[u8]; 4] = [b"a=b; c", b"name=Ren\xc3\xa9", b"bytes=\xff\xfe", b"; ;=; =x"];
    for other in others {
        let before = [other, b"; ", own.as_bytes()].concat();
        let after = [own.as_bytes(), b";", other].concat();
        for line in [before, after] {
            assert!(opens(site.get("/desk").header("cookie", &line)).await, "{}", String::from_utf8_lossy(&line));
        }
    }
}

#[tokio::test]
async fn the_cookie_of_a_server_without_tls_has_another_name() {
    let site = Site::without_tls().await;
    let session = site.signed_in(Role::Reader).await;
    assert!(opens(site.get("/desk").header("cookie", format!("novantra-session={session}"))).await);
    assert!(!opens(site.get("/desk").session(&session)).await);
}

#[tokio::test]
async fn a_page_needs_its_permission_and_knows_the_person() {
    let site = Site::open().await;
    let (auditor, reader) = (site.signed_in(Role::Auditor).await, site.signed_in(Role::Reader).await);
    let answer = site.get("/desk/audit").session(&auditor).send().await.expect(200);
    assert!(answer.text().contains("Dana Whitlock"));
    let refused = site.get("/desk/audit").session(&reader).send().await.expect(403);
    assert!(refused.text().contains("the desk refuses: missing_permission"), "{}", refused.text());
    site.get("/desk").session(&reader).send().await.expect(200);
}
