//! The first step of a sign-in: the password.

use std::time::Duration;

use auth::{
    Credentials, CredentialsFingerprint, NewSession, PasswordCheck, Session, SessionLevel, StoredUser, User, UserId,
    parse_user_email, password_accepted,
};
use kernel::{OrganizationId, OrganizationRef, Reader, Slug, Ulid};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest as _, Sha256};

use crate::{
    attempts::Step,
    author::Client,
    error::PeopleError,
    observer::{HashingPriority, SignInStep},
    password_rules::normalized,
    people::{MAX_ATTEMPTS, People},
    refusals::SignInRefusal,
};

/// The values that a person types to sign in.
#[derive(Clone, Debug)]
pub struct SignIn<'a> {
    /// The slug of the workspace.
    pub workspace: &'a str,
    /// The email address.
    pub email: &'a str,
    /// The password.
    pub password: &'a SecretString,
}

/// The outcome of a step of a sign-in.
#[derive(Debug)]
pub enum SignInOutcome {
    /// A session has begun; [`Session::level`] tells what is still missing.
    Begun(Box<BegunSession>),
    /// Something of what was typed is wrong.
    Refused(SignInRefusal),
}

/// A session that has begun, with the cookies to set.
#[derive(Debug)]
pub struct BegunSession {
    /// The session, with the token for its cookie.
    pub session: NewSession,
    /// The user.
    pub user: StoredUser,
    /// The cookie by which the device is recognized, once the sign-in is complete.
    pub device_cookie: Option<String>,
}

/// The user that a sign-in names, or what stands for one.
struct Target {
    organization: Option<OrganizationRef>,
    user: Option<StoredUser>,
    /// The identifier that failures are charged to.
    key: Ulid,
}

impl Target {
    fn refusal(&self, retry_after: Option<Duration>) -> SignInRefusal {
        SignInRefusal {
            organization: self.organization.clone(),
            user: self.user.as_ref().map(|user| user.meta.id),
            retry_after,
        }
    }
}

impl People {
    /// Checks the password, and begins a session if it is right. Nothing tells whether the workspace and the user exist:
    /// neither the outcome, nor its duration, nor the number of attempts that are allowed.
    ///
    /// # Errors
    /// [`PeopleError::Busy`], [`PeopleError::Contended`], or the store fails.
    pub async fn sign_in(&self, sign_in: &SignIn<'_>, client: &Client) -> Result<SignInOutcome, PeopleError> {
        match self.check_password(sign_in, client).await? {
            Ok(begun) => Ok(self.accepted_step(begun)),
            Err(refusal) => self.refused(refusal, client).await,
        }
    }

    /// Counts a step that was accepted.
    pub(crate) fn accepted_step(&self, begun: BegunSession) -> SignInOutcome {
        self.observer.record_step(match begun.session.session.level {
            SessionLevel::Full => SignInStep::Completed,
            SessionLevel::SecondFactorPending | SessionLevel::EnrollmentPending => SignInStep::Continued,
        });
        SignInOutcome::Begun(Box::new(begun))
    }

    /// Records the refusal of an attempt.
    pub(crate) async fn refused(&self, refusal: SignInRefusal, client: &Client) -> Result<SignInOutcome, PeopleError> {
        self.observer.record_step(match refusal.retry_after {
            Some(_) => SignInStep::Limited,
            None => SignInStep::Refused,
        });
        self.record_refusal(&refusal, client).await?;
        Ok(SignInOutcome::Refused(refusal))
    }

    async fn check_password(
        &self,
        sign_in: &SignIn<'_>,
        client: &Client,
    ) -> Result<Result<BegunSession, SignInRefusal>, PeopleError> {
        let target = self.find_target(sign_in).await?;
        let step = Step::Password(target.organization.as_ref().map(|organization| organization.id), target.key);
        let attempt = match self.begin_attempt(step, client).await {
            Err(PeopleError::TooManyAttempts { retry_after }) => return Ok(Err(target.refusal(Some(retry_after)))),
            attempt => attempt?,
        };
        let credentials = self.credentials_of(&target).await?;
        let hash = credentials.as_ref().map(|credentials| credentials.password.clone());
        let password = normalized(sign_in.password.expose_secret()).unwrap_or_default();
        let priority = if attempt.is_on_trusted_device { HashingPriority::Trusted } else { HashingPriority::Common };
        let check = match self.pool.verify(password.clone(), hash, priority).await {
            Err(error) => {
                self.refund(&attempt);
                return Err(error);
            }
            Ok(check) => check,
        };
        let (Some(organization), Some(user), Some(credentials)) = (&target.organization, &target.user, credentials)
        else {
            return Ok(Err(target.refusal(None)));
        };
        let is_off = self.refuses_passwords(organization).await?;
        if check == PasswordCheck::Wrong || !user.record.is_active() || is_off {
            return Ok(Err(target.refusal(None)));
        }
        self.refund(&attempt);
        let is_outdated = check == PasswordCheck::RightButOutdated;
        let begun =
            self.begin_session(organization, user.meta.id, &credentials, (password, is_outdated), client).await?;
        Ok(begun.ok_or_else(|| target.refusal(None)))
    }

    /// Begins the session after the right password; `None` if the user was disabled or the password changed meanwhile.
    async fn begin_session(
        &self,
        organization: &OrganizationRef,
        id: UserId,
        verified: &Credentials,
        (password, is_outdated): (SecretString, bool),
        client: &Client,
    ) -> Result<Option<BegunSession>, PeopleError> {
        let rehashed = if is_outdated { Some(self.pool.hash(password).await?) } else { None };
        let browser = client.browser();
        for _ in 0..MAX_ATTEMPTS {
            let user = self.user(organization.id, id).await?;
            let credentials = self.parts.store.credentials(organization.id, id).await?;
            let is_same = |credentials: &Credentials| credentials.password == verified.password;
            let Some(credentials) = credentials.filter(is_same).filter(|_| user.record.is_active()) else {
                return Ok(None);
            };
            let sessions = self.parts.store.sessions(organization.id, id).await?;
            let attribution = Self::own_attribution(&user, &client.origin);
            let context = self.context(organization, &attribution, None);
            let sign_in = auth::SignInContext { sessions, ..self.sign_in_context(&browser) };
            let timestamp = self.parts.store.begin_write();
            let (change, session) =
                password_accepted(&context, timestamp, &user, &credentials, rehashed.clone(), sign_in);
            if self.commit(change).await? {
                let fingerprint = CredentialsFingerprint::of(Some(&credentials));
                return Ok(Some(self.begun(session, user, fingerprint, client)));
            }
        }
        Err(PeopleError::Contended)
    }

    /// Adds the cookie of the device to a session that is complete. The fingerprint is that of the credentials with which it
    /// began.
    pub(crate) fn begun(
        &self,
        session: NewSession,
        user: StoredUser,
        fingerprint: CredentialsFingerprint,
        client: &Client,
    ) -> BegunSession {
        let Session { organization, level, .. } = session.session;
        let is_full = level == SessionLevel::Full;
        let device_cookie = is_full.then(|| self.device_cookie(client, (organization, user.meta.id), fingerprint));
        BegunSession { session, user, device_cookie }
    }

    /// Looks the user up with as many reads whether they exist or not.
    async fn find_target(&self, sign_in: &SignIn<'_>) -> Result<Target, PeopleError> {
        let workspace = Slug::parse(sign_in.workspace).ok();
        let workspace = match &workspace {
            Some(slug) => self.parts.store.organization(slug).await?,
            None => None,
        };
        let organization = workspace.as_ref().map(OrganizationRef::from);
        let id = organization.as_ref().map_or(OrganizationId::INSTALLATION, |organization| organization.id);
        let email = parse_user_email(sign_in.email);
        let key = email.as_ref().map_or("", |email| email.as_str());
        let found = Reader::<User>::get_by_keys(&*self.parts.store, id, &[key]).await?;
        let user = found.into_iter().next();
        let key = user.as_ref().map_or_else(|| stand_in(sign_in), |user| user.meta.ulid());
        Ok(Target { organization, user, key })
    }

    async fn credentials_of(&self, target: &Target) -> Result<Option<Credentials>, PeopleError> {
        let organization = target.organization.as_ref().map_or(OrganizationId::INSTALLATION, |found| found.id);
        let user = target.user.as_ref().map_or(UserId::new(target.key), |user| user.meta.id);
        Ok(self.parts.store.credentials(organization, user).await?)
    }
}

/// Returns an identifier for a user who does not exist, so that failures are limited as those of one who does.
fn stand_in(sign_in: &SignIn<'_>) -> Ulid {
    let hash = Sha256::digest(format!("{}\n{}", sign_in.workspace, sign_in.email.trim().to_lowercase()));
    let (first, _) = hash.split_first_chunk::<16>().unwrap_or((&[0; 16], &[]));
    Ulid::from_bytes(*first)
}
