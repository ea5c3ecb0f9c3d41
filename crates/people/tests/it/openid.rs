//! Sign-in by an OpenID Connect provider, which the tests script.

use std::sync::Arc;

use auth::{
    GroupRoles, IdTokenFault, OpenIdFlows as _, OpenIdRefusal, OpenIdRules, ProviderPerson, Role, SessionLevel,
    UserStatus,
};
use kernel::Slug;
use novantra_people::{
    Client, OpenIdAnswer, OpenIdConnect, OpenIdOutcome, OpenIdSettings, PasskeyFault, PeopleError, SignInOutcome,
};

use crate::{
    harness::{EMAIL, Harness, PASSWORD},
    openid_harness::{ISSUER, OpenId, person, refusal, settings},
    passkey_harness,
};

#[tokio::test]
async fn the_first_sign_in_makes_a_user_and_later_ones_find_them_by_the_identity() {
    let openid = OpenId::open(settings()).await;
    let entries = openid.harness.entries().await;
    let begun = openid.sign_in(person(&["leads", "others"])).await.unwrap();
    assert_eq!(begun.session.session.level, SessionLevel::Full);
    assert_eq!(openid.harness.actions(entries).await, ["user.created", "user.identity_linked", "user.signed_in"]);
    let user = openid.user().await;
    assert_eq!((user.record.role, user.record.status), (Role::Lead, UserStatus::Active));
    assert_eq!(user.record.name.as_str(), "Morgan Halloran");
    openid.harness.people.authenticate(&begun.session.token).await.unwrap();
    let moved = ProviderPerson { email: Some("other@b.example".into()), name: None, ..person(&["leads"]) };
    let again = openid.sign_in(moved).await.unwrap();
    assert_eq!(again.user.meta.id, user.meta.id, "neither address nor name decide");
    assert_eq!(openid.harness.actions(entries + 3).await, ["user.signed_in"]);
    let without_email = ProviderPerson { email: None, is_email_verified: false, ..person(&["leads"]) };
    assert!(openid.sign_in(without_email).await.is_ok());
}

#[tokio::test]
async fn the_role_follows_the_groups_at_every_sign_in_and_a_change_is_audited_and_ends_sessions() {
    let openid = OpenId::open(settings()).await;
    let earlier = openid.sign_in(person(&["admins", "leads"])).await.unwrap();
    assert_eq!((openid.user().await.record.role, earlier.session.session.level), (Role::Admin, SessionLevel::Full));
    openid.harness.advance(1);
    let entries = openid.harness.entries().await;
    openid.sign_in(person(&["leads"])).await.unwrap();
    assert_eq!(openid.harness.actions(entries).await, ["user.signed_in", "user.role_set"]);
    let log = openid.harness.fixture.audit_log(openid.harness.home.id).await;
    assert_eq!(log.last().unwrap().entry.changes[0].field, "role");
    assert_eq!(openid.user().await.record.role, Role::Lead);
    assert!(openid.harness.people.authenticate(&earlier.session.token).await.is_err());
    assert_eq!(openid.sign_in(person(&["others"])).await.unwrap_err(), OpenIdRefusal::NoRole);
    assert_eq!(openid.user().await.record.role, Role::Lead);
}

#[tokio::test]
async fn an_invited_user_is_linked_by_a_verified_address_and_the_invitation_is_used_up() {
    let openid = OpenId::open(settings()).await;
    let invited = openid.invite(Role::Admin).await;
    let unverified = ProviderPerson { is_email_verified: false, ..person(&["leads"]) };
    assert_eq!(openid.sign_in(unverified).await.unwrap_err(), OpenIdRefusal::EmailNotVerified);
    let entries = openid.harness.entries().await;
    let begun = openid.sign_in(person(&["leads"])).await.unwrap();
    assert_eq!(openid.harness.actions(entries).await, ["user.activated", "user.identity_linked", "user.signed_in"]);
    assert_eq!(begun.user.meta.id, invited.0.meta.id);
    assert_eq!(openid.user().await.record.role, Role::Lead, "the groups decide, not the invitation");
    let used = openid.harness.use_link(&invited.1.token, PASSWORD).await;
    assert!(matches!(used, Err(PeopleError::LinkInvalid)), "{used:?}");
}

#[tokio::test]
async fn without_a_mapping_roles_are_managed_here() {
    let rules = OpenIdRules {
        roles: GroupRoles { mapping: Vec::new(), default: Some(Role::Reader) },
        ..OpenIdRules::default()
    };
    let openid = OpenId::open(OpenIdSettings { rules, ..settings() }).await;
    let (invited, _) = openid.invite(Role::Auditor).await;
    openid.sign_in(person(&["leads"])).await.unwrap();
    assert_eq!(openid.user().await.record.role, Role::Auditor);
    let Harness { people, home, .. } = &openid.harness;
    people.set_role(&openid.harness.operator(), home, invited.meta.id, Role::Admin).await.unwrap();
    openid.sign_in(person(&[])).await.unwrap();
    assert_eq!(openid.user().await.record.role, Role::Admin);
    let other = ProviderPerson { subject: "2".into(), email: Some("new@b.example".into()), ..person(&[]) };
    assert_eq!(openid.sign_in(other).await.unwrap().user.record.role, Role::Reader);
}

#[tokio::test]
async fn a_user_with_a_password_is_never_linked_by_an_address_but_by_an_operator() {
    let openid = OpenId::open(settings()).await;
    let user = openid.harness.active_user(EMAIL, Role::Lead).await;
    assert_eq!(openid.sign_in(person(&["admins"])).await.unwrap_err(), OpenIdRefusal::HasPassword);
    assert_eq!(openid.user().await, user, "nothing was changed");
    let Harness { people, home, .. } = &openid.harness;
    let (author, id, identity) = (openid.harness.operator(), user.meta.id, (ISSUER, "248289761001"));
    people.link_identity(&author, home, id, identity).await.unwrap();
    let twice = people.link_identity(&author, home, id, identity).await;
    assert!(matches!(twice, Err(PeopleError::IdentityTaken)), "{twice:?}");
    let malformed = people.link_identity(&author, home, id, (ISSUER, "a\nb")).await;
    assert!(matches!(malformed, Err(PeopleError::Invalid(_))), "{malformed:?}");
    let begun = openid.sign_in(person(&["leads"])).await.unwrap();
    assert_eq!(begun.user.meta.id, id);
    assert_eq!(people.unlink_identities(&author, home, id).await.unwrap(), 1);
    assert!(people.authenticate(&begun.session.token).await.is_err());
    assert_eq!(openid.sign_in(person(&["leads"])).await.unwrap_err(), OpenIdRefusal::HasPassword);
}

#[tokio::test]
async fn a_user_has_at_most_ten_identities() {
    let openid = OpenId::open(settings()).await;
    let (user, _) = openid.invite(Role::Lead).await;
    let Harness { people, home, .. } = &openid.harness;
    for number in 0..10 {
        let identity = (ISSUER, &*format!("{number}"));
        people.link_identity(&openid.harness.operator(), home, user.meta.id, identity).await.unwrap();
    }
    let refused = people.link_identity(&openid.harness.operator(), home, user.meta.id, (ISSUER, "10")).await;
    assert!(matches!(refused, Err(PeopleError::TooManyIdentities)), "{refused:?}");
    assert_eq!(people.identities(home.id, user.meta.id).await.unwrap().len(), 10);
}

#[tokio::test]
async fn a_disabled_user_stays_refused_and_is_active_again_once_enabled() {
    let openid = OpenId::open(settings()).await;
    openid.sign_in(person(&["leads"])).await.unwrap();
    let id = openid.user().await.meta.id;
    let Harness { people, home, .. } = &openid.harness;
    people.disable_user(&openid.harness.operator(), home, id).await.unwrap();
    openid.harness.advance(1);
    let entries = openid.harness.entries().await;
    assert_eq!(openid.sign_in(person(&["admins"])).await.unwrap_err(), OpenIdRefusal::Disabled);
    let other_identity = ProviderPerson { subject: "2".into(), ..person(&["admins"]) };
    assert_eq!(openid.sign_in(other_identity).await.unwrap_err(), OpenIdRefusal::Disabled);
    assert_eq!(openid.user().await.record.role, Role::Lead);
    assert_eq!(openid.harness.actions(entries).await, ["user.sign_in_failed"]);
    let log = openid.harness.fixture.audit_log(home.id).await;
    assert_eq!(log.last().unwrap().entry.subject.as_ref().unwrap().id, id.to_string());
    let enabled = people.enable_user(&openid.harness.operator(), home, id).await.unwrap();
    assert_eq!(enabled.record.status, UserStatus::Active);
    assert!(openid.sign_in(person(&["leads"])).await.is_ok());
    let other_identity = ProviderPerson { subject: "2".into(), ..person(&["admins"]) };
    assert_eq!(openid.sign_in(other_identity).await.unwrap_err(), OpenIdRefusal::OtherIdentity);
}

#[tokio::test]
async fn an_answer_that_does_not_belong_to_the_sign_in_is_refused_and_recorded() {
    let openid = OpenId::open(settings()).await;
    openid.answer_with(Ok(person(&["leads"])));
    let people = &openid.harness.people;
    let (begun, other) = (people.begin_openid("/app", false).await.unwrap(), people.begin_openid("/app", false).await);
    let (state, other_state) = (begun.url.rsplit_once('=').unwrap().1, other.unwrap().url);
    let other_state = other_state.rsplit_once('=').unwrap().1;
    let with = |state| OpenIdAnswer { state, code: Some("code"), ..OpenIdAnswer::default() };
    let elsewhere = OpenIdAnswer { issuer: Some("https://evil.example"), ..with(state) };
    let cases = [
        (with(state), None, OpenIdRefusal::NotBegun),
        (with(state), Some(""), OpenIdRefusal::NotBegun),
        (with(state), Some(&begun.cookie[1..]), OpenIdRefusal::NotBegun),
        (with(other_state), Some(&*begun.cookie), OpenIdRefusal::OtherState),
        (with(""), Some(&*begun.cookie), OpenIdRefusal::OtherState),
        (elsewhere, Some(&*begun.cookie), OpenIdRefusal::MalformedAnswer),
        (OpenIdAnswer { code: None, ..with(state) }, Some(&*begun.cookie), OpenIdRefusal::MalformedAnswer),
        (OpenIdAnswer { code: Some(""), ..with(state) }, Some(&*begun.cookie), OpenIdRefusal::MalformedAnswer),
    ];
    for (number, (answer, cookie, expected)) in cases.into_iter().enumerate() {
        let entries = openid.harness.entries().await;
        let client = openid.harness.client(&format!("192.0.{number}.1"));
        let outcome = people.complete_openid(answer, cookie, &client).await.unwrap();
        assert_eq!(refusal(outcome), expected);
        assert_eq!(openid.harness.actions(entries).await, ["user.sign_in_failed"], "case {number}");
    }
    openid.harness.advance(600);
    let late = people.complete_openid(with(state), Some(&begun.cookie), &openid.harness.client("192.0.2.1")).await;
    assert_eq!(refusal(late.unwrap()), OpenIdRefusal::TooLate);
}

#[tokio::test]
async fn errors_of_the_provider_are_refusals_of_their_own() {
    let openid = OpenId::open(settings()).await;
    for (error, expected) in [
        ("access_denied", OpenIdRefusal::AccessDenied),
        ("temporarily_unavailable", OpenIdRefusal::ProviderUnavailable),
        ("server_error", OpenIdRefusal::ProviderUnavailable),
        ("invalid_scope", OpenIdRefusal::ProviderError),
        ("", OpenIdRefusal::ProviderError),
    ] {
        let answer = OpenIdAnswer { error: Some(error), code: Some("ignored"), ..OpenIdAnswer::default() };
        assert_eq!(refusal(openid.complete(answer).await), expected, "{error}");
    }
    let with_code = OpenIdAnswer { code: Some("code"), ..OpenIdAnswer::default() };
    for expected in [OpenIdRefusal::CodeRefused, OpenIdRefusal::IdToken(IdTokenFault::Expired)] {
        openid.answer_with(Err(expected));
        assert_eq!(refusal(openid.complete(with_code).await), expected);
    }
}

#[tokio::test]
async fn guesses_at_codes_are_limited_by_network_and_people_whom_the_provider_accepts_are_not() {
    let openid = OpenId::open(settings()).await;
    let with_code = OpenIdAnswer { code: Some("code"), ..OpenIdAnswer::default() };
    for _ in 0..100 {
        openid.answer_with(Err(OpenIdRefusal::ProviderUnavailable));
        refusal(openid.complete(with_code).await);
        assert!(openid.sign_in(person(&["leads"])).await.is_ok());
    }
    openid.answer_with(Err(OpenIdRefusal::CodeRefused));
    for _ in 0..30 {
        assert_eq!(refusal(openid.complete(with_code).await), OpenIdRefusal::CodeRefused);
    }
    let refused = refusal(openid.complete(with_code).await);
    assert!(matches!(refused, OpenIdRefusal::TooManyAttempts { .. }), "{refused}");
}

#[tokio::test]
async fn a_required_second_factor_is_checked_at_every_sign_in() {
    let rules = OpenIdRules { amr: vec!["mfa".to_owned()], ..settings().rules };
    let openid = OpenId::open(OpenIdSettings { rules, ..settings() }).await;
    assert_eq!(openid.sign_in(person(&["admins"])).await.unwrap_err(), OpenIdRefusal::NoSecondFactor);
    let with_factor = ProviderPerson { amr: vec!["pwd".into(), "mfa".into()], ..person(&["admins"]) };
    assert!(openid.sign_in(with_factor).await.is_ok());
    assert_eq!(openid.sign_in(person(&["admins"])).await.unwrap_err(), OpenIdRefusal::NoSecondFactor);
}

#[tokio::test]
async fn where_passwords_are_off_no_password_is_accepted_or_set_in_that_workspace() {
    let openid = OpenId::open(OpenIdSettings {
        workspace: Some(Slug::parse("home").unwrap()),
        allows_passwords: false,
        ..settings()
    })
    .await;
    let (_, link) = openid.invite(Role::Lead).await;
    let used = openid.harness.use_link(&link.token, PASSWORD).await;
    assert!(matches!(used, Err(PeopleError::PasswordsOff)), "{used:?}");
    let before = Harness::open().await;
    before.active_user(EMAIL, Role::Lead).await;
    let with_provider = before.people.clone().with_openid(OpenIdConnect {
        provider: Arc::clone(&openid.provider) as _,
        flows: Arc::clone(&openid.flows) as _,
        settings: OpenIdSettings { allows_passwords: false, ..settings() },
    });
    let client = before.client("192.0.2.1");
    let secret = secrecy::SecretString::from(PASSWORD);
    let sign_in = novantra_people::SignIn { workspace: "home", email: EMAIL, password: &secret };
    let outcome = with_provider.sign_in(&sign_in, &client).await.unwrap();
    assert!(matches!(outcome, SignInOutcome::Refused(_)), "{outcome:?}");
    before.signed_in(EMAIL).await;
}

#[tokio::test]
async fn where_passwords_are_off_no_passkey_is_accepted_either() {
    let openid = OpenId::open(settings()).await;
    let mut registered = passkey_harness::registered().await;
    passkey_harness::begun(registered.sign_in().await);
    registered.harness.people = registered.harness.people.clone().with_openid(OpenIdConnect {
        provider: Arc::clone(&openid.provider) as _,
        flows: Arc::clone(&openid.flows) as _,
        settings: OpenIdSettings { allows_passwords: false, ..settings() },
    });
    assert_eq!(passkey_harness::fault(registered.sign_in().await), PasskeyFault::Unknown);
}

#[tokio::test]
async fn the_workspace_must_be_clear() {
    let openid = OpenId::open(settings()).await;
    openid.harness.fixture.create_organization("away").await;
    assert_eq!(openid.sign_in(person(&["leads"])).await.unwrap_err(), OpenIdRefusal::NoWorkspace);
    let away = OpenId::open(OpenIdSettings { workspace: Some(Slug::parse("away").unwrap()), ..settings() }).await;
    assert_eq!(away.sign_in(person(&["leads"])).await.unwrap_err(), OpenIdRefusal::NoWorkspace, "there is none");
    let organization = away.harness.fixture.create_organization("away").await;
    let begun = away.sign_in(person(&["leads"])).await.unwrap();
    assert_eq!(begun.user.meta.organization, organization);
}

#[tokio::test]
async fn concurrent_first_sign_ins_make_one_user() {
    let openid = OpenId::open(settings()).await;
    openid.answer_with(Ok(person(&["leads"])));
    let mut racing = Vec::new();
    for _ in 0..8 {
        let begun = openid.harness.people.begin_openid("/app", false).await.unwrap();
        let (people, client) = (openid.harness.people.clone(), openid.harness.client("192.0.2.1"));
        racing.push(tokio::spawn(async move {
            let state = begun.url.rsplit_once('=').unwrap().1;
            let answer = OpenIdAnswer { state, code: Some("code"), ..OpenIdAnswer::default() };
            people.complete_openid(answer, Some(&begun.cookie), &client).await.unwrap()
        }));
    }
    for outcome in racing {
        assert!(matches!(outcome.await.unwrap(), OpenIdOutcome::Begun(..)));
    }
    let actions = openid.harness.actions(0).await;
    assert_eq!(actions.iter().filter(|action| *action == "user.created").count(), 1, "{actions:?}");
    assert_eq!(openid.harness.people.users(None, openid.harness.home.id).await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_cookie_of_a_sign_in_keeps_its_secrets() {
    let openid = OpenId::open(settings()).await;
    let begun = openid.harness.people.begin_openid("/app", true).await.unwrap();
    let flow = openid.flows.decrypt(&begun.cookie).unwrap();
    assert!(flow.is_again && begun.url.contains(&flow.state));
    assert!(!begun.cookie.contains(&flow.verifier) && !begun.url.contains(&flow.verifier));
    assert!(!format!("{flow:?}").contains(&flow.verifier));
}

#[tokio::test]
async fn a_proof_counts_from_the_time_at_which_the_person_gave_it_to_the_provider() {
    let openid = OpenId::open(settings()).await;
    let now = openid.harness.now();
    let without = openid.sign_in(person(&["leads"])).await.unwrap();
    assert!(!without.session.session.is_recent_at(now), "the provider does not say when it was");
    let minute_ago = now - std::time::Duration::from_secs(60);
    let person = ProviderPerson { authenticated_at: Some(minute_ago), ..person(&["leads"]) };
    let begun = openid.sign_in(person).await.unwrap();
    assert_eq!(begun.session.session.authenticated_at, minute_ago);
}

#[tokio::test]
async fn answers_that_sign_nobody_in_are_limited_for_each_network_and_use_up_nothing_of_passwords_or_recognized_devices()
 {
    let openid = OpenId::open(settings()).await;
    let harness = &openid.harness;
    let recognized = openid.sign_in(person(&["leads"])).await.unwrap().device_cookie;
    let garbage = || OpenIdAnswer { code: Some("garbage"), ..OpenIdAnswer::default() };
    openid.answer_with(Err(OpenIdRefusal::CodeRefused));
    let mut asked = 0;
    while refusal(openid.complete(garbage()).await) == OpenIdRefusal::CodeRefused {
        asked += 1;
    }
    assert_eq!(asked, 30);
    // Passwords have attempts of their own.
    harness.active_user("other@b.example", Role::Lead).await;
    harness.signed_in("other@b.example").await;
    // A device on which the person signed in before charges itself only, and it is limited, too.
    let client = Client { device_cookie: recognized, ..harness.client("192.0.2.1") };
    for _ in 0..5 {
        assert_eq!(refusal(openid.complete_on(garbage(), &client).await), OpenIdRefusal::CodeRefused);
    }
    let limited = refusal(openid.complete_on(garbage(), &client).await);
    assert!(matches!(limited, OpenIdRefusal::TooManyAttempts { .. }), "{limited}");
    harness.advance(60);
    openid.answer_with(Ok(person(&["leads"])));
    for _ in 0..40 {
        let begun = openid.complete_on(garbage(), &client).await;
        assert!(matches!(begun, OpenIdOutcome::Begun(..)), "a sign-in that succeeds is not charged: {begun:?}");
    }
}
