//! The sign-in with a passkey: alone, if it verifies its owner, or after the password.

use std::{fmt, time::Duration};

use auth::{
    CredentialsFingerprint, OpaqueToken, Passkey, PasskeyAnswer, Session, StoredUser, UserHandle, passkey_accepted,
};
use kernel::{OrganizationRef, Reader, Timestamp};
use webauthn::{Assertion, RegisteredCredential, RelyingParty, WebauthnError, request_options};

use crate::{
    attempts::Step,
    author::Client,
    error::PeopleError,
    people::{MAX_ATTEMPTS, People},
    refusals::SignInRefusal,
    sessions::PendingSignIn,
    sign_in::BegunSession,
};

/// The options of a ceremony for the browser: a JSON document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CeremonyOptions(pub(crate) serde_json::Value);

impl fmt::Display for CeremonyOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The outcome of a sign-in with a passkey.
#[derive(Debug)]
pub enum PasskeyOutcome {
    /// A complete session has begun.
    Begun(Box<BegunSession>),
    /// The attempt was refused, which is in the audit log.
    Refused(PasskeyRefusal),
}

/// A refused sign-in with a passkey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasskeyRefusal {
    /// The refusal.
    pub refusal: SignInRefusal,
    /// The kind of the fault, by which the person knows how to go on.
    pub fault: PasskeyFault,
}

/// The kind of a refusal, as far as the person may know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasskeyFault {
    /// The challenge was answered too late, was answered before, or was another browser's.
    Expired,
    /// The passkey did not verify its owner, so it counts only after the password.
    Unverified,
    /// The counter of the passkey went back: there may be a copy of it.
    Copied,
    /// The passkey is unknown, another user's, or its answer is wrong.
    Unknown,
    /// There were too many attempts.
    TooMany(Duration),
}

/// The second factors that a sign-in after the password may be completed with.
#[derive(Clone, Debug)]
pub struct SecondFactorChoices {
    /// Whether there is an authenticator app.
    pub has_app: bool,
    /// The options for the browser, if there are passkeys and they can be used here.
    pub passkeys: Option<CeremonyOptions>,
}

/// Names the sign-in of somebody who is not known yet, in the browser that has this key in a cookie.
fn sign_in_binding(browser: &str) -> String {
    format!("sign-in in browser {browser}")
}

/// Names the second step of a sign-in.
fn second_step_binding(session: &Session) -> String {
    format!("second step of {} {}", session.organization, session.id)
}

/// The reason that an answer is refused. A counter that went back has an audit entry of its own.
enum Unaccepted {
    Fault(PasskeyFault),
    Counter { passkey: Box<Passkey>, stored: u32, received: u32 },
}

/// The circumstances of an answer.
struct Answer<'a> {
    assertion: &'a Assertion,
    party: &'a RelyingParty,
    issued_at: Timestamp,
    /// The session that waits for the second factor; `None` if the passkey must verify its owner.
    pending: Option<OpaqueToken>,
}

impl People {
    /// Returns what a browser is asked to sign in somebody who is not known yet. `browser` is a random key that the browser
    /// keeps in a cookie.
    #[must_use]
    pub fn passkey_sign_in(&self, party: &RelyingParty, browser: &str) -> CeremonyOptions {
        let challenge = self.parts.challenges.issue(&*self.parts.entropy, &sign_in_binding(browser), self.now());
        CeremonyOptions(request_options(party, &challenge, &[]))
    }

    /// Signs in the user whose passkey answered. It must have verified its owner, so that it stands for the password and
    /// the second factor.
    ///
    /// # Errors
    /// [`PeopleError::Contended`], or the store fails.
    pub async fn sign_in_with_passkey(
        &self,
        party: &RelyingParty,
        browser: &str,
        response: &str,
        client: &Client,
    ) -> Result<PasskeyOutcome, PeopleError> {
        let refused = async |fault| {
            let fault = self.charge_unnamed(fault, client).await?;
            self.passkey_refused((None, None), fault, client).await
        };
        let Ok(assertion) = Assertion::parse(response) else { return refused(PasskeyFault::Unknown).await };
        let Some(issued_at) = self.issued_at(&sign_in_binding(browser), &assertion) else {
            return refused(PasskeyFault::Expired).await;
        };
        let Some(handle) = assertion.user_handle().and_then(UserHandle::parse) else {
            return refused(PasskeyFault::Unknown).await;
        };
        let UserHandle { organization, user } = handle;
        let step = Step::Password(Some(organization), user.ulid());
        let answer = Answer { assertion: &assertion, party, issued_at, pending: None };
        self.sign_in_by_answer(handle, step, answer, client).await
    }

    /// Returns the ways to complete a sign-in that waits for its second factor. `party` is `None` where browsers offer no
    /// passkeys.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn second_factor_choices(
        &self,
        PendingSignIn { user, session }: &PendingSignIn,
        party: Option<&RelyingParty>,
    ) -> Result<SecondFactorChoices, PeopleError> {
        let credentials = self.own_credentials(user).await?;
        let passkeys = party.filter(|_| !credentials.passkeys.is_empty()).map(|party| {
            let binding = second_step_binding(session);
            let challenge = self.parts.challenges.issue(&*self.parts.entropy, &binding, self.now());
            let ids: Vec<&[u8]> = credentials.passkeys.iter().map(|passkey| &*passkey.credential_id).collect();
            CeremonyOptions(request_options(party, &challenge, &ids))
        });
        Ok(SecondFactorChoices { has_app: credentials.second_factor.is_some(), passkeys })
    }

    /// Completes a sign-in that waits for its second factor by a passkey of the same user.
    ///
    /// # Errors
    /// [`PeopleError::Denied`] if the session is over or does not wait, [`PeopleError::Contended`], or the store fails.
    pub async fn verify_passkey(
        &self,
        token: &OpaqueToken,
        party: &RelyingParty,
        response: &str,
        client: &Client,
    ) -> Result<PasskeyOutcome, PeopleError> {
        let PendingSignIn { user, session } = self.waiting_for_second_factor(token).await?;
        let handle = UserHandle { organization: user.meta.organization, user: user.meta.id };
        let organization = self.organization(handle.organization).await?;
        let refused = async |fault| self.passkey_refused((Some(&organization), Some(&user)), fault, client).await;
        let Ok(assertion) = Assertion::parse(response) else { return refused(PasskeyFault::Unknown).await };
        let Some(issued_at) = self.issued_at(&second_step_binding(&session), &assertion) else {
            return refused(PasskeyFault::Expired).await;
        };
        if assertion.user_handle().is_some_and(|named| named != handle.to_bytes()) {
            return refused(PasskeyFault::Unknown).await;
        }
        let step = Step::SecondFactor(handle.organization, handle.user);
        let answer = Answer { assertion: &assertion, party, issued_at, pending: Some(token.clone()) };
        self.sign_in_by_answer(handle, step, answer, client).await
    }

    /// Charges the device or the network of an answer that names nobody. Returns the fault, which is another if there were too many.
    async fn charge_unnamed(&self, fault: PasskeyFault, client: &Client) -> Result<PasskeyFault, PeopleError> {
        match self.begin_attempt(Step::UnnamedPasskey, client).await {
            Ok(_) => Ok(fault),
            Err(PeopleError::TooManyAttempts { retry_after }) => Ok(PasskeyFault::TooMany(retry_after)),
            Err(error) => Err(error),
        }
    }

    /// Returns the time of the challenge that is answered, if it was issued for this binding and is live.
    fn issued_at(&self, binding: &str, assertion: &Assertion) -> Option<Timestamp> {
        let issued_at = self.parts.challenges.issued_at(binding, assertion.challenge())?;
        Passkey::is_challenge_live(issued_at, self.now()).then_some(issued_at)
    }

    async fn sign_in_by_answer(
        &self,
        UserHandle { organization, user }: UserHandle,
        step: Step,
        answer: Answer<'_>,
        client: &Client,
    ) -> Result<PasskeyOutcome, PeopleError> {
        let found = self.find_user(organization, user).await?;
        let (organization, user) = (found.as_ref().map(|(found, _)| found), found.as_ref().map(|(_, user)| user));
        let attempt = match self.begin_attempt(step, client).await {
            Err(PeopleError::TooManyAttempts { retry_after }) => {
                let fault = PasskeyFault::TooMany(retry_after);
                return self.passkey_refused((organization, user), fault, client).await;
            }
            attempt => attempt?,
        };
        let (Some(organization), Some(user)) = (organization, user) else {
            return self.passkey_refused((organization, None), PasskeyFault::Unknown, client).await;
        };
        if self.refuses_passwords(organization).await? {
            return self.passkey_refused((Some(organization), Some(user)), PasskeyFault::Unknown, client).await;
        }
        match self.accept_answer(organization, user, &answer, client).await? {
            Ok(begun) => {
                self.refund(&attempt);
                Ok(PasskeyOutcome::Begun(Box::new(begun)))
            }
            Err(Unaccepted::Fault(fault)) => {
                self.passkey_refused((Some(organization), Some(user)), fault, client).await
            }
            Err(Unaccepted::Counter { passkey, stored, received }) => {
                self.record_counter(organization, user, &passkey, (stored, received), client).await?;
                self.passkey_refused((Some(organization), Some(user)), PasskeyFault::Copied, client).await
            }
        }
    }

    /// Verifies the answer with what is stored, and begins the session. Decided again if the credentials changed meanwhile.
    async fn accept_answer(
        &self,
        organization: &OrganizationRef,
        user: &StoredUser,
        answer: &Answer<'_>,
        client: &Client,
    ) -> Result<Result<BegunSession, Unaccepted>, PeopleError> {
        let unknown = Ok(Err(Unaccepted::Fault(PasskeyFault::Unknown)));
        let browser = client.browser();
        for _ in 0..MAX_ATTEMPTS {
            let user = self.user(organization.id, user.meta.id).await?;
            let credentials = self.parts.store.credentials(organization.id, user.meta.id).await?;
            let Some(credentials) = credentials.filter(|_| user.record.is_active()) else { return unknown };
            let id = answer.assertion.credential_id();
            let Some(passkey) = credentials.passkeys.iter().find(|one| one.credential_id == id) else { return unknown };
            let verified = answer.assertion.verify(answer.party, answer.assertion.challenge(), &credential(passkey));
            let verified = match verified {
                Err(WebauthnError::Counter { stored, received }) => {
                    return Ok(Err(Unaccepted::Counter { passkey: Box::new(passkey.clone()), stored, received }));
                }
                Err(_) => return unknown,
                Ok(verified) if answer.pending.is_none() && !verified.is_user_verified => {
                    return Ok(Err(Unaccepted::Fault(PasskeyFault::Unverified)));
                }
                Ok(verified) => verified,
            };
            let (sign_count, challenge_at, at) = (verified.sign_count, answer.issued_at, self.now());
            let Some(used) = credentials.with_used_passkey(passkey.id, PasskeyAnswer { sign_count, challenge_at, at })
            else {
                return Ok(Err(Unaccepted::Fault(PasskeyFault::Expired)));
            };
            let pending = match &answer.pending {
                Some(token) => Some(self.waiting_for_second_factor(token).await?.session),
                None => None,
            };
            let sessions = match pending {
                Some(_) => Vec::new(),
                None => self.parts.store.sessions(organization.id, user.meta.id).await?,
            };
            let attribution = Self::own_attribution(&user, &client.origin);
            let context = self.context(organization, &attribution, None);
            let timestamp = self.parts.store.begin_write();
            let sign_in = auth::SignInContext { sessions, ..self.sign_in_context(&browser) };
            let used = (used, &passkey.name);
            let (change, session) = passkey_accepted(&context, timestamp, &user, pending.as_ref(), used, sign_in);
            let fingerprint = CredentialsFingerprint::of(Some(&credentials));
            if self.commit(change).await? {
                return Ok(Ok(self.begun(session, user, fingerprint, client)));
            }
        }
        Err(PeopleError::Contended)
    }

    async fn find_user(
        &self,
        organization: kernel::OrganizationId,
        user: auth::UserId,
    ) -> Result<Option<(OrganizationRef, StoredUser)>, PeopleError> {
        let organization = match self.organization(organization).await {
            Err(PeopleError::NotFound) => return Ok(None),
            organization => organization?,
        };
        let user = Reader::<auth::User>::get(&*self.parts.store, organization.id, user).await?;
        Ok(user.map(|user| (organization, user)))
    }

    /// Records the refusal of an answer.
    async fn passkey_refused(
        &self,
        (organization, user): (Option<&OrganizationRef>, Option<&StoredUser>),
        fault: PasskeyFault,
        client: &Client,
    ) -> Result<PasskeyOutcome, PeopleError> {
        let retry_after = if let PasskeyFault::TooMany(wait) = fault { Some(wait) } else { None };
        let user = user.map(|user| user.meta.id);
        let refusal = SignInRefusal { organization: organization.cloned(), user, retry_after };
        self.record_refusal(&refusal, client).await?;
        Ok(PasskeyOutcome::Refused(PasskeyRefusal { refusal, fault }))
    }
}

fn credential(passkey: &Passkey) -> RegisteredCredential<'_> {
    RegisteredCredential {
        id: &passkey.credential_id,
        public_key: &passkey.public_key,
        sign_count: passkey.sign_count,
        is_backup_eligible: passkey.is_backup_eligible,
    }
}
