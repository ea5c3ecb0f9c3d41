//! The next step of an authorization request.

use auth::UserId;
use kernel::{Id, Ulid};
use oauth::{ClientKind, Consent, NextStep, OAuthErrorCode, ScopeNames, SignedIn, next_step, read_request};

use crate::{
    authorization::base,
    support::{CATALOGUE, CLIENT, ORGANIZATION, RESOURCE, at, client, form},
};

const USER: UserId = Id::new(Ulid(3));
const DAYS: u64 = 24 * 60 * 60;

fn scopes(text: &str) -> ScopeNames {
    ScopeNames::parse(text, &CATALOGUE).unwrap()
}

fn consent() -> Consent {
    Consent { organization: ORGANIZATION, user: USER, client: CLIENT, scopes: scopes("openid"), given_at: at(0) }
}

fn session() -> SignedIn {
    let authenticated_at = at(100);
    SignedIn { authenticated_at, for_this_request: false, organization_chosen: true, account_selected: false }
}

fn step(changes: &[(&str, &str)], session: Option<SignedIn>, consent: Option<&Consent>) -> NextStep {
    let client = client(ClientKind::Public);
    let request = read_request(&form(&base(), changes), Some(&client), &CATALOGUE, RESOURCE).unwrap();
    next_step(&request, &client, session, &scopes("openid"), consent, at(160))
}

#[test]
fn a_person_signs_in_chooses_the_organization_and_consents_in_this_order() {
    assert_eq!(step(&[], None, Some(&consent())), NextStep::SignIn);
    let undecided = SignedIn { organization_chosen: false, ..session() };
    assert_eq!(step(&[], Some(undecided), Some(&consent())), NextStep::ChooseOrganization);
    assert_eq!(step(&[], Some(session()), None), NextStep::AskConsent);
    assert_eq!(step(&[], Some(session()), Some(&consent())), NextStep::Issue);
}

#[test]
fn a_client_can_demand_each_step_again() {
    let (again, consent) = (SignedIn { for_this_request: true, ..session() }, consent());
    assert_eq!(step(&[("prompt", "login")], Some(session()), Some(&consent)), NextStep::SignIn);
    assert_eq!(step(&[("prompt", "login")], Some(again), Some(&consent)), NextStep::Issue);
    assert_eq!(step(&[("max_age", "59")], Some(session()), Some(&consent)), NextStep::SignIn);
    assert_eq!(step(&[("max_age", "60")], Some(session()), Some(&consent)), NextStep::Issue);
    assert_eq!(step(&[("max_age", "0")], Some(again), Some(&consent)), NextStep::Issue);
    assert_eq!(step(&[("prompt", "consent")], Some(session()), Some(&consent)), NextStep::AskConsent);
    let select = [("prompt", "select_account")];
    assert_eq!(step(&select, Some(session()), Some(&consent)), NextStep::ChooseOrganization);
    let selected = SignedIn { account_selected: true, ..session() };
    assert_eq!(step(&select, Some(selected), Some(&consent)), NextStep::Issue);
}

#[test]
fn without_a_page_each_step_is_an_error() {
    let refused = |session, consent| match step(&[("prompt", "none")], session, consent) {
        NextStep::Refuse(error) => Some(error.code),
        step => {
            assert_eq!(step, NextStep::Issue);
            None
        }
    };
    let undecided = SignedIn { organization_chosen: false, ..session() };
    assert_eq!(refused(None, None), Some(OAuthErrorCode::LoginRequired));
    assert_eq!(refused(Some(undecided), None), Some(OAuthErrorCode::AccountSelectionRequired));
    assert_eq!(refused(Some(session()), None), Some(OAuthErrorCode::ConsentRequired));
    assert_eq!(refused(Some(session()), Some(&consent())), None);
}

#[test]
fn consent_is_remembered_for_180_days_for_one_client_and_set_of_scopes() {
    let consent = consent();
    assert!(consent.is_valid_for(&scopes("openid"), at(180 * DAYS - 1)));
    assert!(consent.is_valid_for(&scopes("openid"), at(0)));
    assert!(!consent.is_valid_for(&scopes("openid"), at(180 * DAYS)));
    assert!(!consent.is_valid_for(&scopes("openid compute"), at(1)));
    assert!(!Consent { given_at: at(2), ..consent.clone() }.is_valid_for(&scopes("openid"), at(1)));
    let other = Consent { client: oauth::ClientId(Ulid(9)), ..consent };
    assert_eq!(step(&[], Some(session()), Some(&other)), NextStep::AskConsent);
}

#[test]
fn consent_is_never_remembered_for_a_public_client_with_a_private_use_scheme() {
    let app = [("redirect_uri", "com.example.app:/cb")];
    assert_eq!(step(&app, Some(session()), Some(&consent())), NextStep::AskConsent);
    assert!(Consent::may_be_remembered(&client(ClientKind::Confidential), "com.example.app:/cb"));
}
