//! The passkeys of a user: registration, names, removal.

use auth::{
    Credentials, CredentialsFingerprint, NewPasskey, Passkey, PasskeyId, PasskeyName, RecoveryCode, Session,
    SessionLevel, StoredUser, UserCaller, UserDenied, UserHandle, passkey_added, passkey_removed, passkey_renamed,
};
use kernel::{Id, Timestamp};
use webauthn::{NewCredential, Registration, RelyingParty, UserEntity, creation_options};

use crate::{
    author::Client,
    error::PeopleError,
    passkey_sign_in::CeremonyOptions,
    people::{MAX_ATTEMPTS, People},
    second_factor::Enrolled,
    sessions::PendingSignIn,
};

/// The form that registers a passkey.
#[derive(Clone, Copy, Debug)]
pub struct PasskeyForm<'a> {
    /// The response of the browser, a JSON document.
    pub response: &'a str,
    /// The name of the passkey.
    pub name: &'a str,
}

/// Names a registration: only this session may answer its challenge, and only while the credentials are the same, so that
/// it is answered once.
fn binding(user: &StoredUser, session: &Session, credentials: &Credentials) -> String {
    let (organization, user, version) = (user.meta.organization, user.meta.id, credentials.version);
    format!("registration of {organization} {user} in {} at {version}", session.id)
}

impl People {
    /// Returns what the browser is asked to register a passkey, for a user in this session.
    ///
    /// # Errors
    /// [`PeopleError::TooManyPasskeys`], [`PeopleError::Denied`], or the store fails.
    pub async fn passkey_registration(
        &self,
        user: &StoredUser,
        session: &Session,
        party: &RelyingParty,
    ) -> Result<CeremonyOptions, PeopleError> {
        let credentials = self.own_credentials(user).await?;
        if credentials.passkeys.len() >= Passkey::MAX_PER_USER {
            return Err(PeopleError::TooManyPasskeys);
        }
        let binding = binding(user, session, &credentials);
        let challenge = self.parts.challenges.issue(&*self.parts.entropy, &binding, self.now());
        let handle = UserHandle { organization: user.meta.organization, user: user.meta.id }.to_bytes();
        let (name, display_name) = (user.record.email.as_str(), user.record.name.as_str());
        let existing: Vec<&[u8]> = credentials.passkeys.iter().map(|passkey| &*passkey.credential_id).collect();
        let entity = UserEntity { handle: &handle, name, display_name };
        Ok(CeremonyOptions(creation_options(party, &challenge, entity, &existing)))
    }

    /// Registers a passkey in a session whose sign-in requires a second factor, and completes the sign-in.
    ///
    /// # Errors
    /// [`PeopleError::Denied`], [`PeopleError::Invalid`], or the store fails.
    pub async fn add_passkey_at_sign_in(
        &self,
        PendingSignIn { user, session }: &PendingSignIn,
        party: &RelyingParty,
        form: PasskeyForm<'_>,
        client: &Client,
    ) -> Result<Enrolled, PeopleError> {
        if session.level != SessionLevel::EnrollmentPending {
            return Err(UserDenied::Incomplete(session.level).into());
        }
        self.add(user.clone(), session, party, form, client).await
    }

    /// Registers a passkey of a signed-in user, who must have proved recently who they are. Recovery codes are returned if
    /// it is their first second factor.
    ///
    /// # Errors
    /// [`PeopleError::Denied`], [`PeopleError::Invalid`], [`PeopleError::TooManyPasskeys`], or the store fails.
    pub async fn add_passkey(
        &self,
        caller: &UserCaller,
        party: &RelyingParty,
        form: PasskeyForm<'_>,
        client: &Client,
    ) -> Result<Enrolled, PeopleError> {
        caller.require_recent(self.now())?;
        self.add((*caller.user).clone(), &caller.session, party, form, client).await
    }

    async fn add(
        &self,
        user: StoredUser,
        session: &Session,
        party: &RelyingParty,
        form: PasskeyForm<'_>,
        client: &Client,
    ) -> Result<Enrolled, PeopleError> {
        let credentials = self.own_credentials(&user).await?;
        if credentials.passkeys.len() >= Passkey::MAX_PER_USER {
            return Err(PeopleError::TooManyPasskeys);
        }
        let name = parse_name(form.name)?;
        let (credential, challenge_at) =
            self.registered(&binding(&user, session, &credentials), party, form.response)?;
        if self.parts.store.user_with_passkey(user.meta.organization, &credential.id).await?.is_some() {
            let message = "was not added, since it is registered already: use it to sign in, or choose another one";
            return Err(PeopleError::field("passkey", message));
        }
        let timestamp = self.parts.store.begin_write();
        let passkey = Passkey {
            id: Id::new(self.parts.entropy.ulid(timestamp.at())),
            credential_id: credential.id,
            public_key: credential.public_key,
            sign_count: credential.sign_count,
            is_backup_eligible: credential.is_backup_eligible,
            name,
            created_at: self.now(),
            last_used_at: None,
            last_challenge_at: challenge_at,
        };
        let codes = match credentials.has_second_factor() {
            true => Vec::new(),
            false => RecoveryCode::generate_all(&*self.parts.entropy),
        };
        let hashes = codes.iter().map(|code| code.hash(user.meta.organization, user.meta.id)).collect::<Vec<_>>();
        let new = NewPasskey { passkey, recovery_codes: Some(hashes).filter(|hashes| !hashes.is_empty()) };
        let organization = self.organization(user.meta.organization).await?;
        let (attribution, browser) = (Self::own_attribution(&user, &client.origin), client.browser());
        let context = self.context(&organization, &attribution, None);
        let sign_in = self.sign_in_context(&browser);
        let (change, begun) = passkey_added(&context, timestamp, &user, &credentials, new, session, &sign_in);
        let fingerprint = CredentialsFingerprint::of(change.new_credentials());
        if self.commit(change).await? {
            Ok(Enrolled { begun: self.begun(begun, user, fingerprint, client), recovery_codes: codes })
        } else {
            Err(PeopleError::Contended)
        }
    }

    /// Verifies the response to the challenge of a registration, and returns the time of the challenge.
    fn registered(
        &self,
        binding: &str,
        party: &RelyingParty,
        response: &str,
    ) -> Result<(NewCredential, Timestamp), PeopleError> {
        let fault = |message: String| PeopleError::field("passkey", message);
        let registration = Registration::parse(response).map_err(|error| fault(format!("was not added: {error}")))?;
        let issued_at = self.parts.challenges.issued_at(binding, registration.challenge());
        let issued_at = issued_at.filter(|at| Passkey::is_challenge_live(*at, self.now())).ok_or_else(|| {
            fault(
                "was not added, since the page was open for more than five minutes or was used before: try again"
                    .into(),
            )
        })?;
        let credential = registration.verify(party, registration.challenge());
        Ok((credential.map_err(|error| fault(format!("was not added: {error}")))?, issued_at))
    }

    /// Gives a passkey of a signed-in user another name.
    ///
    /// # Errors
    /// [`PeopleError::NotFound`], [`PeopleError::Invalid`], or the store fails.
    pub async fn rename_passkey(
        &self,
        caller: &UserCaller,
        id: PasskeyId,
        name: &str,
        client: &Client,
    ) -> Result<(), PeopleError> {
        let name = parse_name(name)?;
        let organization = self.organization(caller.user.meta.organization).await?;
        let attribution = Self::own_attribution(&caller.user, &client.origin);
        let context = self.context(&organization, &attribution, None);
        for _ in 0..MAX_ATTEMPTS {
            let credentials = self.own_credentials(&caller.user).await?;
            let before = find(&credentials, id)?.name.clone();
            let after = credentials.with_renamed_passkey(id, &name).ok_or(PeopleError::NotFound)?;
            if before == name {
                return Ok(());
            }
            let timestamp = self.parts.store.begin_write();
            if self.commit(passkey_renamed(&context, timestamp, &caller.user, after, (&before, &name))).await? {
                return Ok(());
            }
        }
        Err(PeopleError::Contended)
    }

    /// Removes a passkey of a signed-in user, unless it is their only second factor and their role requires one. Returns the
    /// new cookie of the device, which the user stays known on.
    ///
    /// # Errors
    /// [`PeopleError::Denied`], [`PeopleError::NotFound`], [`PeopleError::SecondFactorRequired`], or the store fails.
    pub async fn remove_passkey(
        &self,
        caller: &UserCaller,
        id: PasskeyId,
        client: &Client,
    ) -> Result<String, PeopleError> {
        caller.require_recent(self.now())?;
        let organization = self.organization(caller.user.meta.organization).await?;
        let attribution = Self::own_attribution(&caller.user, &client.origin);
        let context = self.context(&organization, &attribution, None);
        for _ in 0..MAX_ATTEMPTS {
            let credentials = self.own_credentials(&caller.user).await?;
            let name = find(&credentials, id)?.name.clone();
            let after = credentials.without_passkey(id).ok_or(PeopleError::NotFound)?;
            if caller.user.record.role.requires_second_factor() && !after.has_second_factor() {
                return Err(PeopleError::SecondFactorRequired);
            }
            let timestamp = self.parts.store.begin_write();
            let change = passkey_removed(&context, timestamp, &caller.user, after, &name, &caller.session);
            let fingerprint = CredentialsFingerprint::of(change.new_credentials());
            if self.commit(change).await? {
                return Ok(self.device_cookie(client, (organization.id, caller.user.meta.id), fingerprint));
            }
        }
        Err(PeopleError::Contended)
    }

    /// The passkey of a signed-in user with this identifier.
    ///
    /// # Errors
    /// [`PeopleError::NotFound`], or the store fails.
    pub async fn passkey(&self, caller: &UserCaller, id: PasskeyId) -> Result<Passkey, PeopleError> {
        find(&self.own_credentials(&caller.user).await?, id).cloned()
    }
}

fn find(credentials: &Credentials, id: PasskeyId) -> Result<&Passkey, PeopleError> {
    credentials.passkeys.iter().find(|passkey| passkey.id == id).ok_or(PeopleError::NotFound)
}

fn parse_name(text: &str) -> Result<PasskeyName, PeopleError> {
    PasskeyName::parse(text).map_err(|error| PeopleError::field("name", error.to_string()))
}
