//! A user with a passkey, which is an authenticator in software.

use auth::{OpaqueToken, Role, SessionLevel, UserCaller};
use novantra_people::{Enrolled, PasskeyFault, PasskeyForm, PasskeyOutcome, PeopleError, RelyingParty};
use serde_json::Value;
use webauthn::{KeyAlgorithm, SoftwareAuthenticator};

use crate::harness::{EMAIL, Harness};

pub(crate) const ORIGIN: &str = "https://grc.example.org";
pub(crate) const PARTY: &str = "grc.example.org";
pub(crate) const BROWSER: &str = "the key of a browser";

pub(crate) fn party() -> RelyingParty {
    RelyingParty::at(ORIGIN).unwrap()
}

pub(crate) fn authenticator() -> SoftwareAuthenticator {
    SoftwareAuthenticator::new(KeyAlgorithm::Es256, ORIGIN, PARTY)
}

pub(crate) fn json(options: &impl ToString) -> Value {
    serde_json::from_str(&options.to_string()).unwrap()
}

pub(crate) fn begun(outcome: PasskeyOutcome) -> auth::NewSession {
    match outcome {
        PasskeyOutcome::Begun(begun) => begun.session,
        PasskeyOutcome::Refused(refusal) => panic!("{refusal:?}"),
    }
}

pub(crate) fn fault(outcome: PasskeyOutcome) -> PasskeyFault {
    match outcome {
        PasskeyOutcome::Refused(refusal) => refusal.fault,
        PasskeyOutcome::Begun(begun) => panic!("a session has begun: {:?}", begun.session.session),
    }
}

/// A lead with a passkey.
pub(crate) struct Registered {
    pub(crate) harness: Harness,
    pub(crate) authenticator: SoftwareAuthenticator,
    pub(crate) caller: UserCaller,
    pub(crate) enrolled: Enrolled,
}

pub(crate) async fn add(
    harness: &Harness,
    caller: &UserCaller,
    authenticator: &mut SoftwareAuthenticator,
) -> Result<Enrolled, PeopleError> {
    let options = harness.people.passkey_registration(&caller.user, &caller.session, &party()).await?;
    let response = authenticator.register(&json(&options));
    let form = PasskeyForm { response: &response, name: "Laptop" };
    harness.people.add_passkey(caller, &party(), form, &harness.client("192.0.2.1")).await
}

pub(crate) async fn registered() -> Registered {
    let harness = Harness::open().await;
    harness.active_user(EMAIL, Role::Lead).await;
    let caller = harness.caller(EMAIL).await;
    let mut authenticator = authenticator();
    let enrolled = add(&harness, &caller, &mut authenticator).await.unwrap();
    let caller = harness.people.authenticate(&enrolled.begun.session.token).await.unwrap();
    harness.advance(1);
    Registered { harness, authenticator, caller, enrolled }
}

impl Registered {
    pub(crate) fn response(&mut self) -> String {
        let options = self.harness.people.passkey_sign_in(&party(), BROWSER);
        self.authenticator.sign_in(&json(&options))
    }

    pub(crate) async fn send(&self, response: &str) -> PasskeyOutcome {
        self.send_from(response, BROWSER, &party()).await
    }

    pub(crate) async fn send_from(&self, response: &str, browser: &str, party: &RelyingParty) -> PasskeyOutcome {
        let client = self.harness.client("192.0.2.1");
        self.harness.people.sign_in_with_passkey(party, browser, response, &client).await.unwrap()
    }

    pub(crate) async fn sign_in(&mut self) -> PasskeyOutcome {
        let response = self.response();
        self.send(&response).await
    }

    /// Signs in with the password, and returns the token that waits for the second factor.
    pub(crate) async fn pending(&self) -> OpaqueToken {
        let pending = self.harness.signed_in(EMAIL).await;
        assert_eq!(pending.session.session.level, SessionLevel::SecondFactorPending);
        pending.session.token
    }

    /// Answers the challenge of the second step.
    pub(crate) async fn second_step(&mut self, token: &OpaqueToken) -> Result<PasskeyOutcome, PeopleError> {
        let pending = self.harness.people.pending_sign_in(token).await?;
        let choices = self.harness.people.second_factor_choices(&pending, Some(&party())).await?;
        let response = self.authenticator.sign_in(&json(&choices.passkeys.expect("a passkey")));
        let client = self.harness.client("192.0.2.1");
        self.harness.people.verify_passkey(token, &party(), &response, &client).await
    }
}
