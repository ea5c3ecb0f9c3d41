//! The second step of a sign-in, and the enrollment of a second factor.

use auth::{
    Credentials, CredentialsFingerprint, OpaqueToken, RecoveryCode, SecondFactor, Session, SessionLevel, StoredUser,
    UserCaller, UserDenied, recovery_codes_replaced, second_factor_accepted, second_factor_enrolled,
    second_factor_removed,
};

use crate::{
    attempts::Step,
    author::Client,
    enrollment::{EnrollmentForm, SecondFactorOffer, offer_to_user, owner},
    error::PeopleError,
    observer::SignInStep,
    people::{MAX_ATTEMPTS, People, undecryptable},
    refusals::SignInRefusal,
    sessions::PendingSignIn,
    sign_in::{BegunSession, SignInOutcome},
};

/// A second factor that was enrolled.
#[derive(Debug)]
pub struct Enrolled {
    /// The session that replaces the one in which it was enrolled.
    pub begun: BegunSession,
    /// The recovery codes, which are shown once.
    pub recovery_codes: Vec<RecoveryCode>,
}

/// The credentials after a code was used.
struct Accepted {
    credentials: Credentials,
    uses_recovery_code: bool,
}

impl People {
    /// Checks the code of a sign-in that waits for it, one of the app or a recovery code, and completes the sign-in. Each
    /// code is accepted once, whichever servers it is sent to.
    ///
    /// # Errors
    /// [`PeopleError::Denied`] if the session is over or does not wait for a code, or the store fails.
    pub async fn verify_second_factor(
        &self,
        token: &OpaqueToken,
        code: &str,
        client: &Client,
    ) -> Result<SignInOutcome, PeopleError> {
        let pending = self.waiting_for_second_factor(token).await?;
        let organization = self.organization(pending.user.meta.organization).await?;
        let user = pending.user.meta.id;
        let refusal = |retry_after| {
            let organization = Some(organization.clone());
            SignInRefusal { organization, user: Some(user), retry_after }
        };
        let attempt = match self.begin_attempt(Step::SecondFactor(organization.id, user), client).await {
            Err(PeopleError::TooManyAttempts { retry_after }) => {
                return self.refused(refusal(Some(retry_after)), client).await;
            }
            attempt => attempt?,
        };
        let browser = client.browser();
        for _ in 0..MAX_ATTEMPTS {
            let PendingSignIn { user, session } = self.waiting_for_second_factor(token).await?;
            let Some(accepted) = self.accepted(&user, code).await? else {
                return self.refused(refusal(None), client).await;
            };
            let attribution = Self::own_attribution(&user, &client.origin);
            let context = self.context(&organization, &attribution, None);
            let timestamp = self.parts.store.begin_write();
            let sign_in = self.sign_in_context(&browser);
            let Accepted { credentials, uses_recovery_code } = accepted;
            let (change, begun) =
                second_factor_accepted(&context, timestamp, &user, &session, credentials, uses_recovery_code, &sign_in);
            let fingerprint = CredentialsFingerprint::of(change.new_credentials());
            if self.commit(change).await? {
                self.refund(&attempt);
                return Ok(self.accepted_step(self.begun(begun, user, fingerprint, client)));
            }
        }
        Err(PeopleError::Contended)
    }

    /// Returns the sign-in whose session has this token, if it waits for its second factor.
    pub(crate) async fn waiting_for_second_factor(&self, token: &OpaqueToken) -> Result<PendingSignIn, PeopleError> {
        let pending = self.pending_sign_in(token).await?;
        match pending.session.level {
            SessionLevel::SecondFactorPending => Ok(pending),
            level => Err(UserDenied::Incomplete(level).into()),
        }
    }

    /// Returns the credentials after the code was used; `None` if the code is wrong or was used before.
    async fn accepted(&self, user: &StoredUser, code: &str) -> Result<Option<Accepted>, PeopleError> {
        let (organization, id) = (user.meta.organization, user.meta.id);
        let Some(credentials) = self.parts.store.credentials(organization, id).await? else { return Ok(None) };
        let digits: String = code.chars().filter(|c| !c.is_whitespace()).take(64).collect();
        if digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            let Some(factor) = &credentials.second_factor else { return Ok(None) };
            let accepted = self.matching_step(user, factor, &digits)?;
            let accepted = accepted.and_then(|step| credentials.with_accepted_step(step));
            return Ok(accepted.map(|credentials| Accepted { credentials, uses_recovery_code: false }));
        }
        let used = RecoveryCode::parse(code).map(|code| code.hash(organization, id));
        let accepted = used.and_then(|code| credentials.with_used_recovery_code(code));
        Ok(accepted.map(|credentials| Accepted { credentials, uses_recovery_code: true }))
    }

    fn matching_step(&self, user: &StoredUser, factor: &SecondFactor, code: &str) -> Result<Option<i64>, PeopleError> {
        let owner = owner(user.meta.organization, user.meta.id);
        let secret = self.parts.second_factors.decrypt(&owner, &factor.ciphertext).ok_or_else(undecryptable)?;
        Ok(self.parts.second_factors.matching_step(&secret, code, self.now()))
    }

    /// Offers a secret for an authenticator app to a user.
    #[must_use]
    pub fn offer_second_factor(&self, user: &StoredUser) -> SecondFactorOffer {
        self.offer(&offer_to_user(user))
    }

    /// Enrolls a second factor in a session whose sign-in requires one, and completes the sign-in.
    ///
    /// # Errors
    /// [`PeopleError::Denied`], [`PeopleError::Invalid`], or the store fails.
    pub async fn enroll_at_sign_in(
        &self,
        token: &OpaqueToken,
        form: EnrollmentForm<'_>,
        client: &Client,
    ) -> Result<Enrolled, PeopleError> {
        let PendingSignIn { user, session } = self.pending_sign_in(token).await?;
        if session.level != SessionLevel::EnrollmentPending {
            return Err(UserDenied::Incomplete(session.level).into());
        }
        let enrolled = self.enroll(user, &session, form, client).await?;
        self.observer.record_step(SignInStep::Completed);
        Ok(enrolled)
    }

    /// Enrolls a second factor of a signed-in user, or replaces it. The user must have proved recently who they are.
    ///
    /// # Errors
    /// [`PeopleError::Denied`], [`PeopleError::Invalid`], or the store fails.
    pub async fn enroll_second_factor(
        &self,
        caller: &UserCaller,
        form: EnrollmentForm<'_>,
        client: &Client,
    ) -> Result<Enrolled, PeopleError> {
        caller.require_recent(self.now())?;
        self.enroll((*caller.user).clone(), &caller.session, form, client).await
    }

    async fn enroll(
        &self,
        user: StoredUser,
        session: &Session,
        form: EnrollmentForm<'_>,
        client: &Client,
    ) -> Result<Enrolled, PeopleError> {
        let id = (user.meta.organization, user.meta.id);
        let (factor, recovery_codes) = self.accept_offer(&offer_to_user(&user), form, id, self.now())?;
        let organization = self.organization(user.meta.organization).await?;
        let browser = client.browser();
        let attribution = Self::own_attribution(&user, &client.origin);
        let credentials = self.own_credentials(&user).await?;
        let (change, begun) = second_factor_enrolled(
            &self.context(&organization, &attribution, None),
            self.parts.store.begin_write(),
            &user,
            &credentials,
            factor,
            session,
            &self.sign_in_context(&browser),
        );
        let fingerprint = CredentialsFingerprint::of(change.new_credentials());
        if self.commit(change).await? {
            Ok(Enrolled { begun: self.begun(begun, user, fingerprint, client), recovery_codes })
        } else {
            Err(PeopleError::Contended)
        }
    }

    /// Removes the authenticator app of a signed-in user, unless it is their only second factor and their role requires one.
    /// Returns the new cookie of the device, which the user stays known on.
    ///
    /// # Errors
    /// [`PeopleError::Denied`], [`PeopleError::SecondFactorRequired`], or the store fails.
    pub async fn remove_second_factor(&self, caller: &UserCaller, client: &Client) -> Result<String, PeopleError> {
        caller.require_recent(self.now())?;
        let credentials = self.own_credentials(&caller.user).await?;
        if caller.user.record.role.requires_second_factor() && credentials.passkeys.is_empty() {
            return Err(PeopleError::SecondFactorRequired);
        }
        let organization = self.organization(caller.user.meta.organization).await?;
        let attribution = Self::own_attribution(&caller.user, &client.origin);
        let change = second_factor_removed(
            &self.context(&organization, &attribution, None),
            self.parts.store.begin_write(),
            &caller.user,
            &credentials,
            &caller.session,
        );
        let (of, fingerprint) =
            ((organization.id, caller.user.meta.id), CredentialsFingerprint::of(change.new_credentials()));
        if self.commit(change).await? {
            Ok(self.device_cookie(client, of, fingerprint))
        } else {
            Err(PeopleError::Contended)
        }
    }

    /// Replaces the recovery codes of a signed-in user, who sees the new ones once.
    ///
    /// # Errors
    /// [`PeopleError::Denied`], [`PeopleError::NoSecondFactor`], or the store fails.
    pub async fn replace_recovery_codes(
        &self,
        caller: &UserCaller,
        client: &Client,
    ) -> Result<Vec<RecoveryCode>, PeopleError> {
        caller.require_recent(self.now())?;
        let credentials = self.own_credentials(&caller.user).await?;
        if !credentials.has_second_factor() {
            return Err(PeopleError::NoSecondFactor);
        }
        let organization = self.organization(caller.user.meta.organization).await?;
        let attribution = Self::own_attribution(&caller.user, &client.origin);
        let codes = RecoveryCode::generate_all(&*self.parts.entropy);
        let hashes = codes.iter().map(|code| code.hash(organization.id, caller.user.meta.id)).collect();
        let context = self.context(&organization, &attribution, None);
        let timestamp = self.parts.store.begin_write();
        let change = recovery_codes_replaced(&context, timestamp, &caller.user, &credentials, hashes);
        if self.commit(change).await? { Ok(codes) } else { Err(PeopleError::Contended) }
    }

    /// The credentials of a user who has signed in, and therefore has some.
    pub(crate) async fn own_credentials(&self, user: &StoredUser) -> Result<Credentials, PeopleError> {
        let credentials = self.parts.store.credentials(user.meta.organization, user.meta.id).await?;
        credentials.ok_or_else(|| UserDenied::SignedOut.into())
    }
}
