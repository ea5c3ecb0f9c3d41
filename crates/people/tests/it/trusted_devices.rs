//! Devices on which users signed in before: they count only with the credentials that the user had then.

use auth::{Role, UserCaller};
use novantra_people::{BegunSession, Client, Enrolled, EnrollmentForm};
use secrecy::SecretString;

use crate::{
    harness::{EMAIL, Harness, OTHER_PASSWORD, PASSWORD, refused},
    passkey_harness::{add, authenticator},
};

/// A change of the credentials of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Password,
    ResetLink,
    AppEnrolled,
    AppReplaced,
    AppRemoved,
    PasskeyAdded,
    PasskeyRemoved,
    FactorsLost,
}

async fn enroll(harness: &Harness, caller: &UserCaller) -> Enrolled {
    let offer = harness.people.offer_second_factor(&caller.user);
    let code = harness.code(&offer.secret);
    let form = EnrollmentForm { sealed: &offer.sealed, code: &code };
    harness.people.enroll_second_factor(caller, form, &harness.client("192.0.2.1")).await.unwrap()
}

fn cookie(begun: BegunSession) -> Option<String> {
    begun.device_cookie
}

impl Change {
    const ALL: [Self; 8] = [
        Self::Password,
        Self::ResetLink,
        Self::AppEnrolled,
        Self::AppReplaced,
        Self::AppRemoved,
        Self::PasskeyAdded,
        Self::PasskeyRemoved,
        Self::FactorsLost,
    ];

    /// Signs a user in who has what the change needs, and returns the session.
    async fn prepare(self, harness: &Harness) -> BegunSession {
        let begun = harness.signed_in(EMAIL).await;
        let caller = harness.people.authenticate(&begun.session.token).await.unwrap();
        match self {
            Self::AppReplaced | Self::AppRemoved | Self::FactorsLost => enroll(harness, &caller).await.begun,
            Self::PasskeyRemoved => add(harness, &caller, &mut authenticator()).await.unwrap().begun,
            _ => begun,
        }
    }

    /// Makes the change, and returns the cookie that the device has after it.
    async fn make(self, harness: &Harness, caller: &UserCaller) -> Option<String> {
        let (people, client) = (&harness.people, harness.client("192.0.2.1"));
        let [current, new] = [PASSWORD, OTHER_PASSWORD].map(SecretString::from);
        let id = caller.user.meta.id;
        match self {
            Self::Password => cookie(people.change_password(caller, &current, &new, &client).await.unwrap()),
            Self::ResetLink | Self::FactorsLost => {
                let lost = self == Self::FactorsLost;
                let (_, link) = people.issue_reset(&harness.operator(), &harness.home, id, lost).await.unwrap();
                if lost { None } else { cookie(harness.use_link(&link.token, PASSWORD).await.unwrap()) }
            }
            Self::AppEnrolled | Self::AppReplaced => cookie(enroll(harness, caller).await.begun),
            Self::AppRemoved => Some(people.remove_second_factor(caller, &client).await.unwrap()),
            Self::PasskeyAdded => cookie(add(harness, caller, &mut authenticator()).await.unwrap().begun),
            Self::PasskeyRemoved => {
                let security = people.security(caller, harness.home.id, id).await.unwrap();
                Some(people.remove_passkey(caller, security.passkeys[0].id, &client).await.unwrap())
            }
        }
    }
}

/// Whether an attempt with this cookie is refused once strangers have used the attempts of the network up.
async fn is_strangers(harness: &Harness, cookie: &str) -> bool {
    let stranger = harness.client("203.0.113.9");
    while refused(harness.sign_in(EMAIL, "not the password", &stranger).await).retry_after.is_none() {}
    let device = Client { device_cookie: Some(cookie.to_owned()), ..stranger };
    refused(harness.sign_in(EMAIL, "not the password", &device).await).retry_after.is_some()
}

#[tokio::test]
async fn a_device_is_a_strangers_after_each_change_of_credentials_but_the_one_on_which_it_was_made() {
    for change in Change::ALL {
        let harness = Harness::open().await;
        harness.active_user(EMAIL, Role::Lead).await;
        let begun = change.prepare(&harness).await;
        let caller = harness.people.authenticate(&begun.session.token).await.unwrap();
        let before = begun.device_cookie.unwrap();
        assert!(!is_strangers(&harness, &before).await, "{change:?}");
        harness.advance(1);
        let after = change.make(&harness, &caller).await;
        assert!(is_strangers(&harness, &before).await, "{change:?}");
        if let Some(after) = after {
            assert!(!is_strangers(&harness, &after).await, "{change:?}");
        }
    }
}

#[tokio::test]
async fn the_use_of_credentials_leaves_a_device_recognized() {
    let harness = Harness::open().await;
    harness.active_user(EMAIL, Role::Lead).await;
    let begun = harness.signed_in(EMAIL).await;
    let caller = harness.people.authenticate(&begun.session.token).await.unwrap();
    let enrolled = enroll(&harness, &caller).await;
    let cookie = enrolled.begun.device_cookie.unwrap();
    harness.advance(60);
    let pending = harness.signed_in(EMAIL).await;
    let code = enrolled.recovery_codes[0].expose();
    let client = harness.client("192.0.2.1");
    let complete = harness.people.verify_second_factor(&pending.session.token, &code, &client).await.unwrap();
    let renewed = crate::harness::begun(complete).device_cookie.unwrap();
    assert!(!is_strangers(&harness, &cookie).await);
    assert!(!is_strangers(&harness, &renewed).await);
}
