//! The password and the profile of a signed-in user.

use auth::{
    Credentials, CredentialsFingerprint, PasswordCheck, StoredUser, UserCaller, password_changed, reauthenticated,
    set_profile,
};
use kernel::{OrganizationRef, RecordKey, Title};
use secrecy::{ExposeSecret, SecretString};

use crate::{
    attempts::Step,
    author::Client,
    error::PeopleError,
    observer::HashingPriority,
    password_rules::{PasswordOwner, check_new_password, normalized},
    people::People,
    refusals::SignInRefusal,
    sign_in::BegunSession,
};

impl People {
    /// Replaces the password of a signed-in user. All sessions end, and a new one begins.
    ///
    /// # Errors
    /// [`PeopleError::WrongPassword`] for the present one, [`PeopleError::Invalid`] for the new one,
    /// [`PeopleError::TooManyAttempts`], [`PeopleError::Busy`], or the store fails.
    pub async fn change_password(
        &self,
        caller: &UserCaller,
        current: &SecretString,
        new: &SecretString,
        client: &Client,
    ) -> Result<BegunSession, PeopleError> {
        let credentials = self.verify_own_password(caller, current, client).await?;
        let organization = self.organization(caller.user.meta.organization).await?;
        let password = self.new_password(new, self.password_owner(caller, &organization)).await?;
        let hash = self.pool.hash(password).await?;
        let (attribution, browser) = (Self::own_attribution(&caller.user, &client.origin), client.browser());
        let (change, begun) = password_changed(
            &self.context(&organization, &attribution, None),
            self.parts.store.begin_write(),
            &caller.user,
            &credentials,
            hash,
            &self.sign_in_context(&browser),
        );
        let fingerprint = CredentialsFingerprint::of(change.new_credentials());
        if self.commit(change).await? {
            Ok(self.begun(begun, (*caller.user).clone(), fingerprint, client))
        } else {
            Err(PeopleError::Contended)
        }
    }

    /// Changes the name and the time zone of a signed-in user.
    ///
    /// # Errors
    /// [`PeopleError::Contended`] if the user was changed meanwhile, or the store fails.
    pub async fn set_profile(
        &self,
        caller: &UserCaller,
        name: Title,
        timezone: Option<RecordKey>,
        client: &Client,
    ) -> Result<StoredUser, PeopleError> {
        let organization = self.organization(caller.user.meta.organization).await?;
        let attribution = Self::own_attribution(&caller.user, &client.origin);
        let context = self.context(&organization, &attribution, None);
        let timestamp = self.parts.store.begin_write();
        let (change, after) = set_profile(&context, timestamp, &caller.user, name, timezone);
        if self.commit(change).await? { Ok(after) } else { Err(PeopleError::Contended) }
    }

    /// Proves again who a signed-in user is, before a sensitive action.
    ///
    /// # Errors
    /// [`PeopleError::WrongPassword`], [`PeopleError::TooManyAttempts`], [`PeopleError::Busy`], or the store fails.
    pub async fn reauthenticate(
        &self,
        caller: &UserCaller,
        password: &SecretString,
        client: &Client,
    ) -> Result<(), PeopleError> {
        self.verify_own_password(caller, password, client).await?;
        let organization = self.organization(caller.user.meta.organization).await?;
        let attribution = Self::own_attribution(&caller.user, &client.origin);
        let context = self.context(&organization, &attribution, None);
        let timestamp = self.parts.store.begin_write();
        let change = reauthenticated(&context, timestamp, &caller.user, &caller.session);
        if self.commit(change).await? { Ok(()) } else { Err(PeopleError::Contended) }
    }

    /// Checks the password of a signed-in user. Failures are charged as those of a sign-in are.
    async fn verify_own_password(
        &self,
        caller: &UserCaller,
        password: &SecretString,
        client: &Client,
    ) -> Result<Credentials, PeopleError> {
        let (organization, user) = (caller.user.meta.organization, caller.user.meta.ulid());
        let refusal = async |retry_after| {
            let organization = Some(self.organization(organization).await?);
            let refusal = SignInRefusal { organization, user: Some(caller.user.meta.id), retry_after };
            Ok::<_, PeopleError>(self.record_refusal(&refusal, client).await?)
        };
        let attempt = match self.begin_attempt(Step::Password(Some(organization), user), client).await {
            Err(PeopleError::TooManyAttempts { retry_after }) => {
                refusal(Some(retry_after)).await?;
                return Err(PeopleError::TooManyAttempts { retry_after });
            }
            attempt => attempt?,
        };
        let credentials = self.own_credentials(&caller.user).await?;
        let password = normalized(password.expose_secret()).unwrap_or_default();
        match self.pool.verify(password, Some(credentials.password.clone()), HashingPriority::Trusted).await {
            Ok(PasswordCheck::Wrong) => {
                refusal(None).await?;
                Err(PeopleError::WrongPassword)
            }
            checked => {
                self.refund(&attempt);
                checked.map(|_| credentials)
            }
        }
    }

    /// Checks a new password off the threads that serve requests.
    ///
    /// # Errors
    /// [`PeopleError::Invalid`] for the field `password`, or [`PeopleError::Busy`].
    pub(crate) async fn new_password(
        &self,
        password: &SecretString,
        owner: PasswordOwner,
    ) -> Result<SecretString, PeopleError> {
        let text = password.clone();
        let checked =
            self.pool.run(HashingPriority::Trusted, move || check_new_password(text.expose_secret(), &owner)).await?;
        checked.map_err(|fault| PeopleError::field("password", fault.to_string()))
    }

    fn password_owner(&self, caller: &UserCaller, organization: &OrganizationRef) -> PasswordOwner {
        let user = &caller.user.record;
        let workspace = organization.slug.to_string();
        PasswordOwner { name: user.name.to_string(), email: user.email.clone(), workspace }
    }
}
