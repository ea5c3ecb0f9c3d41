//! Links that work once: invitation, reset, and the first administrator.

use auth::{
    ChosenCredentials, CredentialsFingerprint, LinkPurpose, OneTimeLink, OpaqueToken, Role, StoredUser, User, UserId,
    UserStatus, first_administrator_created, link_used, parse_user_email, user_actor,
};
use kernel::{Actor, ActorKind, Attribution, FieldError, OrganizationRef, Origin, Reader, Title};
use secrecy::SecretString;

use crate::{
    author::Client,
    enrollment::{EnrollmentForm, SecondFactorOffer, offer_to_link},
    error::PeopleError,
    password_rules::PasswordOwner,
    people::{MAX_ATTEMPTS, People},
    second_factor::Enrolled,
};

/// A link that works, for the page that it leads to.
#[derive(Clone, Debug)]
pub struct LinkDetails {
    /// The link.
    pub link: OneTimeLink,
    /// The workspace.
    pub organization: OrganizationRef,
    /// The user; `None` for the first administrator.
    pub user: Option<StoredUser>,
    /// Whether the user has a second factor, which stays.
    pub has_second_factor: bool,
}

/// The form that the user of a link fills in.
#[derive(Clone, Copy, Debug)]
pub struct LinkForm<'a> {
    /// The name, for the first administrator only.
    pub name: &'a str,
    /// The email address, for the first administrator only.
    pub email: &'a str,
    /// The password.
    pub password: &'a SecretString,
    /// The second factor, if it is enrolled in the same step.
    pub second_factor: Option<EnrollmentForm<'a>>,
}

impl People {
    /// Returns what a link is for.
    ///
    /// # Errors
    /// [`PeopleError::LinkInvalid`], or the store fails.
    pub async fn link(&self, token: &OpaqueToken) -> Result<LinkDetails, PeopleError> {
        let found = self.parts.store.one_time_link(token.organization(), token.hash()).await?;
        let link = found.filter(|link| link.is_live_at(self.now())).ok_or(PeopleError::LinkInvalid)?;
        let organization = self.organization(link.organization).await?;
        let (mut user, mut has_second_factor) = (None, false);
        if let Some(id) = link.user {
            let found = self.user(link.organization, id).await?;
            let expected = match link.purpose {
                LinkPurpose::PasswordReset => UserStatus::Active,
                LinkPurpose::Invitation | LinkPurpose::FirstAdministrator => UserStatus::Invited,
            };
            if found.record.status != expected {
                return Err(PeopleError::LinkInvalid);
            }
            let credentials = self.parts.store.credentials(link.organization, id).await?;
            has_second_factor = credentials.is_some_and(|credentials| credentials.has_second_factor());
            user = Some(found);
        }
        Ok(LinkDetails { link, organization, user, has_second_factor })
    }

    /// Offers a secret for an authenticator app to whoever holds the link.
    #[must_use]
    pub fn offer_second_factor_by_link(&self, link: &OneTimeLink) -> SecondFactorOffer {
        self.offer(&offer_to_link(link))
    }

    /// Uses a link: the user is active with the password, and a session begins. It is complete if there is a second
    /// factor in the form, or none is required; recovery codes are returned with a second factor.
    ///
    /// # Errors
    /// [`PeopleError::LinkInvalid`], [`PeopleError::PasswordsOff`], [`PeopleError::Invalid`], [`PeopleError::EmailTaken`],
    /// [`PeopleError::Busy`], or the store fails.
    pub async fn use_link(
        &self,
        token: &OpaqueToken,
        form: LinkForm<'_>,
        client: &Client,
    ) -> Result<Enrolled, PeopleError> {
        let details = self.link(token).await?;
        if self.refuses_passwords(&details.organization).await? {
            return Err(PeopleError::PasswordsOff);
        }
        let first = if details.user.is_none() { Some(first_administrator(&form)?) } else { None };
        let described = details.user.as_ref().map(|user| &user.record).or(first.as_ref());
        let described = described.ok_or(PeopleError::LinkInvalid)?;
        let owner = PasswordOwner {
            name: described.name.to_string(),
            email: described.email.clone(),
            workspace: details.organization.slug.to_string(),
        };
        let password = self.new_password(form.password, owner).await?;
        let password = self.pool.hash(password).await?;
        for _ in 0..MAX_ATTEMPTS {
            let details = self.link(token).await?;
            let timestamp = self.parts.store.begin_write();
            let organization = details.organization.id;
            let id = details.user.as_ref().map(|user| user.meta.id);
            let id = id.unwrap_or_else(|| UserId::new(self.parts.entropy.ulid(timestamp.at())));
            let (second_factor, recovery_codes) = match form.second_factor.filter(|_| !details.has_second_factor) {
                Some(form) => {
                    let offered_to = offer_to_link(&details.link);
                    let (factor, codes) = self.accept_offer(&offered_to, form, (organization, id), self.now())?;
                    (Some(factor), codes)
                }
                None => (None, Vec::new()),
            };
            let chosen = ChosenCredentials { password: password.clone(), second_factor };
            let used = self.use_link_once(&details, (id, first.as_ref()), chosen, timestamp, client).await?;
            if let Some(begun) = used {
                return Ok(Enrolled { begun, recovery_codes });
            }
        }
        Err(PeopleError::Contended)
    }

    pub(crate) async fn use_link_once(
        &self,
        LinkDetails { link, organization, user, .. }: &LinkDetails,
        (id, first): (UserId, Option<&User>),
        chosen: ChosenCredentials,
        timestamp: kernel::WriteTimestamp,
        client: &Client,
    ) -> Result<Option<crate::sign_in::BegunSession>, PeopleError> {
        let browser = client.browser();
        let sign_in = self.sign_in_context(&browser);
        let (change, user, session) = match (user, first) {
            (Some(user), _) => {
                let credentials = self.parts.store.credentials(organization.id, id).await?;
                // The link proves who they are; the record is checked by its revision.
                let attribution = attribution(user_actor(user), &client.origin);
                let context = self.context(organization, &attribution, None);
                let (change, session) =
                    link_used(&context, timestamp, link, user, credentials.as_ref(), chosen, &sign_in);
                (change, user.clone(), session)
            }
            (None, Some(first)) => {
                let existing =
                    Reader::<User>::get_by_keys(&*self.parts.store, organization.id, &[first.email.as_str()]).await?;
                if !existing.is_empty() {
                    return Err(PeopleError::EmailTaken);
                }
                let actor =
                    Actor { kind: ActorKind::User, id: Some(id.to_string().into()), name: first.name.as_str().into() };
                let attribution = attribution(actor, &client.origin);
                let context = self.context(organization, &attribution, None);
                first_administrator_created(&context, timestamp, link, (id, first.clone()), chosen, &sign_in)
            }
            (None, None) => return Err(PeopleError::LinkInvalid),
        };
        let fingerprint = CredentialsFingerprint::of(change.new_credentials());
        let stored = self.commit(change).await?;
        Ok(stored.then(|| self.begun(session, user, fingerprint, client)))
    }
}

fn attribution(actor: Actor, origin: &Origin) -> Attribution {
    Attribution { actor, origin: origin.clone(), actor_revision: None }
}

/// Reads name and email address of the first administrator, with all faults at once.
fn first_administrator(form: &LinkForm<'_>) -> Result<User, PeopleError> {
    let (name, email) = (Title::parse(form.name.trim()), parse_user_email(form.email));
    match (name, email) {
        (Ok(name), Ok(email)) => Ok(User::invited(name, email, Role::Admin)),
        (name, email) => {
            let faults = [name.err().map(|fault| ("name", fault)), email.err().map(|fault| ("email", fault))];
            let faults = faults.into_iter().flatten().map(|(field, fault)| FieldError::new(field, fault.to_string()));
            Err(PeopleError::Invalid(faults.collect()))
        }
    }
}
