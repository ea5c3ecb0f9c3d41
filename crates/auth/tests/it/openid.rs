//! The decisions about people whom an OpenID Connect provider vouches for.

use std::time::Duration;

use auth::{
    GroupRoles, IdTokenClaims, IdTokenExpectation, IdTokenFault, OpenIdAccount, OpenIdFlow, OpenIdRefusal, OpenIdRules,
    ProviderPerson, Role, SameEmail, StoredUser, User, UserStatus, parse_user_email,
};
use kernel::{Id, Stored, Timestamp, Title};
use ulid::Ulid;

const NOW: Timestamp = Timestamp::from_millis(1_779_718_113_000);
const ISSUER: &str = "https://login.example.org";
const CLIENT: &str = "novantra";

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn claims() -> IdTokenClaims {
    IdTokenClaims {
        issuer: ISSUER.to_owned(),
        subject: "248289761001".to_owned(),
        audiences: vec![CLIENT.to_owned()],
        authorized_party: None,
        expires_at: NOW + seconds(300),
        issued_at: NOW,
        not_before: None,
        nonce: Some("n-0S6".to_owned()),
        authenticated_at: None,
    }
}

fn check(edit: impl FnOnce(&mut IdTokenClaims)) -> Result<(), IdTokenFault> {
    let mut claims = claims();
    edit(&mut claims);
    claims.check(IdTokenExpectation { issuer: ISSUER, client_id: CLIENT, nonce: "n-0S6" }, NOW)
}

#[test]
fn an_id_token_is_accepted_within_the_tolerance_of_clocks() {
    assert_eq!(check(|_| {}), Ok(()));
    assert_eq!(check(|claims| claims.expires_at = NOW - seconds(59)), Ok(()));
    assert_eq!(check(|claims| claims.issued_at = NOW + seconds(60)), Ok(()));
    assert_eq!(check(|claims| claims.issued_at = NOW - seconds(599)), Ok(()));
    assert_eq!(check(|claims| claims.not_before = Some(NOW + seconds(60))), Ok(()));
    assert_eq!(check(|claims| claims.authorized_party = Some(CLIENT.into())), Ok(()));
    let several = |claims: &mut IdTokenClaims| {
        claims.audiences.push("another".into());
        claims.authorized_party = Some(CLIENT.into());
    };
    assert_eq!(check(several), Ok(()));
}

#[test]
fn each_claim_of_an_id_token_that_does_not_fit_is_refused() {
    type Edit = fn(&mut IdTokenClaims);
    let edits: [(Edit, IdTokenFault); 16] = [
        (|claims| claims.issuer = "https://login.example.org/".into(), IdTokenFault::Issuer),
        (|claims| claims.issuer = "https://evil.example".into(), IdTokenFault::Issuer),
        (|claims| claims.audiences = vec!["another".into()], IdTokenFault::Audience),
        (|claims| claims.audiences.clear(), IdTokenFault::Audience),
        (|claims| claims.audiences.push("another".into()), IdTokenFault::AuthorizedParty),
        (|claims| claims.authorized_party = Some("another".into()), IdTokenFault::AuthorizedParty),
        (|claims| claims.subject = String::new(), IdTokenFault::Subject),
        (|claims| claims.subject = "x".repeat(256), IdTokenFault::Subject),
        (|claims| claims.subject = "a\nb".into(), IdTokenFault::Subject),
        (|claims| claims.nonce = None, IdTokenFault::Nonce),
        (|claims| claims.nonce = Some("n-0S7".into()), IdTokenFault::Nonce),
        (|claims| claims.expires_at = NOW - seconds(60), IdTokenFault::Expired),
        (|claims| claims.expires_at = Timestamp::from_millis(0), IdTokenFault::Expired),
        (|claims| claims.issued_at = NOW + seconds(61), IdTokenFault::IssuedAt),
        (|claims| claims.issued_at = NOW - seconds(600), IdTokenFault::IssuedAt),
        (|claims| claims.not_before = Some(NOW + seconds(61)), IdTokenFault::NotYetValid),
    ];
    for (number, (edit, fault)) in edits.into_iter().enumerate() {
        assert_eq!(check(edit), Err(fault), "edit {number}");
    }
}

fn flow() -> OpenIdFlow {
    OpenIdFlow {
        state: "state".into(),
        nonce: "n-0S6".into(),
        verifier: "v".into(),
        next: "/app".into(),
        started_at: NOW,
        is_again: false,
    }
}

#[test]
fn a_sign_in_is_completed_with_its_state_within_ten_minutes() {
    assert_eq!(flow().check("state", NOW + seconds(599)), Ok(()));
    assert_eq!(flow().check("state", NOW - seconds(60)), Ok(()));
    assert_eq!(flow().check("state", NOW + seconds(600)), Err(OpenIdRefusal::TooLate));
    assert_eq!(flow().check("state", NOW - seconds(61)), Err(OpenIdRefusal::TooLate));
    for other in ["", "stat", "State", "state "] {
        assert_eq!(flow().check(other, NOW), Err(OpenIdRefusal::OtherState), "{other:?}");
    }
}

#[test]
fn the_first_group_of_the_mapping_decides_and_without_a_mapping_the_role_is_kept() {
    let groups = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let mapped =
        GroupRoles { mapping: vec![("auditors".into(), Role::Auditor), ("leads".into(), Role::Lead)], default: None };
    assert_eq!(mapped.role_of(&groups(&["leads", "auditors"]), None), Some(Role::Auditor));
    assert_eq!(mapped.role_of(&groups(&["other", "leads"]), Some(Role::Admin)), Some(Role::Lead));
    assert_eq!(mapped.role_of(&groups(&["Leads", ""]), Some(Role::Admin)), None, "groups are compared byte for byte");
    let with_default = GroupRoles { default: Some(Role::Reader), ..mapped };
    assert_eq!(with_default.role_of(&groups(&["other"]), Some(Role::Admin)), Some(Role::Reader));
    let unmapped = GroupRoles { mapping: Vec::new(), default: Some(Role::Reader) };
    assert_eq!(unmapped.role_of(&groups(&["leads"]), None), Some(Role::Reader));
    assert_eq!(unmapped.role_of(&[], Some(Role::Admin)), Some(Role::Admin));
}

fn person() -> ProviderPerson {
    ProviderPerson {
        issuer: ISSUER.into(),
        subject: "1".into(),
        email: Some("M@B.example".into()),
        is_email_verified: true,
        name: None,
        groups: Vec::new(),
        acr: Some("urn:mace:incommon:iap:silver".into()),
        amr: vec!["pwd".into(), "otp".into()],
        authenticated_at: Some(NOW),
    }
}

#[test]
fn a_required_method_or_class_must_be_stated_by_the_provider() {
    let rules = |amr: &[&str], acr: &[&str]| {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        OpenIdRules { amr: owned(amr), acr: owned(acr), ..OpenIdRules::default() }
    };
    let silver = "urn:mace:incommon:iap:silver";
    for (amr, acr) in [(&[][..], &[][..]), (&["mfa", "otp"], &[]), (&[], &[silver]), (&["pwd"], &["gold", silver])] {
        assert_eq!(rules(amr, acr).check_authentication(&person(), &flow()), Ok(()), "{amr:?} {acr:?}");
    }
    for (amr, acr) in [(&["mfa"][..], &[][..]), (&[], &["gold"]), (&["otp"], &["gold"]), (&["hwk"], &[silver])] {
        let refused = rules(amr, acr).check_authentication(&person(), &flow());
        assert_eq!(refused, Err(OpenIdRefusal::NoSecondFactor), "{amr:?} {acr:?}");
    }
}

#[test]
fn whoever_must_prove_themselves_again_has_done_so_since_the_start() {
    let rules = OpenIdRules::default();
    let again = OpenIdFlow { is_again: true, ..flow() };
    let at = |authenticated_at| ProviderPerson { authenticated_at, ..person() };
    assert_eq!(rules.check_authentication(&at(None), &flow()), Ok(()));
    assert_eq!(rules.check_authentication(&at(Some(NOW - seconds(60))), &again), Ok(()));
    for early in [None, Some(NOW - seconds(61))] {
        assert_eq!(rules.check_authentication(&at(early), &again), Err(OpenIdRefusal::NotAgain), "{early:?}");
    }
}

#[test]
fn an_email_address_counts_if_it_is_verified_or_the_provider_is_trusted_with_it() {
    let strict = OpenIdRules::default();
    assert_eq!(strict.email_of(&person()).unwrap().as_str(), "m@b.example");
    let unverified = ProviderPerson { is_email_verified: false, ..person() };
    assert_eq!(strict.email_of(&unverified), Err(OpenIdRefusal::EmailNotVerified));
    assert!(OpenIdRules { trusts_email: true, ..strict.clone() }.email_of(&unverified).is_ok());
    for email in [None, Some(""), Some("nobody"), Some("a@b\nc.example")] {
        let person = ProviderPerson { email: email.map(str::to_owned), ..person() };
        assert_eq!(strict.email_of(&person), Err(OpenIdRefusal::NoEmail), "{email:?}");
    }
}

fn user(status: UserStatus) -> StoredUser {
    let user = User::invited(Title::parse("Morgan").unwrap(), parse_user_email("m@b.example").unwrap(), Role::Lead);
    Stored::new(Id::new(Ulid(1)), Id::new(Ulid(2)), NOW, user.with_status(status))
}

#[test]
fn an_account_is_found_by_its_identity_and_by_an_address_only_to_accept_an_invitation() {
    let email = || OpenIdRules::default().email_of(&person());
    let same = |status, has_password, has_identity| Some(SameEmail { user: user(status), has_password, has_identity });
    let find = |linked: Option<UserStatus>, same| OpenIdAccount::find(linked.map(user), email, same);
    assert_eq!(find(None, None), Ok(OpenIdAccount::New(email().unwrap())));
    let invited = user(UserStatus::Invited);
    assert_eq!(find(None, same(UserStatus::Invited, false, false)), Ok(OpenIdAccount::Invited(invited.clone())));
    for status in [UserStatus::Active, UserStatus::Invited] {
        assert_eq!(find(Some(status), None), Ok(OpenIdAccount::Linked(user(status))));
    }
    for (same, refusal) in [
        (same(UserStatus::Active, true, false), OpenIdRefusal::HasPassword),
        (same(UserStatus::Active, true, true), OpenIdRefusal::HasPassword),
        (same(UserStatus::Invited, true, false), OpenIdRefusal::HasPassword),
        (same(UserStatus::Active, false, true), OpenIdRefusal::OtherIdentity),
        (same(UserStatus::Active, false, false), OpenIdRefusal::OtherIdentity),
        (same(UserStatus::Invited, false, true), OpenIdRefusal::OtherIdentity),
        (same(UserStatus::Disabled, false, false), OpenIdRefusal::Disabled),
        (same(UserStatus::Disabled, true, false), OpenIdRefusal::Disabled),
    ] {
        assert_eq!(find(None, same), Err(refusal));
    }
    assert_eq!(find(Some(UserStatus::Disabled), None), Err(OpenIdRefusal::Disabled));
    let no_email = OpenIdAccount::find(None, || Err(OpenIdRefusal::EmailNotVerified), None);
    assert_eq!(no_email, Err(OpenIdRefusal::EmailNotVerified));
    let linked = OpenIdAccount::find(Some(user(UserStatus::Active)), || Err(OpenIdRefusal::NoEmail), None);
    assert!(linked.is_ok(), "a linked identity needs no address");
}
